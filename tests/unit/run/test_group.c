/* test_group.c - decisions about a run of several nodes. */
#include "cmocka_all.h"

#include <string.h>

#include "base/auto.h"
#include "run/group.h"

/* Nodes by a letter each: waiting, up (started), ready, good, bad. */
static size_t states_of(const char *text, enum member_state *ret)
{
    static const char LETTERS[] = "wurgb";

    for (size_t i = 0; text[i] != '\0'; i++)
        ret[i] = (enum member_state)(strchr(LETTERS, text[i]) - LETTERS);
    return strlen(text);
}

#define PARALLEL(...)                                                                                        \
    {                                                                                                        \
        .group = { __VA_ARGS__ }                                                                             \
    }
#define ORDERED(...)                                                                                         \
    {                                                                                                        \
        .in_order = true, .group = { __VA_ARGS__ }                                                           \
    }

static void decisions(void **state)
{
    static const struct {
        struct group_plan plan;
        const char *nodes;
        bool stopping;
        struct group_decision expect;
    } CASES[] = {
        {PARALLEL({2, 2}, {1, 1}), "www", false, {.start_to = 3}},
        {PARALLEL({2, 2}, {1, 1}), "uur", false, {.start_to = 3}},
        {PARALLEL({2, 2}, {1, 1}), "ggg", false, {.start_to = 3, .ended = true, .succeeded = true}},
        {PARALLEL({2, 2}, {1, 1}), "grg", false, {.start_to = 3}},
        {PARALLEL({2, 2}, {1, 1}), "gbr", false, {.failed = true, .failed_group = 0}},
        {PARALLEL({2, 2}, {1, 1}), "ggb", false, {.failed = true, .failed_group = 1, .ended = true}},
        {PARALLEL({2, 2}, {1, 1}), "bwb", false, {.failed = true, .failed_group = 0, .ended = true}},
        {PARALLEL({2, 2}, {1, 1}), "bub", false, {.failed = true, .failed_group = 0}},
        /* So many may fail. */
        {PARALLEL({3, 2}), "gbr", false, {.start_to = 3}},
        {PARALLEL({3, 2}), "ggr", false, {.start_to = 3, .succeeded = true}},
        {PARALLEL({3, 2}), "gbg", false, {.start_to = 3, .ended = true, .succeeded = true}},
        {PARALLEL({3, 2}), "bbr", false, {.failed = true}},
        {PARALLEL({3, 1}), "bbg", false, {.start_to = 3, .ended = true, .succeeded = true}},
        {PARALLEL({3, 1}), "bbb", false, {.failed = true, .ended = true}},
        /* One group after another. */
        {ORDERED({2, 2}, {2, 2}, {1, 1}), "wwwww", false, {.start_to = 2}},
        {ORDERED({2, 2}, {2, 2}, {1, 1}), "urwww", false, {.start_to = 2}},
        {ORDERED({2, 2}, {2, 2}, {1, 1}), "rrwww", false, {.start_to = 4}},
        {ORDERED({2, 2}, {2, 2}, {1, 1}), "ggrrw", false, {.start_to = 5}},
        {ORDERED({2, 2}, {2, 2}, {1, 1}), "rbwww", false, {.failed = true, .failed_group = 0}},
        {ORDERED({2, 2}, {2, 2}, {1, 1}), "gbwww", false, {.failed = true, .failed_group = 0, .ended = true}},
        {ORDERED({2, 1}, {1, 1}), "bww", false, {.start_to = 2}},
        {ORDERED({2, 1}, {1, 1}), "brw", false, {.start_to = 3}},
        /* Ended from outside: what waits is over. */
        {ORDERED({2, 2}, {1, 1}), "ruw", true, {0}},
        {ORDERED({2, 2}, {1, 1}), "ggw", true, {.ended = true}},
        {PARALLEL({2, 2}), "gg", true, {.ended = true, .succeeded = true}},
        {PARALLEL({2, 2}), "ww", true, {.ended = true}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        enum member_state nodes[8];
        struct group_plan plan = CASES[i].plan;
        struct group_decision d;
        while (plan.group[plan.count].replicas > 0)
            plan.count++;
        assert_int_equal(states_of(CASES[i].nodes, nodes), group_size(&plan));
        d = group_decide(&plan, nodes, CASES[i].stopping);
        if (d.start_to != CASES[i].expect.start_to || d.failed != CASES[i].expect.failed ||
            d.failed_group != CASES[i].expect.failed_group || d.ended != CASES[i].expect.ended ||
            d.succeeded != CASES[i].expect.succeeded)
            fail_msg("case %zu, %s: to %zu failed %d (%zu) ended %d succeeded %d", i, CASES[i].nodes,
                     d.start_to, d.failed, d.failed_group, d.ended, d.succeeded);
    }
}

static void ranks(void **state)
{
    const struct group_plan plan = {.group = {{2, 2}, {1, 1}, {3, 1}}, .count = 3};
    static const size_t EXPECT[] = {0, 0, 1, 2, 2, 2, 3, 3};

    (void)state;
    assert_int_equal(group_size(&plan), 6);
    for (size_t i = 0; i < ARRAY_SIZE(EXPECT); i++)
        assert_int_equal(group_of_rank(&plan, i), EXPECT[i]);
}

static void whose_end(void **state)
{
    static const struct group_plan ALL = {.group = {{3, 3}}, .count = 1};
    static const struct group_plan SOME = {.group = {{2, 1}, {1, 1}}, .count = 2};
    static const struct {
        const struct group_plan *plan;
        struct member_end end[3];
        size_t expect;
    } CASES[] = {
        {&ALL, {{.at = {1}}, {.at = {2}}, {.at = {3}}}, 3},
        {&ALL, {{.at = {1}}, {.failed = true, .at = {9}}, {.failed = true, .at = {3}}}, 2},
        {&ALL,
         {{.failed = true, .consequence = true, .at = {1}}, {.failed = true, .at = {9}}, {.at = {3}}},
         1},
        {&ALL,
         {{.failed = true, .at = {1}},
          {.failed = true, .left_something = true, .consequence = true, .at = {9}}},
         1},
        {&ALL,
         {{.failed = true, .consequence = true, .at = {2}}, {.failed = true, .consequence = true, .at = {1}}},
         0},
        /* One that was allowed to fail does not decide, unless it could not be ended. */
        {&SOME, {{.failed = true, .at = {1}}, {.at = {2}}, {.failed = true, .at = {3}}}, 2},
        {&SOME,
         {{.failed = true, .at = {1}},
          {.failed = true, .consequence = true, .at = {4}},
          {.failed = true, .at = {3}}},
         2},
        {&SOME, {{.failed = true, .at = {1}}, {.at = {2}}, {.at = {3}}}, 0},
        {&SOME,
         {{.failed = true, .left_something = true, .at = {1}}, {.at = {2}}, {.failed = true, .at = {3}}},
         0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
        assert_int_equal(group_deciding(CASES[i].plan, CASES[i].end), CASES[i].expect);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(decisions), cmocka_unit_test(ranks),
                                       cmocka_unit_test(whose_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
