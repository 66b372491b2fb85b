/* test_capture.c - output pipes into a spool: order, completeness, and a disk that is full for a while. */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/auto.h"
#include "supervisor/capture.h"
#include "sys/fd.h"

struct rig {
    char path[64];
    int dir;
    struct capture c;
    int write_fd[CAPTURE_STREAMS];
};

static const boot_ms_t NOW = {1000};

static int make(void **state)
{
    static struct rig r;
    struct err e = ERR_INIT;

    (void)snprintf(r.path, sizeof(r.path), "/tmp/capture-test-XXXXXX");
    if (mkdtemp(r.path) == NULL)
        return -1;
    r.dir = dir_open(AT_FDCWD, r.path);
    *state = &r;
    return capture_open(&r.c, r.dir, r.write_fd, &e);
}

static int unmake(void **state)
{
    struct rig *r = *state;

    capture_close(&r->c);
    fd_close(&r->write_fd[0]);
    fd_close(&r->write_fd[1]);
    (void)close(r->dir);
    return tree_remove(AT_FDCWD, r->path);
}

static void assert_spool(const struct rig *r, const char *expect)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(1 << 20);
    struct spool_summary summary;
    struct err e = ERR_INIT;

    assert_int_equal(file_read(r->dir, "output.log", &text), 0);
    assert_string_equal(strbuf_str(&text), expect);
    assert_int_equal(spool_verify(r->dir, &summary, &e), 0);
    assert_false(summary.damaged);
    assert_int_equal(summary.unindexed_bytes, 0);
}

static void both_streams_in_the_order_read(void **state)
{
    struct rig *r = *state;

    assert_int_equal(write(r->write_fd[0], "out 1\n", 6), 6);
    assert_true(capture_read(&r->c, 0, (wall_ms_t){5}, NOW));
    assert_int_equal(write(r->write_fd[1], "err 1\n", 6), 6);
    assert_true(capture_read(&r->c, 1, (wall_ms_t){5}, NOW));
    assert_int_equal(write(r->write_fd[0], "partial", 7), 7);
    fd_close(&r->write_fd[0]);
    fd_close(&r->write_fd[1]);
    assert_true(capture_drain(&r->c, false, (wall_ms_t){5}, NOW));
    assert_true(capture_done(&r->c));
    assert_spool(r, "out 1\nerr 1\npartial");
    assert_int_equal(r->c.spool.lines, 2);
}

static void an_ended_stream_is_not_wanted(void **state)
{
    struct rig *r = *state;

    assert_true(capture_wants(&r->c, 0, (wall_ms_t){5}));
    assert_false(capture_read(&r->c, 0, (wall_ms_t){5}, NOW)); /* nothing there yet */
    fd_close(&r->write_fd[0]);
    assert_true(capture_read(&r->c, 0, (wall_ms_t){5}, NOW)); /* its end */
    assert_false(capture_wants(&r->c, 0, (wall_ms_t){5}));
    assert_false(capture_done(&r->c));
}

/* Each record is a millisecond after the last: when that runs ahead of the clock, reading waits for the clock. */
static void times_do_not_run_away(void **state)
{
    struct rig *r = *state;

    for (int i = 0; i < 60; i++) {
        if (!capture_wants(&r->c, 0, (wall_ms_t){5}))
            break;
        assert_int_equal(write(r->write_fd[0], "x", 1), 1);
        assert_true(capture_read(&r->c, 0, (wall_ms_t){5}, NOW));
    }
    assert_false(capture_wants(&r->c, 0, (wall_ms_t){5}));
    assert_true(capture_wants(&r->c, 0, (wall_ms_t){1000}));
}

/* A limit on the size of files stands for a full disk: writes fail, and go through once it is lifted. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_loses_nothing_once_it_has_room(void **state)
{
    struct rig *r = *state;
    struct rlimit before;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    limit_files(4);
    assert_int_equal(write(r->write_fd[0], "0123456789\n", 11), 11);
    assert_true(capture_read(&r->c, 0, (wall_ms_t){5}, NOW));
    assert_true(r->c.stalled);
    assert_int_equal(r->c.stalled_at.ms, NOW.ms);
    assert_false(capture_wants(&r->c, 0, (wall_ms_t){5}));
    assert_false(capture_drain(&r->c, false, (wall_ms_t){6}, NOW));
    limit_files(before.rlim_cur);
    capture_retry(&r->c, (wall_ms_t){7}, NOW);
    assert_false(r->c.stalled);
    fd_close(&r->write_fd[0]);
    fd_close(&r->write_fd[1]);
    assert_true(capture_drain(&r->c, false, (wall_ms_t){8}, NOW));
    assert_spool(r, "0123456789\n");
    assert_int_equal(r->c.lost_bytes, 0);
}

static void giving_up_counts_what_is_lost(void **state)
{
    struct rig *r = *state;
    struct rlimit before;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    limit_files(4);
    assert_int_equal(write(r->write_fd[0], "0123456789\n", 11), 11);
    assert_int_equal(write(r->write_fd[1], "abc", 3), 3);
    assert_true(capture_drain(&r->c, true, (wall_ms_t){5}, NOW));
    limit_files(before.rlim_cur);
    assert_int_equal(r->c.lost_bytes, 14);
    assert_spool(r, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_streams_in_the_order_read, make, unmake),
        cmocka_unit_test_setup_teardown(an_ended_stream_is_not_wanted, make, unmake),
        cmocka_unit_test_setup_teardown(times_do_not_run_away, make, unmake),
        cmocka_unit_test_setup_teardown(a_full_disk_loses_nothing_once_it_has_room, make, unmake),
        cmocka_unit_test_setup_teardown(giving_up_counts_what_is_lost, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
