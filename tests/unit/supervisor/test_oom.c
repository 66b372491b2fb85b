/* test_oom.c - the kernel's report of an OOM kill, and what a process could put into it. */
#include "cmocka_all.h"

#include <stdio.h>

#include "base/auto.h"
#include "supervisor/oom.h"

#define GROUP "/runlet.local.1"
#define KILL(group, task, pid)                                                                               \
    "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=" group          \
    ",task_memcg=" group ",task=" task ",pid=" pid ",uid=1000"

static struct oom_facts read_lines(pid_t main_pid, const char *const *lines, size_t count)
{
    struct oom_reader r = {.suffix = GROUP, .main_pid = main_pid};
    struct oom_facts facts = {0};

    for (size_t i = 0; i < count; i++)
        oom_reader_take(&r, lines[i], &facts);
    return facts;
}

static void a_whole_report(void **state)
{
    static const char *const LINES[] = {
        "python3 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=500",
        "Tasks state (memory values in pages):",
        "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents "
        "oom_score_adj name",
        "[  31111]     0 31111 5368718847     9454      839      615         0   708608        0             "
        "0 runlet-init",
        "[  31112]  1000 31112     1090      795       64      731         0    45056        0           500 "
        "bash",
        "[  31117]  1000 31117    54689    16867    16192      675         0   208896        0           500 "
        "python3",
        "[  31118]  1000 31118    54689     2560    16192      675         0   208896        0           500 "
        "java",
        KILL("/user.slice/runlet.local.1", "python3", "31117"),
        "Memory cgroup out of memory: Killed process 31117 (python3) total-vm:218756kB",
    };
    struct oom_facts facts = read_lines(31117, LINES, ARRAY_SIZE(LINES));

    (void)state;
    assert_true(facts.main_killed);
    assert_int_equal(facts.pid, 31117);
    assert_string_equal(facts.command, "python3");
    assert_non_null(strstr(facts.others, "java (pid 31118) 10 MiB"));
    assert_non_null(strstr(facts.others, "bash (pid 31112) 3 MiB"));
    assert_null(strstr(facts.others, "runlet-init"));
    facts = read_lines(31112, LINES, ARRAY_SIZE(LINES));
    assert_false(facts.main_killed);
    assert_int_equal(facts.pid, 31117);
}

/* Other groups, names that look like the kernel's words, and lines that are cut. */
static void what_is_not_believed(void **state)
{
    static const char *const LINES[] = {
        KILL("/runlet.local.12", "python3", "7"),
        KILL("/runlet.local.1/nested", "python3", "7"),
        KILL("/system.slice/x.service", "a,pid=7,uid=0", "9"),
        "oom-kill:task_memcg=" GROUP,
        "oom-kill:constraint=X,task_memcg=" GROUP ",pid=7",
        "oom-kill:",
        "[",
        "[ x",
    };
    struct oom_facts facts = read_lines(7, LINES, ARRAY_SIZE(LINES));

    (void)state;
    assert_int_equal(facts.pid, 0);
    assert_false(facts.main_killed);
}

static void a_command_with_commas(void **state)
{
    static const char *const LINES[] = {KILL(GROUP, "a,pid=7", "9")};
    struct oom_facts facts = read_lines(7, LINES, ARRAY_SIZE(LINES));

    (void)state;
    assert_int_equal(facts.pid, 9);
    assert_false(facts.main_killed);
    assert_string_equal(facts.command, "a,pid=7");
}

static void later_kills_do_not_unsay_the_main_one(void **state)
{
    static const char *const LINES[] = {KILL(GROUP, "main", "7"), KILL(GROUP, "child", "8")};
    struct oom_facts facts = read_lines(7, LINES, ARRAY_SIZE(LINES));

    (void)state;
    assert_true(facts.main_killed);
    assert_int_equal(facts.pid, 8);
}

/* Without the kernel's words: only who was alone with init can have been the one. */
static void nobody_is_named(void **state)
{
    const struct oom_facts unnamed = {.kills = 1}, child = {.kills = 1, .pid = 8}, none = {0};

    (void)state;
    assert_true(oom_was_main(&unnamed, 2));
    assert_false(oom_was_main(&unnamed, 3));
    assert_false(oom_was_main(&unnamed, -1));
    assert_false(oom_was_main(&child, 2));
    assert_false(oom_was_main(&none, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_report),
        cmocka_unit_test(what_is_not_believed),
        cmocka_unit_test(a_command_with_commas),
        cmocka_unit_test(nobody_is_named),
        cmocka_unit_test(later_kills_do_not_unsay_the_main_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
