/* test_admission.c - whether another run is taken up. */
#include "cmocka_all.h"

#include "base/auto.h"
#include "run/admission.h"

static void decisions(void **state)
{
    static const struct {
        struct admission state;
        enum admission_answer expect;
    } CASES[] = {
        {{.concurrency = 1, .disk_free = 10, .disk_reserve = 5}, ADMIT},
        {{.concurrency = 1, .active = 1, .disk_free = 10, .disk_reserve = 5}, ADMIT_NOT_FULL},
        {{.concurrency = 2, .active = 1, .disk_free = 10, .disk_reserve = 5}, ADMIT},
        {{.concurrency = 2, .active = 1, .disk_free = 4, .disk_reserve = 5}, ADMIT_NOT_DISK},
        {{.concurrency = 1, .active = 1, .stopping = true, .disk_free = 0, .disk_reserve = 5},
         ADMIT_NOT_STOPPING},
        {{.concurrency = 2, .active = 1, .drained = true, .disk_free = 10, .disk_reserve = 5},
         ADMIT_NOT_DRAINED},
        {{.concurrency = 1, .stopping = true, .drained = true}, ADMIT_NOT_STOPPING},
        {{.concurrency = 1, .going_down = true, .drained = true}, ADMIT_NOT_GOING_DOWN},
        {{.concurrency = 2, .attention = true, .disk_free = 10, .disk_reserve = 5}, ADMIT_NOT_ATTENTION},
        {{.concurrency = 1, .active = 1, .unfit = true, .disk_free = 10, .disk_reserve = 5}, ADMIT_NOT_FIT},
        {{.concurrency = 1, .taken_away = true, .drained = true}, ADMIT_NOT_TAKEN_AWAY},
        {{.concurrency = 1, .leaving = true, .disk_free = 10, .disk_reserve = 5}, ADMIT_NOT_LEAVING},
        {{.concurrency = 2, .attention = true, .unfit = true}, ADMIT_NOT_ATTENTION},
        {{.concurrency = 2, .attention = true, .drained = true}, ADMIT_NOT_DRAINED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        enum admission_answer answer = admission_decide(&CASES[i].state);
        assert_int_equal(answer, CASES[i].expect);
        assert_int_equal(admission_text(answer)[0] == '\0', answer == ADMIT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(decisions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
