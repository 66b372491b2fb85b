/* test_exit_record.c - a run has one end, written whole, and what is not known is never read as nothing. */
#include "cmocka_all.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/limits.h"
#include "record/exit_record.h"
#include "temp_dir.h"

#define START "{\"exit\":1,\"run\":\"r\","

static struct exit_record sample(void)
{
    return (struct exit_record){
        .run_id = "local.1",
        .main_end = MAIN_SIGNALED,
        .status = 11,
        .core_dumped = true,
        .stop_cause = CAUSE_CANCELLED,
        .blame = BLAME_NODE,
        .reason = "mkdir /x: \"full\"",
        .launch_errno = ENOENT,
        .tree_gone = true,
        .left_behind = "12 (sleep) in wait",
        .accepted_at = {1795500103123},
        .started_at = {1795500103999},
        .ended_at = {1795500200000},
        .log_bytes = 1234567890123,
        .log_lines = 42,
        .log_complete = true,
        .witness = "supervisor",
        .oom = {.kills = 2,
                .main_killed = true,
                .pid = 77,
                .command = "python3",
                .limit_bytes = 1LL << 30,
                .others = "bash 3.0 MiB"},
        .pids_limit = 100,
        .pids_refused = 12,
        .usage = {.known = 1U << USAGE_WALL_MS | 1U << USAGE_MEMORY_PEAK_BYTES,
                  .value = {[USAGE_WALL_MS] = 96001, [USAGE_MEMORY_PEAK_BYTES] = 1LL << 30}},
        .held_devices = "/dev/fuse by pid 12 (python3)",
        .checkpoint = "oci://bucket@ns/step-100",
    };
}

static void assert_same(const struct exit_record *a, const struct exit_record *b)
{
    assert_string_equal(a->run_id, b->run_id);
    assert_int_equal(a->main_end, b->main_end);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->core_dumped, b->core_dumped);
    assert_int_equal(a->stop_cause, b->stop_cause);
    assert_int_equal(a->blame, b->blame);
    assert_string_equal(a->reason, b->reason);
    assert_int_equal(a->launch_errno, b->launch_errno);
    assert_int_equal(a->tree_gone, b->tree_gone);
    assert_string_equal(a->left_behind, b->left_behind);
    assert_int_equal(a->accepted_at.ms, b->accepted_at.ms);
    assert_int_equal(a->started_at.ms, b->started_at.ms);
    assert_int_equal(a->ended_at.ms, b->ended_at.ms);
    assert_int_equal(a->log_bytes, b->log_bytes);
    assert_int_equal(a->log_lines, b->log_lines);
    assert_int_equal(a->log_complete, b->log_complete);
    assert_string_equal(a->witness, b->witness);
    assert_int_equal(a->oom.kills, b->oom.kills);
    assert_int_equal(a->oom.main_killed, b->oom.main_killed);
    assert_int_equal(a->oom.pid, b->oom.pid);
    assert_string_equal(a->oom.command, b->oom.command);
    assert_int_equal(a->oom.limit_bytes, b->oom.limit_bytes);
    assert_string_equal(a->oom.others, b->oom.others);
    assert_int_equal(a->pids_limit, b->pids_limit);
    assert_int_equal(a->pids_refused, b->pids_refused);
    assert_int_equal(a->usage.known, b->usage.known);
    assert_memory_equal(a->usage.value, b->usage.value, sizeof(a->usage.value));
    assert_string_equal(a->held_devices, b->held_devices);
    assert_string_equal(a->checkpoint, b->checkpoint);
}

static void names_round_trip(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MAIN_END_COUNT; i++)
        assert_int_equal(main_end_from_name(main_end_name((enum main_end)i)), i);
    assert_int_equal(main_end_from_name("stopped"), MAIN_END_COUNT);
    assert_string_equal(main_end_name(MAIN_END_COUNT), "?");
}

static void the_first_end_stays(void **state)
{
    AUTO(temp_dir) struct temp_dir dir = temp_dir_make();
    struct exit_record first = sample(), second = sample(), got;
    struct err e = ERR_INIT;
    struct stat st;

    (void)state;
    assert_int_equal(exit_record_read(dir.fd, &got, &e), -ENOENT);
    assert_int_equal(exit_record_write(dir.fd, &first, &e), 0);
    second.status = 9;
    assert_int_equal(exit_record_write(dir.fd, &second, &e), -EEXIST);
    assert_int_equal(exit_record_read(dir.fd, &got, &e), 0);
    assert_same(&got, &first);
    assert_int_equal(temp_dir_count(&dir), 1);
    assert_int_equal(fstatat(dir.fd, EXIT_RECORD_NAME, &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
}

/* Older supervisors did not say it; they recorded an end only after they had read everything. */
static void silence_about_the_log_means_complete(void **state)
{
    AUTO(strbuf) struct strbuf line = STRBUF_INIT(FACT_LINE_MAX);
    struct exit_record record = sample(), got;
    struct err e = ERR_INIT;
    char *word;

    (void)state;
    record.log_complete = false;
    assert_int_equal(exit_record_encode(&record, &line, &e), 0);
    assert_int_equal(exit_record_decode(line.data, line.len, &got, &e), 0);
    assert_false(got.log_complete);
    word = strstr(line.data, "log-complete");
    assert_non_null(word);
    word[0] = 'x';
    assert_int_equal(exit_record_decode(line.data, line.len, &got, &e), 0);
    assert_true(got.log_complete);
}

/* A writer of the same process id crashed before it could rename. */
static void a_stale_temporary_file_is_no_obstacle(void **state)
{
    AUTO(temp_dir) struct temp_dir dir = temp_dir_make();
    struct exit_record record = sample(), got;
    struct err e = ERR_INIT;
    char name[64];

    (void)state;
    (void)snprintf(name, sizeof(name), ".exit.%ld.tmp", (long)getpid());
    temp_file_write(&dir, name, "torn", 4);
    assert_int_equal(exit_record_write(dir.fd, &record, &e), 0);
    assert_int_equal(exit_record_read(dir.fd, &got, &e), 0);
    assert_int_equal(temp_dir_count(&dir), 1);
}

/* Process names are any bytes: what is read back is valid text that fits, cut at a character's end. */
static void foreign_bytes_fit(void **state)
{
    AUTO(strbuf) struct strbuf line = STRBUF_INIT(FACT_LINE_MAX);
    struct exit_record record = sample(), got;
    struct err e = ERR_INIT;

    (void)state;
    memset(record.left_behind, 0xFF, sizeof(record.left_behind) - 1);
    assert_int_equal(exit_record_encode(&record, &line, &e), 0);
    assert_int_equal(exit_record_decode(line.data, line.len, &got, &e), 0);
    assert_int_equal(strlen(got.left_behind), 255 / 3 * 3);
    assert_memory_equal(got.left_behind + 252, "\xEF\xBF\xBD", 4);
}

static void decoding(void **state)
{
    static const struct {
        const char *text;
        int r;
        enum main_end end;
        int status;
        enum cause stop;
    } CASES[] = {
        {START "\"main\":\"exited\",\"status\":0,\"stop-cause\":\"none\",\"tree-gone\":true}\n", 0,
         MAIN_EXITED, 0, CAUSE_NONE},
        /* Words of a later version. */
        {START "\"main\":\"evaporated\",\"status\":0,\"stop-cause\":\"none\",\"tree-gone\":true}\n", 0,
         MAIN_UNKNOWN, 0, CAUSE_NONE},
        {START "\"main\":\"exited\",\"status\":0,\"stop-cause\":\"frozen\",\"tree-gone\":true}\n", 0,
         MAIN_EXITED, 0, CAUSE_UNKNOWN},
        {START "\"main\":\"exited\",\"status\":3,\"stop-cause\":\"none\",\"tree-gone\":true,\"new\":1}\n", 0,
         MAIN_EXITED, 3, CAUSE_NONE},
        /* Not an exit record. */
        {START "\"main\":\"exited\",\"status\":0,\"stop-cause\":\"none\",\"tree-gone\":true}", -EBADMSG, 0, 0,
         0},
        {START "\"main\":\"exited\",\"status\":0,\"stop-cause\":\"none\"}\n", -EBADMSG, 0, 0, 0},
        {START "\"main\":\"exited\",\"status\":0,\"tree-gone\":true}\n", -EBADMSG, 0, 0, 0},
        {START "\"main\":\"exited\",\"stop-cause\":\"none\",\"tree-gone\":true}\n", -EBADMSG, 0, 0, 0},
        {START "\"main\":\"exited\",\"status\":256,\"stop-cause\":\"none\",\"tree-gone\":true}\n", -EBADMSG,
         0, 0, 0},
        {START "\"main\":\"exited\",\"status\":\"0\",\"stop-cause\":\"none\",\"tree-gone\":true}\n", -EBADMSG,
         0, 0, 0},
        {START "\"main\":\"signaled\",\"status\":0,\"stop-cause\":\"none\",\"tree-gone\":true}\n", -EBADMSG,
         0, 0, 0},
        {START "\"status\":0,\"stop-cause\":\"none\",\"tree-gone\":true}\n", -EBADMSG, 0, 0, 0},
        {START "\"main\":\"unknown\",\"stop-cause\":\"none\",\"tree-gone\":true,\"log-bytes\":-1}\n",
         -EBADMSG, 0, 0, 0},
        {START "\"main\":\"unknown\",\"stop-cause\":\"none\",\"tree-gone\":true,\"ended-at\":\"now\"}\n",
         -EBADMSG, 0, 0, 0},
        {START "\"main\":\"unknown\",\"stop-cause\":\"none\",\"tree-gone\":true,"
               "\"ended-at\":\"2026-13-01T00:00:00.000Z\"}\n",
         -EBADMSG, 0, 0, 0},
        {"{\"exit\":2,\"run\":\"r\",\"main\":\"unknown\",\"stop-cause\":\"none\",\"tree-gone\":true}\n",
         -EBADMSG, 0, 0, 0},
        {"{\"exit\":1,\"main\":\"unknown\",\"stop-cause\":\"none\",\"tree-gone\":true}\n", -EBADMSG, 0, 0, 0},
        {"", -EBADMSG, 0, 0, 0},
        {"{}\n", -EBADMSG, 0, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct exit_record got = {.witness = "untouched"};
        struct err e = ERR_INIT;
        int r = exit_record_decode(CASES[i].text, strlen(CASES[i].text), &got, &e);
        if (r != CASES[i].r)
            fail_msg("%s: %d %s", CASES[i].text, r, e.text);
        if (r < 0) {
            assert_string_equal(got.witness, "untouched");
            continue;
        }
        assert_int_equal(got.main_end, CASES[i].end);
        assert_int_equal(got.status, CASES[i].status);
        assert_int_equal(got.stop_cause, CASES[i].stop);
    }
}

static void every_field_survives(void **state)
{
    AUTO(strbuf) struct strbuf line = STRBUF_INIT(FACT_LINE_MAX);
    struct exit_record record = sample(), got;
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(exit_record_encode(&record, &line, &e), 0);
    assert_int_equal(exit_record_decode(line.data, line.len, &got, &e), 0);
    assert_same(&record, &got);
    record = (struct exit_record){.run_id = "r"};
    strbuf_reset(&line);
    assert_int_equal(exit_record_encode(&record, &line, &e), 0);
    assert_int_equal(exit_record_decode(line.data, line.len, &got, &e), 0);
    assert_same(&record, &got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_round_trip),
        cmocka_unit_test(the_first_end_stays),
        cmocka_unit_test(foreign_bytes_fit),
        cmocka_unit_test(a_stale_temporary_file_is_no_obstacle),
        cmocka_unit_test(every_field_survives),
        cmocka_unit_test(decoding),
        cmocka_unit_test(silence_about_the_log_means_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
