/* test_runtime.c - jobruntime.yaml: values stay as written; what is not a flat map is refused with its place.
 */
#include "cmocka_all.h"

#include <errno.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/strbuf.h"
#include "unpack/runtime.h"

static void values_are_taken_as_written(void **state)
{
    static const char TEXT[] =
        "# comment\nKEY2: 123123\nPI: 3.10\nHEX: 0x1F\nON: true\nYES: yes\nEMPTY:\nNONE: ~\n"
        "QUOTED: \" a b \"\nZERO: 007\nJOB_RUN_ENTRYPOINT: dir/main.py\nBIG: 1e400\n";
    static const char *const WANT[][2] = {
        {"KEY2", "123123"},  {"PI", "3.10"},
        {"HEX", "0x1F"},     {"ON", "true"},
        {"YES", "yes"},      {"EMPTY", ""},
        {"NONE", ""},        {"ZERO", "007"},
        {"QUOTED", " a b "}, {"JOB_RUN_ENTRYPOINT", "dir/main.py"},
        {"BIG", "1e400"},
    };
    AUTO(env) struct env env = {0};
    struct err e = ERR_INIT;

    (void)state;
    if (jobruntime_parse("jobruntime.yaml", TEXT, sizeof(TEXT) - 1, &env, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(env.count, ARRAY_SIZE(WANT));
    for (size_t i = 0; i < ARRAY_SIZE(WANT); i++) {
        const struct env_var *v = env_find(&env, WANT[i][0]);
        assert_non_null(v);
        assert_string_equal(v->value, WANT[i][1]);
        assert_int_equal(v->layer, ENV_JOBRUNTIME);
    }
}

static void nothing_is_fine(void **state)
{
    AUTO(env) struct env env = {0};
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(jobruntime_parse("jobruntime.yaml", "", 0, &env, &e), 0);
    assert_int_equal(jobruntime_parse("jobruntime.yaml", "# x\n", 4, &env, &e), 0);
    assert_int_equal(env.count, 0);
}

static void refusals(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } CASES[] = {
        {"A: 1\nB: [1, 2]\n",
         "jobruntime.yaml:2:4: error: the value of B must be a single value, found a list"},
        {"A:\n  B: 1\n",
         "jobruntime.yaml:2:3: error: the value of A must be a single value, found a mapping"},
        {"- A\n", "jobruntime.yaml:1:1: error: expected a mapping"},
        {"just text\n", "jobruntime.yaml:1:1: error: expected a mapping"},
        {"A: 1\nB-C: 2\n", "jobruntime.yaml:2:1: error: 'B-C' is not a name"},
        {"1A: 2\n", "jobruntime.yaml:1:1: error: '1A' is not a name"},
        {"A: 1\nA: 2\n", "jobruntime.yaml:2:"},
        {"A: \"x\n", "jobruntime.yaml:"},
        {"A: 1\n--- \nB: 2\n", "jobruntime.yaml:2:"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct env env = {0};
        struct err e = ERR_INIT;
        int r = jobruntime_parse("jobruntime.yaml", CASES[i].text, strlen(CASES[i].text), &env, &e);
        if (r != -EINVAL || strstr(e.text, CASES[i].says) == NULL)
            fail_msg("case %zu: %d %s", i, r, e.text);
        assert_int_equal(e.blame, BLAME_ASSIGNMENT);
        assert_null(strchr(e.text, '\n'));
        assert_null(env.var);
    }
}

static void variables_are_capped(void **state)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(JOBRUNTIME_BYTES_MAX);
    struct env env = {0};
    struct err e = ERR_INIT;

    (void)state;
    (void)strbuf_addstr(&text, "A: ");
    for (int i = 0; i < JOB_ENV_CHARS_MAX; i++)
        (void)strbuf_addch(&text, 'x');
    assert_int_equal(jobruntime_parse("jobruntime.yaml", text.data, text.len, &env, &e), -EINVAL);
    assert_non_null(strstr(e.text, "more than 20000 characters"));
    assert_int_equal(jobruntime_parse("jobruntime.yaml", text.data, text.len - 1, &env, &e), 0);
    env_free(&env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_taken_as_written),
        cmocka_unit_test(nothing_is_fine),
        cmocka_unit_test(refusals),
        cmocka_unit_test(variables_are_capped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
