/* test_walls.c - what the kernel says of a process is read back strictly. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "supervisor/walls.h"

static const char STATUS[] =
    "Name:\tpython3\nUid:\t1000\t1000\t1000\t1000\nGid:\t100\t100\t100\t100\nGroups:\t \n"
    "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
    "CapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t0\n";

static const struct wall_plan PLAN = {.uid = 1000, .gid = 100};

static void what_should_be_is_noted(void **state)
{
    AUTO(containment) struct containment_list list = {0};
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(walls_verify_text(STATUS, &PLAN, &list, &e), 0);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.item[0].name, "user");
    assert_string_equal(list.item[0].value, "1000:100, no other group");
    assert_string_equal(list.item[1].name, "capabilities");
    assert_string_equal(list.item[2].name, "no-new-privileges");
    for (size_t i = 0; i < list.count; i++)
        assert_int_equal(list.item[i].state, CONTAINMENT_APPLIED);
}

/* Each difference is found by itself, and named. */
static void any_difference_is_named(void **state)
{
    static const struct {
        const char *from, *to, *named;
    } CASES[] = {
        {"Uid:\t1000\t1000\t1000\t1000", "Uid:\t1000\t1000\t0\t1000", "Uid"},
        {"Uid:\t1000\t1000\t1000\t1000", "Uid:\t0\t0\t0\t0", "Uid"},
        {"Gid:\t100\t100\t100\t100", "Gid:\t100\t100\t100\t0", "Gid"},
        {"Groups:\t \n", "Groups:\t0 27 \n", "groups"},
        {"CapInh:\t0000000000000000", "CapInh:\t0000000000000400", "CapInh"},
        {"CapPrm:\t0000000000000000", "CapPrm:\t000001ffffffffff", "CapPrm"},
        {"CapEff:\t0000000000000000", "CapEff:\t0000000000000001", "CapEff"},
        {"CapBnd:\t0000000000000000", "CapBnd:\t000001ffffffffff", "CapBnd"},
        {"CapAmb:\t0000000000000000", "CapAmb:\t0000000000200000", "CapAmb"},
        {"NoNewPrivs:\t1", "NoNewPrivs:\t0", "NoNewPrivs"},
        {"NoNewPrivs:\t1\n", "", "NoNewPrivs"},
        {"CapBnd:", "CapBound:", "CapBnd"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(containment) struct containment_list list = {0};
        struct err e = ERR_INIT;
        const char *at = strstr(STATUS, CASES[i].from);
        char text[1024];
        assert_non_null(at);
        (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - STATUS), STATUS, CASES[i].to,
                       at + strlen(CASES[i].from));
        if (walls_verify_text(text, &PLAN, &list, &e) != -ENOTSUP || strstr(e.text, CASES[i].named) == NULL)
            fail_msg("case %zu: %s", i, e.text);
    }
}

static void an_empty_status_is_no_wall(void **state)
{
    AUTO(containment) struct containment_list list = {0};
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(walls_verify_text("", &PLAN, &list, &e), -ENOTSUP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_should_be_is_noted),
        cmocka_unit_test(any_difference_is_named),
        cmocka_unit_test(an_empty_status_is_no_wall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
