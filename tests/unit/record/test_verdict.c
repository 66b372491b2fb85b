/* test_verdict.c - what each end means, and that nothing but a seen exit with 0 ever means success. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>

#include "base/auto.h"
#include "base/parse.h"
#include "record/verdict.h"

static struct exit_record record_of(enum main_end end, int status, enum cause stop)
{
    return (struct exit_record){
        .run_id = "r", .main_end = end, .status = status, .stop_cause = stop, .tree_gone = true};
}

/* The ends of a run that nobody stopped, word for word: the texts are API. */
static void own_ends(void **state)
{
    static const struct {
        enum main_end end;
        int status;
        bool core;
        enum cause cause;
        enum lifecycle_state state;
        int shell;
        const char *details;
    } CASES[] = {
        {MAIN_EXITED, 0, false, CAUSE_EXITED, STATE_SUCCEEDED, 0, "Job run artifact execution succeeded."},
        {MAIN_EXITED, 61, false, CAUSE_EXITED, STATE_FAILED, 61,
         "Job run artifact execution failed with exit code 61."},
        {MAIN_EXITED, 255, false, CAUSE_EXITED, STATE_FAILED, 255,
         "Job run artifact execution failed with exit code 255."},
        {MAIN_SIGNALED, 11, true, CAUSE_SIGNALED, STATE_FAILED, 139,
         "Job run artifact execution was ended by signal 11 (SIGSEGV, core dumped)."},
        {MAIN_SIGNALED, 9, false, CAUSE_SIGNALED, STATE_FAILED, 137,
         "Job run artifact execution was ended by signal 9 (SIGKILL)."},
        {MAIN_SIGNALED, 40, false, CAUSE_SIGNALED, STATE_FAILED, 168,
         "Job run artifact execution was ended by signal 40."},
        {MAIN_SIGNALED, 40, true, CAUSE_SIGNALED, STATE_FAILED, 168,
         "Job run artifact execution was ended by signal 40 (core dumped)."},
        {MAIN_UNKNOWN, 0, false, CAUSE_UNKNOWN, STATE_FAILED, 125,
         "Job run ended for an unknown reason. How its main process ended is not known."},
        {MAIN_NOT_STARTED, 0, false, CAUSE_UNKNOWN, STATE_FAILED, 125,
         "Job run ended for an unknown reason. Artifact execution had not started."},
        /* What no kernel says is not believed. */
        {MAIN_EXITED, 256, false, CAUSE_UNKNOWN, STATE_FAILED, 125,
         "Job run ended for an unknown reason. How its main process ended is not known."},
        {MAIN_SIGNALED, 0, false, CAUSE_UNKNOWN, STATE_FAILED, 125,
         "Job run ended for an unknown reason. How its main process ended is not known."},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct exit_record record = record_of(CASES[i].end, CASES[i].status, CAUSE_NONE);
        struct verdict v;

        record.core_dumped = CASES[i].core;
        v = verdict_of(&record);
        assert_int_equal(v.cause, CASES[i].cause);
        assert_int_equal(v.state, CASES[i].state);
        assert_string_equal(v.details, CASES[i].details);
        assert_int_equal(verdict_shell_status(&v, &record), CASES[i].shell);
    }
}

/* Every cause for which a run can be stopped or refused, with every way its main process can end. */
static void stopped_ends(void **state)
{
    enum { EXIT_0, EXIT_3, TERM, UNSEEN, NEVER, ENDS };
    static const struct {
        enum main_end end;
        int status;
        const char *tail;
    } END[ENDS] = {
        [EXIT_0] = {MAIN_EXITED, 0, ". Its main process ended with status 0."},
        [EXIT_3] = {MAIN_EXITED, 3, ". Its main process ended with status 3."},
        [TERM] = {MAIN_SIGNALED, 15, ". Its main process was ended by signal 15 (SIGTERM)."},
        [UNSEEN] = {MAIN_UNKNOWN, 0, ". How its main process ended is not known."},
        [NEVER] = {MAIN_NOT_STARTED, 0, ". Artifact execution had not started."},
    };
    static const struct {
        enum cause stop;
        enum cause cause;
        enum lifecycle_state state;
        int shell[ENDS];
    } CASES[] = {
        {CAUSE_EXITED, CAUSE_INTERNAL, STATE_FAILED, {125, 3, 143, 125, 125}},
        {CAUSE_SIGNALED, CAUSE_INTERNAL, STATE_FAILED, {125, 3, 143, 125, 125}},
        {CAUSE_OOM_KILLED, CAUSE_OOM_KILLED, STATE_FAILED, {125, 3, 143, 125, 125}},
        {CAUSE_DEADLINE_EXCEEDED, CAUSE_DEADLINE_EXCEEDED, STATE_FAILED, {124, 124, 124, 124, 124}},
        {CAUSE_CANCELLED, CAUSE_CANCELLED, STATE_CANCELED, {130, 3, 130, 130, 130}},
        {CAUSE_PREEMPTED, CAUSE_PREEMPTED, STATE_FAILED, {125, 3, 143, 125, 125}},
        {CAUSE_LEASE_LOST, CAUSE_LEASE_LOST, STATE_FAILED, {125, 3, 143, 125, 125}},
        {CAUSE_ASSIGNMENT_INVALID, CAUSE_ASSIGNMENT_INVALID, STATE_FAILED, {125, 3, 143, 125, 125}},
        {CAUSE_ARTIFACT_FETCH_FAILED, CAUSE_ARTIFACT_FETCH_FAILED, STATE_FAILED, {125, 3, 143, 125, 125}},
        {CAUSE_ARTIFACT_REJECTED, CAUSE_ARTIFACT_REJECTED, STATE_FAILED, {125, 3, 143, 125, 125}},
        {CAUSE_STORAGE_FAILED, CAUSE_STORAGE_FAILED, STATE_FAILED, {125, 3, 143, 125, 125}},
        {CAUSE_IMAGE_FAILED, CAUSE_IMAGE_FAILED, STATE_FAILED, {125, 3, 143, 125, 125}},
        {CAUSE_LAUNCH_FAILED, CAUSE_LAUNCH_FAILED, STATE_FAILED, {125, 3, 143, 125, 125}},
        {CAUSE_LIMIT_NOT_APPLIED, CAUSE_LIMIT_NOT_APPLIED, STATE_FAILED, {125, 3, 143, 125, 125}},
        {CAUSE_DISK_FULL, CAUSE_DISK_FULL, STATE_FAILED, {125, 3, 143, 125, 125}},
        {CAUSE_NODE_REBOOTED, CAUSE_NODE_REBOOTED, STATE_FAILED, {125, 3, 143, 125, 125}},
        {CAUSE_SUPERVISOR_LOST, CAUSE_SUPERVISOR_LOST, STATE_FAILED, {125, 3, 143, 125, 125}},
        {CAUSE_UNKILLABLE, CAUSE_UNKILLABLE, STATE_NEEDS_ATTENTION, {125, 3, 143, 125, 125}},
        {CAUSE_GPU_LOST, CAUSE_GPU_LOST, STATE_FAILED, {125, 3, 143, 125, 125}},
        {CAUSE_INTERNAL, CAUSE_INTERNAL, STATE_FAILED, {125, 3, 143, 125, 125}},
        {CAUSE_UNKNOWN, CAUSE_UNKNOWN, STATE_FAILED, {125, 3, 143, 125, 125}},
        {CAUSE_PIDS_EXHAUSTED, CAUSE_PIDS_EXHAUSTED, STATE_FAILED, {125, 3, 143, 125, 125}},
        {CAUSE_DEVICE_BUSY, CAUSE_DEVICE_BUSY, STATE_FAILED, {125, 3, 143, 125, 125}},
        {CAUSE_PROBE_FAILED, CAUSE_PROBE_FAILED, STATE_FAILED, {125, 3, 143, 125, 125}},
        {CAUSE_GROUP_FAILED, CAUSE_GROUP_FAILED, STATE_FAILED, {125, 3, 143, 125, 125}},
    };
    _Static_assert(ARRAY_SIZE(CASES) == CAUSE_COUNT - 1, "every cause but none has its case");

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        assert_int_equal(CASES[i].stop, i + 1);
        for (size_t k = 0; k < ENDS; k++) {
            struct exit_record record = record_of(END[k].end, END[k].status, CASES[i].stop);
            struct verdict v = verdict_of(&record);
            size_t tail = strlen(END[k].tail);

            assert_int_equal(v.cause, CASES[i].cause);
            assert_int_equal(v.state, CASES[i].state);
            assert_int_equal(v.has_exit_code, END[k].end == MAIN_EXITED);
            assert_int_equal(v.exit_code, END[k].end == MAIN_EXITED ? END[k].status : 0);
            assert_int_equal(verdict_shell_status(&v, &record), CASES[i].shell[k]);
            assert_true(strlen(v.details) > tail);
            assert_string_equal(v.details + strlen(v.details) - tail, END[k].tail);
        }
    }
}

static void texts_with_reasons(void **state)
{
    struct exit_record record = record_of(MAIN_NOT_STARTED, 0, CAUSE_ARTIFACT_REJECTED);
    struct verdict v;

    (void)state;
    record.blame = BLAME_ASSIGNMENT;
    (void)snprintf(record.reason, sizeof(record.reason), "p.zip: entry 3 climbs out");
    v = verdict_of(&record);
    assert_string_equal(v.details, "Job run artifact was rejected: p.zip: entry 3 climbs out (assignment)."
                                   " Artifact execution had not started.");

    record = record_of(MAIN_SIGNALED, 15, CAUSE_DEADLINE_EXCEEDED);
    v = verdict_of(&record);
    assert_string_equal(v.details, "Job run exceeded its maximum runtime."
                                   " Its main process was ended by signal 15 (SIGTERM).");

    record = record_of(MAIN_SIGNALED, 9, CAUSE_CANCELLED);
    record.tree_gone = false;
    (void)snprintf(record.left_behind, sizeof(record.left_behind), "12 (dd) in nfs_wait");
    v = verdict_of(&record);
    assert_int_equal(v.cause, CAUSE_UNKILLABLE);
    assert_int_equal(v.state, STATE_NEEDS_ATTENTION);
    assert_string_equal(v.details, "Job run could not be ended: 12 (dd) in nfs_wait."
                                   " Its main process was ended by signal 9 (SIGKILL).");
}

/* Clients take "exit code N" for the job's code: words of others cannot forge it. */
static void foreign_words_cannot_name_an_exit_code(void **state)
{
    struct exit_record record = record_of(MAIN_NOT_STARTED, 0, CAUSE_STORAGE_FAILED);
    struct verdict v;

    (void)state;
    (void)snprintf(record.reason, sizeof(record.reason), "mkfs: exit code 0, then exit code 1");
    v = verdict_of(&record);
    assert_null(strstr(v.details, "exit code"));
    assert_non_null(strstr(v.details, "mkfs: exit status 0, then exit status 1"));
    record.tree_gone = false;
    (void)snprintf(record.left_behind, sizeof(record.left_behind), "7 (exit code 0)");
    v = verdict_of(&record);
    assert_null(strstr(v.details, "exit code"));
}

static void long_reasons_are_cut_at_a_character(void **state)
{
    struct exit_record record = record_of(MAIN_NOT_STARTED, 0, CAUSE_STORAGE_FAILED);

    (void)state;
    for (size_t lead = 0; lead < 12; lead++) {
        struct verdict v;
        size_t n = lead;

        memset(record.reason, 'x', lead);
        while (n + 12 < sizeof(record.reason)) {
            memcpy(record.reason + n, "exit code\xE2\x82\xAC", 12);
            n += 12;
        }
        record.reason[n] = '\0';
        v = verdict_of(&record);
        assert_true(utf8_valid(v.details, strlen(v.details)));
        assert_true(strlen(v.details) > 600);
    }
}

static void launch_failures_as_a_shell(void **state)
{
    static const struct {
        int launch_errno;
        int shell;
    } CASES[] = {{ENOENT, 127}, {EACCES, 126}, {ENOEXEC, 126}, {ENOMEM, 125}, {0, 125}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct exit_record record = record_of(MAIN_NOT_STARTED, 0, CAUSE_LAUNCH_FAILED);
        struct verdict v = verdict_of(&record);

        record.launch_errno = CASES[i].launch_errno;
        assert_int_equal(verdict_shell_status(&v, &record), CASES[i].shell);
    }
}

static void check_properties(const struct exit_record *record)
{
    struct verdict v = verdict_of(record);
    int shell = verdict_shell_status(&v, record);
    bool success = record->main_end == MAIN_EXITED && record->status == 0 &&
                   record->stop_cause == CAUSE_NONE && record->tree_gone;
    bool own_failure = record->main_end == MAIN_EXITED && v.cause == CAUSE_EXITED && !success;

    assert_int_equal(v.state == STATE_SUCCEEDED, success);
    assert_int_equal(shell == 0, success);
    assert_in_range(shell, 0, 255);
    assert_true(v.cause > CAUSE_NONE && v.cause < CAUSE_COUNT);
    assert_true(v.state == STATE_SUCCEEDED || v.state == STATE_FAILED || v.state == STATE_CANCELED ||
                v.state == STATE_NEEDS_ATTENTION);
    assert_int_equal(strstr(v.details, "exit code") != NULL, own_failure);
    assert_true(v.details[0] != '\0' && v.details[strlen(v.details) - 1] == '.');
    if (!record->tree_gone)
        assert_int_equal(v.state, STATE_NEEDS_ATTENTION);
    if (v.has_exit_code)
        assert_true(record->main_end == MAIN_EXITED && v.exit_code == record->status);
}

/* All ends, statuses (also impossible ones), stop causes (also unknown ones) and both fates of the tree. */
static void success_is_only_a_seen_exit_with_zero(void **state)
{
    (void)state;
    for (int end = -1; end <= MAIN_END_COUNT; end++)
        for (int status = -2; status <= 260; status++)
            for (int stop = -1; stop <= CAUSE_COUNT; stop++)
                for (int gone = 0; gone <= 1; gone++) {
                    struct exit_record record = record_of((enum main_end)end, status, (enum cause)stop);
                    record.tree_gone = gone == 1;
                    check_properties(&record);
                }
}

/* Whom the kernel killed at the memory limit decides what it was: an end, or an event on the way to another. */
static void memory_limits(void **state)
{
    struct exit_record record = record_of(MAIN_SIGNALED, 9, CAUSE_NONE);
    struct verdict v;

    (void)state;
    record.oom = (struct oom_facts){.kills = 1,
                                    .main_killed = true,
                                    .pid = 4711,
                                    .command = "python3",
                                    .limit_bytes = 4LL << 30,
                                    .others = "bash 3.0 MiB"};
    usage_set(&record.usage, USAGE_MEMORY_PEAK_BYTES, 4LL << 30);
    v = verdict_of(&record);
    assert_int_equal(v.cause, CAUSE_OOM_KILLED);
    assert_int_equal(v.end_code, END_CODE_PLATFORM + CAUSE_OOM_KILLED);
    assert_int_equal(verdict_shell_status(&v, &record), 137);
    assert_string_equal(
        v.details,
        "Job run exceeded its memory limit. Its main process was ended by signal 9 (SIGKILL). The "
        "kernel killed python3 (pid 4711) at the memory limit of 4.0 GiB; the peak was 4.0 GiB; also "
        "there: bash 3.0 MiB.");

    /* A kill from elsewhere, while a child had been killed for its memory. */
    record.oom.main_killed = false;
    v = verdict_of(&record);
    assert_int_equal(v.cause, CAUSE_SIGNALED);
    assert_int_equal(v.end_code, 256 + 9);
    assert_non_null(strstr(v.details, "The kernel killed python3 (pid 4711)"));

    /* The parent survived and said how it ended. */
    record.main_end = MAIN_EXITED;
    record.status = 3;
    v = verdict_of(&record);
    assert_int_equal(v.cause, CAUSE_EXITED);
    assert_int_equal(v.end_code, 3);
    assert_memory_equal(v.details, "Job run artifact execution failed with exit code 3. The kernel", 62);
    record.status = 0;
    v = verdict_of(&record);
    assert_int_equal(v.state, STATE_SUCCEEDED);

    /* Being stopped comes first: the cause of the stop wins. */
    record = record_of(MAIN_SIGNALED, 9, CAUSE_CANCELLED);
    record.oom = (struct oom_facts){.kills = 1, .main_killed = true};
    assert_int_equal(verdict_of(&record).cause, CAUSE_CANCELLED);
}

static void process_limits(void **state)
{
    struct exit_record record = record_of(MAIN_EXITED, 1, CAUSE_NONE);
    struct verdict v;

    (void)state;
    record.pids_limit = 100;
    record.pids_refused = 12;
    v = verdict_of(&record);
    assert_int_equal(v.cause, CAUSE_PIDS_EXHAUSTED);
    assert_int_equal(verdict_shell_status(&v, &record), 1);
    assert_string_equal(v.details,
                        "Job run artifact execution failed with exit code 1. Its limit of 100 processes "
                        "refused new ones 12 times.");
    record.status = 0;
    assert_int_equal(verdict_of(&record).state, STATE_SUCCEEDED);
}

/* What others hold is told with the run's own end, whatever that is. */
static void held_devices(void **state)
{
    struct exit_record record = record_of(MAIN_EXITED, 0, CAUSE_NONE);
    struct verdict v;

    (void)state;
    (void)snprintf(record.held_devices, sizeof(record.held_devices), "/dev/fuse by pid 12 (exit code 0)");
    v = verdict_of(&record);
    assert_int_equal(v.state, STATE_SUCCEEDED);
    assert_string_equal(
        v.details, "Job run artifact execution succeeded. Its node takes no further run, for others hold "
                   "what was this one's: /dev/fuse by pid 12 (exit status 0).");
}

/* No end of the platform's has the number of another, or one that a job can make. */
static void end_codes(void **state)
{
    (void)state;
    for (int c = CAUSE_SIGNALED + 1; c < CAUSE_COUNT; c++) {
        struct exit_record record = record_of(MAIN_EXITED, 0, (enum cause)c);
        assert_int_equal(verdict_of(&record).end_code, 1000 + c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_ends),
        cmocka_unit_test(memory_limits),
        cmocka_unit_test(process_limits),
        cmocka_unit_test(held_devices),
        cmocka_unit_test(end_codes),
        cmocka_unit_test(stopped_ends),
        cmocka_unit_test(texts_with_reasons),
        cmocka_unit_test(foreign_words_cannot_name_an_exit_code),
        cmocka_unit_test(long_reasons_are_cut_at_a_character),
        cmocka_unit_test(launch_failures_as_a_shell),
        cmocka_unit_test(success_is_only_a_seen_exit_with_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
