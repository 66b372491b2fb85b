/* test_values.c - the small values everything is made of: errors, buffers, lists, environments, times. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/env.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "base/strlist.h"

static void errors_chain(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(err_errno(&e, ENOENT, BLAME_NODE, "open %s", "/x"), -ENOENT);
    assert_int_equal(err_context(&e, "read the plan"), -ENOENT);
    assert_string_equal(e.text, "read the plan: open /x: No such file or directory");
    assert_int_equal(e.blame, BLAME_NODE);
    assert_int_equal(err_set(&e, 5, BLAME_BUG, "a positive code is a mistake"), -EINVAL);
}

static void a_long_chain_loses_its_tail_not_its_head(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    (void)err_set(&e, -EIO, BLAME_NODE, "%0600d", 1);
    (void)err_context(&e, "the outermost words");
    assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
    assert_int_equal(strncmp(e.text, "the outermost words: 000", 24), 0);
}

static void blames_round_trip(void **state)
{
    (void)state;
    for (unsigned b = 0; b < BLAME_COUNT; b++)
        assert_int_equal(blame_from_name(blame_name((enum blame)b)), b);
    assert_int_equal(blame_from_name("nobody"), BLAME_NONE);
}

static void a_buffer_fails_once_and_for_good(void **state)
{
    AUTO(strbuf) struct strbuf b = STRBUF_INIT(8);

    (void)state;
    assert_int_equal(strbuf_addstr(&b, "12345678"), 0);
    assert_int_equal(strbuf_addch(&b, '9'), -E2BIG);
    assert_int_equal(strbuf_addstr(&b, ""), -E2BIG);
    assert_string_equal(strbuf_str(&b), "12345678");
    assert_null(strbuf_take(&b));
    assert_string_equal(strbuf_str(&b), "");
}

static void a_buffer_can_be_reused_and_handed_over(void **state)
{
    struct strbuf b = STRBUF_INIT(100);
    AUTO_FREE char *text = NULL;

    (void)state;
    assert_int_equal(strbuf_addf(&b, "%d-%s", 12, "ab"), 0);
    strbuf_consume(&b, 3);
    assert_string_equal(strbuf_str(&b), "ab");
    strbuf_consume(&b, 99);
    assert_string_equal(strbuf_str(&b), "");
    (void)strbuf_addstr(&b, "end");
    text = strbuf_take(&b);
    assert_string_equal(text, "end");
    assert_null(b.data);
}

static void lists_end_in_null(void **state)
{
    AUTO(strlist) struct strlist l = {0};
    AUTO(strlist) struct strlist copy = {0};

    (void)state;
    for (int i = 0; i < 20; i++)
        assert_int_equal(strlist_add(&l, "word"), 0);
    assert_int_equal(strlist_addn(&l, "abcdef", 3), 0);
    assert_string_equal(l.item[20], "abc");
    assert_null(l.item[21]);
    assert_int_equal(strlist_addall(&copy, &l), 0);
    assert_int_equal(copy.count, 21);
}

static void higher_layers_win_in_any_order(void **state)
{
    AUTO(env) struct env env = {0};

    (void)state;
    assert_int_equal(env_set(&env, ENV_RUN, "A", "run"), 0);
    assert_int_equal(env_set(&env, ENV_JOB, "A", "job"), 0);
    assert_string_equal(env_value(&env, "A"), "run");
    assert_int_equal(env_set(&env, ENV_PLATFORM, "A", "platform"), 0);
    assert_int_equal(env_set(&env, ENV_RUN, "A", "run again"), 0);
    assert_string_equal(env_value(&env, "A"), "platform");
    assert_int_equal(env_find(&env, "A")->layer, ENV_PLATFORM);
    assert_int_equal(env_set(&env, ENV_JOB, "B", "1"), 0);
    assert_int_equal(env_set(&env, ENV_JOB, "B", "2"), 0);
    assert_string_equal(env_value(&env, "B"), "2");
    assert_null(env_value(&env, "C"));
    assert_int_equal(env.count, 2);
}

static void environment_names(void **state)
{
    (void)state;
    assert_true(env_key_valid("OCI__LAUNCH_CMD"));
    assert_true(env_key_valid("_x1"));
    assert_false(env_key_valid("1x"));
    assert_false(env_key_valid("a-b"));
    assert_false(env_key_valid("a=b"));
    assert_false(env_key_valid(""));
    for (unsigned l = 0; l < ENV_LAYER_COUNT; l++)
        assert_int_equal(env_layer_from_name(env_layer_name((enum env_layer)l)), l);
}

static void times(void **state)
{
    char text[RFC3339_MAX];
    wall_ms_t t = {1795500103123}, back = {0};

    (void)state;
    wall_format(t, text);
    assert_int_equal(wall_parse(text, &back), 0);
    assert_int_equal(back.ms, t.ms);
    wall_format((wall_ms_t){0}, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    assert_int_equal(wall_parse("2026-01-01 00:00:00", &back), -EINVAL);
    assert_int_equal(wall_parse("2026-01-01T00:00:00.000Zx", &back), -EINVAL);
}

static void durations_for_people(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } CASES[] = {{850, "850 ms"},
                 {42100, "42.1 s"},
                 {303000, "5 min 3 s"},
                 {7500000, "2 h 5 min"},
                 {273600000, "3 d 4 h"},
                 {-5, "0 s"},
                 {0, "0 ms"}};
    char text[DURATION_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        duration_format(CASES[i].ms, text);
        assert_string_equal(text, CASES[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_chain),
        cmocka_unit_test(a_long_chain_loses_its_tail_not_its_head),
        cmocka_unit_test(blames_round_trip),
        cmocka_unit_test(a_buffer_fails_once_and_for_good),
        cmocka_unit_test(a_buffer_can_be_reused_and_handed_over),
        cmocka_unit_test(lists_end_in_null),
        cmocka_unit_test(higher_layers_win_in_any_order),
        cmocka_unit_test(environment_names),
        cmocka_unit_test(times),
        cmocka_unit_test(durations_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
