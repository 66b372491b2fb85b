/* test_mount_target.c - where storage may be mounted in the job's view. */
#include "cmocka_all.h"

#include <string.h>

#include "base/auto.h"
#include "base/mount_target.h"

static void places(void **state)
{
    static const struct {
        const char *target;
        bool valid;
    } CASES[] = {
        {"/mnt/data", true},
        {"/fss", true},
        {"/opc/fss", true},
        {"/home/datascience/in", true},
        {"/opt/x/y-z_1", true},
        {"/binary", true},
        {"/", false},
        {"", false},
        {"mnt/data", false},
        {"/mnt", false},
        {"/mnt/", false},
        {"/mnt//data", false},
        {"/mnt/../etc", false},
        {"/mnt/.hidden", false},
        {"/mnt/-x", false},
        {"/mnt/a b", false},
        {"/etc", false},
        {"/usr/share/x", false},
        {"/var/lib/runlet", false},
        {"/proc/1", false},
        {"/home", false},
        {"/home/datascience", false},
        {"/home/datascience/conda", false},
        {"/home/datascience/conda/env", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
        if (mount_target_valid(CASES[i].target) != CASES[i].valid)
            fail_msg("%s", CASES[i].target);
}

static void one_lies_in_another(void **state)
{
    (void)state;
    assert_true(mount_target_within("/mnt/a", "/mnt/a"));
    assert_true(mount_target_within("/mnt/a/b", "/mnt/a"));
    assert_false(mount_target_within("/mnt/ab", "/mnt/a"));
    assert_false(mount_target_within("/mnt", "/mnt/a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places),
        cmocka_unit_test(one_lies_in_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
