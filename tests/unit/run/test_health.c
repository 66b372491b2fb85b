/* test_health.c - whether a node is fit for a run: each check, what it says, and what blocks. */
#include "cmocka_all.h"

#include <string.h>

#include "base/auto.h"
#include "run/health.h"

#define NOW_MS 1800000000000LL

static struct health_facts fit(void)
{
    return (struct health_facts){.disk_free = 10 << 20,
                                 .disk_wanted = 1 << 20,
                                 .inodes_free = 100,
                                 .inodes_wanted = 10,
                                 .now = {NOW_MS},
                                 .clock_synchronised = true,
                                 .cgroup_memory = true,
                                 .cgroup_pids = true};
}

static void a_fit_node_passes(void **state)
{
    struct health_facts f = fit();
    struct health_result r[HEALTH_CHECK_COUNT];
    char text[100];

    (void)state;
    health_judge(&f, ~0U, r);
    for (unsigned i = 0; i < HEALTH_CHECK_COUNT; i++) {
        bool off = i == HEALTH_MOUNTS || i == HEALTH_GPU || i == HEALTH_COMMAND;
        assert_int_equal(r[i].state, off ? HEALTH_OFF : HEALTH_PASSED);
        assert_string_equal(r[i].what, "");
    }
    health_blocking_text(r, text, sizeof(text));
    assert_string_equal(text, "");
}

/* Each fault alone: one check fails, and no other. */
static void each_fault_is_seen_by_its_check(void **state)
{
    struct health_facts faults[] = {
        [HEALTH_DISK] = fit(),   [HEALTH_INODES] = fit(), [HEALTH_READ_ONLY] = fit(),
        [HEALTH_DATE] = fit(),   [HEALTH_CLOCK] = fit(),  [HEALTH_MOUNTS] = fit(),
        [HEALTH_CGROUP] = fit(), [HEALTH_GPU] = fit(),    [HEALTH_COMMAND] = fit(),
    };

    (void)state;
    faults[HEALTH_DISK].disk_free = (1 << 20) - 1;
    faults[HEALTH_INODES].inodes_free = 9;
    faults[HEALTH_READ_ONLY].read_only = true;
    faults[HEALTH_DATE].now = (wall_ms_t){86400000};
    faults[HEALTH_CLOCK].clock_synchronised = false;
    faults[HEALTH_MOUNTS].mounts_wanted = true;
    strcpy(faults[HEALTH_MOUNTS].mounts_missing, "/mnt/a");
    faults[HEALTH_CGROUP].cgroup_pids = false;
    faults[HEALTH_GPU].gpus_wanted = 1;
    faults[HEALTH_COMMAND].command = HEALTH_COMMAND_NOT_YET;
    for (unsigned i = 0; i < HEALTH_CHECK_COUNT; i++) {
        for (unsigned blocking = 0; blocking <= 1; blocking++) {
            struct health_result r[HEALTH_CHECK_COUNT];
            char text[2000];
            health_judge(&faults[i], blocking << i, r);
            for (unsigned j = 0; j < HEALTH_CHECK_COUNT; j++)
                if (j != i)
                    assert_true(r[j].state <= HEALTH_PASSED);
            assert_int_equal(r[i].state, blocking ? HEALTH_BLOCKS : HEALTH_WARNS);
            assert_true(r[i].what[0] != '\0' && r[i].remedy[0] != '\0');
            health_blocking_text(r, text, sizeof(text));
            assert_int_equal(text[0] != '\0', blocking);
        }
    }
}

static void words(void **state)
{
    struct health_facts f = fit();
    struct health_result r[HEALTH_CHECK_COUNT];
    char text[300], little[12];

    (void)state;
    f.cgroup_memory = f.cgroup_pids = false;
    f.command = HEALTH_COMMAND_FAILED;
    strcpy(f.command_said, "no heartbeat");
    f.gpus = 7;
    f.gpus_wanted = 8;
    health_judge(&f, health_checks_of(" gpu  command unheard-of gp"), r);
    assert_string_equal(r[HEALTH_CGROUP].what, "no control group can limit memory and processes");
    assert_int_equal(r[HEALTH_CGROUP].state, HEALTH_WARNS);
    health_blocking_text(r, text, sizeof(text));
    assert_non_null(strstr(text, "gpu: 7 of 8 GPU devices are there; load the driver"));
    assert_non_null(strstr(text, "; command: health.command: no heartbeat; "));
    health_blocking_text(r, little, sizeof(little));
    assert_string_equal(little, "gpu: 7 of 8");
    f.inodes_wanted = 0;
    f.now = (wall_ms_t){INT64_MAX / 4};
    health_judge(&f, 0, r);
    assert_int_equal(r[HEALTH_INODES].state, HEALTH_OFF);
    assert_int_equal(r[HEALTH_DATE].state, HEALTH_WARNS);
    for (unsigned i = 0; i < HEALTH_CHECK_COUNT; i++)
        assert_int_equal(health_checks_of(health_check_name((enum health_check)i)), 1U << i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_fit_node_passes),
                                       cmocka_unit_test(each_fault_is_seen_by_its_check),
                                       cmocka_unit_test(words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
