/* test_run_limits.c - limits as people write them: what is taken, what is refused, and that both directions agree. */
#include "cmocka_all.h"

#include <errno.h>

#include "base/auto.h"
#include "base/run_limits.h"
#include "base/run_sandbox.h"

static void values(void **state)
{
    static const struct {
        enum run_limit limit;
        const char *text;
        int r;
        int64_t value;
    } CASES[] = {
        {LIMIT_MEMORY, "4G", 0, 4LL << 30},
        {LIMIT_MEMORY, "4194304", 0, 4 << 20},
        {LIMIT_MEMORY, "4194303", -ERANGE, 0},
        {LIMIT_MEMORY, "1.5G", -EINVAL, 0},
        {LIMIT_MEMORY, "-1", -EINVAL, 0},
        {LIMIT_SWAP, "0", 0, 0},
        {LIMIT_CPU, "2", 0, 2000},
        {LIMIT_CPU, "0.5", 0, 500},
        {LIMIT_CPU, "1.125", 0, 1125},
        {LIMIT_CPU, "0.01", 0, 10},
        {LIMIT_CPU, "0.001", -ERANGE, 0},
        {LIMIT_CPU, "1.0625", -EINVAL, 0},
        {LIMIT_CPU, "1.", -EINVAL, 0},
        {LIMIT_CPU, ".5", -EINVAL, 0},
        {LIMIT_CPU, "1.-5", -EINVAL, 0},
        {LIMIT_CPU, "9000", -ERANGE, 0},
        {LIMIT_CPU_WEIGHT, "10000", 0, 10000},
        {LIMIT_CPU_WEIGHT, "0", -ERANGE, 0},
        {LIMIT_PIDS, "100", 0, 100},
        {LIMIT_PIDS, "100x", -EINVAL, 0},
        {LIMIT_PIDS, "1", -ERANGE, 0},
        {LIMIT_SCRATCH, "15M", -ERANGE, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        int64_t value = 0;
        int r = run_limit_parse(CASES[i].limit, CASES[i].text, &value);
        if (r != CASES[i].r || value != CASES[i].value)
            fail_msg("%s: %d, %lld", CASES[i].text, r, (long long)value);
    }
}

static void what_is_written_is_read_back(void **state)
{
    static const int64_t NUMBERS[] = {10,      500,     1001,    4096,      65536,
                                      1000000, 4194304, 4194305, 1LL << 40, 1LL << 50};

    (void)state;
    for (unsigned limit = 0; limit < LIMIT_COUNT; limit++) {
        const struct run_limit_info *info = run_limit_info((enum run_limit)limit);
        assert_int_equal(run_limit_from_name(info->name), limit);
        for (size_t i = 0; i < ARRAY_SIZE(NUMBERS); i++) {
            char text[LIMIT_TEXT_MAX];
            int64_t back = -2;
            if (NUMBERS[i] < info->min || NUMBERS[i] > info->max)
                continue;
            run_limit_format((enum run_limit)limit, NUMBERS[i], text);
            assert_int_equal(run_limit_parse((enum run_limit)limit, text, &back), 0);
            assert_int_equal(back, NUMBERS[i]);
        }
    }
    assert_int_equal(run_limit_from_name("Memory"), LIMIT_COUNT);
}

static void lists_of_cpus(void **state)
{
    static const char *const GOOD[] = {"0", "0-3", "0,2,4", "0-3,8,10-11", "8191"};
    static const char *const BAD[] = {"",   "a",    "-1",   "3-1",   "0,",  ",0",
                                      "0-", "0--1", "8192", "00000", "0 1", "0-1-2"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(GOOD); i++)
        assert_true(cpuset_valid(GOOD[i]));
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++)
        if (cpuset_valid(BAD[i]))
            fail_msg("%s", BAD[i]);
}

static void finer_values_win(void **state)
{
    struct run_limits limits, finer;

    (void)state;
    run_limits_init(&limits);
    run_limits_init(&finer);
    limits.value[LIMIT_MEMORY] = 1;
    limits.value[LIMIT_CPU] = 2;
    finer.value[LIMIT_CPU] = 3;
    run_limits_merge(&limits, &finer);
    assert_int_equal(limits.value[LIMIT_MEMORY], 1);
    assert_int_equal(limits.value[LIMIT_CPU], 3);
    assert_int_equal(limits.value[LIMIT_PIDS], LIMIT_UNSET);
}

static void names_of_devices_and_calls(void **state)
{
    static const char *const BAD[] = {"/dev",     "/dev/", "/dev//a", "/dev/../x",
                                      "/dev/./x", "dev/x", "/etc/x",  "/dev/a/"};

    (void)state;
    assert_true(device_path_valid("/dev/null"));
    assert_true(device_path_valid("/dev/dri/renderD128"));
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++)
        if (device_path_valid(BAD[i]))
            fail_msg("%s", BAD[i]);
    assert_true(system_call_name_valid("io_uring_setup"));
    assert_false(system_call_name_valid(""));
    assert_false(system_call_name_valid("read;"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(lists_of_cpus),
        cmocka_unit_test(finer_values_win),
        cmocka_unit_test(names_of_devices_and_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
