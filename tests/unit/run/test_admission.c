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
        {{.places = 1, .concurrency = 1, .disk_free = 10, .disk_reserve = 5}, ADMIT},
        {{.places = 1, .concurrency = 1, .active = 1, .disk_free = 10, .disk_reserve = 5}, ADMIT_NOT_FULL},
        {{.places = 1, .concurrency = 2, .active = 1, .disk_free = 10, .disk_reserve = 5}, ADMIT},
        {{.places = 1, .concurrency = 2, .active = 1, .disk_free = 4, .disk_reserve = 5}, ADMIT_NOT_DISK},
        {{.places = 1, .concurrency = 1, .active = 1, .stopping = true, .disk_free = 0, .disk_reserve = 5},
         ADMIT_NOT_STOPPING},
        {{.places = 1, .concurrency = 2, .active = 1, .drained = true, .disk_free = 10, .disk_reserve = 5},
         ADMIT_NOT_DRAINED},
        {{.places = 1, .concurrency = 1, .stopping = true, .drained = true}, ADMIT_NOT_STOPPING},
        {{.places = 1, .concurrency = 1, .going_down = true, .drained = true}, ADMIT_NOT_GOING_DOWN},
        {{.places = 1, .concurrency = 2, .attention = true, .disk_free = 10, .disk_reserve = 5},
         ADMIT_NOT_ATTENTION},
        {{.places = 1, .concurrency = 1, .active = 1, .unfit = true, .disk_free = 10, .disk_reserve = 5},
         ADMIT_NOT_FIT},
        {{.places = 1, .concurrency = 1, .taken_away = true, .drained = true}, ADMIT_NOT_TAKEN_AWAY},
        {{.places = 1, .concurrency = 1, .leaving = true, .disk_free = 10, .disk_reserve = 5},
         ADMIT_NOT_LEAVING},
        {{.places = 1, .concurrency = 2, .attention = true, .unfit = true}, ADMIT_NOT_ATTENTION},
        {{.places = 1, .concurrency = 2, .attention = true, .drained = true}, ADMIT_NOT_DRAINED},
        /* All nodes of a run, or none. */
        {{.places = 3, .concurrency = 4, .active = 1, .disk_free = 10, .disk_reserve = 5}, ADMIT},
        {{.places = 3, .concurrency = 4, .active = 2, .disk_free = 10, .disk_reserve = 5}, ADMIT_NOT_FULL},
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
