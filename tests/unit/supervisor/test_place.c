/* test_place.c - what the supervisor makes of the unpacking helper's answer, which it does not trust. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>

#include "base/auto.h"
#include "supervisor/place.h"

/* Wait statuses as the kernel encodes them. */
#define EXITED(code)  ((code) << 8)
#define SIGNALED(sig) (sig)

static int judge(const char *answer, int wait_status, struct placed *placed, struct err *e)
{
    struct place_helper h = PLACE_HELPER_INIT;
    int r;

    (void)strbuf_addstr(&h.answer, answer);
    h.process.state = HELPER_ENDED;
    h.process.wait_status = wait_status;
    (void)snprintf(h.process.name, sizeof(h.process.name), "runlet-unpack");
    r = place_result(&h, placed, e);
    place_close(&h);
    return r;
}

static void a_good_answer(void **state)
{
    struct placed placed = {0};
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(judge("{\"unpacked\":true,\"files\":3,\"bytes\":42}\n{\"env\":\"KEY\",\"value\":\"v\"}\n"
                           "{\"entry-file\":\"pkg/main.py\"}\n",
                           EXITED(0), &placed, &e),
                     0);
    assert_string_equal(placed.entry, "pkg/main.py");
    assert_int_equal(placed.files, 3);
    assert_string_equal(env_value(&placed.env, "KEY"), "v");
    assert_int_equal(env_find(&placed.env, "KEY")->layer, ENV_JOBRUNTIME);
    placed_free(&placed);
}

static void bad_answers(void **state)
{
    static const struct {
        const char *answer;
        int status;
        enum blame blame;
        const char *says;
    } CASES[] = {
        {"{\"unpacked\":false,\"blame\":\"assignment\",\"reason\":\"a.zip is cut short\"}\n", EXITED(1),
         BLAME_ASSIGNMENT, "a.zip is cut short"},
        {"{\"unpacked\":false,\"blame\":\"node\",\"reason\":\"no space\"}\n", EXITED(1), BLAME_NODE,
         "no space"},
        {"", SIGNALED(11), BLAME_NODE, "signal 11"},
        {"", EXITED(1), BLAME_BUG, "failed with status 1"},
        {"", EXITED(0), BLAME_BUG, "without a whole answer"},
        {"{\"unpacked\":true}\n", EXITED(0), BLAME_BUG, "without a whole answer"},
        {"{\"unpacked\":true}\nnonsense\n", EXITED(0), BLAME_BUG, "answer of runlet-unpack"},
        {"{\"unpacked\":true}\n{\"env\":\"BAD KEY\",\"value\":\"v\"}\n{\"entry-file\":\"a.py\"}\n", EXITED(0),
         BLAME_BUG, "unusable name"},
        {"{\"entry-file\":\"a.py\"}\n", EXITED(0), BLAME_ASSIGNMENT, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct placed placed = {0};
        struct err e = ERR_INIT;
        int r = judge(CASES[i].answer, CASES[i].status, &placed, &e);
        if (r >= 0 || e.blame != CASES[i].blame || strstr(e.text, CASES[i].says) == NULL)
            fail_msg("case %zu: %d %s %s", i, r, blame_name(e.blame), e.text);
        assert_null(placed.entry);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_answer),
        cmocka_unit_test(bad_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
