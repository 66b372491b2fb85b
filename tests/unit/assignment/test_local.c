/* test_local.c - the embedded source: submissions become runs once and in order; the ledger takes each report once. */
#include "cmocka_all.h"

#include <errno.h>
#include <sys/file.h>

#include "assignment/local/queue.h"
#include "assignment/local/submission.h"
#include "base/auto.h"
#include "base/limits.h"
#include "scratch.h"

struct rig {
    struct scratch scratch;
    struct loop *loop;
    struct local_queue *queue;
    int queue_fd, agent_fd;
};

static void arrival(void *context)
{
    (void)context;
}

static int make(void **state)
{
    static struct rig r;
    struct err e = ERR_INIT;
    char path[128];

    r = (struct rig){0};
    *state = &r;
    if (scratch_make(&r.scratch) < 0 || mkdirat(r.scratch.fd, "queue", 0700) < 0 ||
        mkdirat(r.scratch.fd, "agent", 0700) < 0)
        return -1;
    r.queue_fd = dir_open(r.scratch.fd, "queue");
    r.agent_fd = dir_open(r.scratch.fd, "agent");
    r.loop = loop_new(&e);
    (void)snprintf(path, sizeof(path), "%s/queue", r.scratch.path);
    r.queue = local_queue_open(r.loop, r.queue_fd, path, arrival, NULL, &e);
    return r.queue != NULL ? 0 : -1;
}

static int unmake(void **state)
{
    struct rig *r = *state;

    local_queue_close(r->queue);
    loop_free(r->loop);
    (void)close(r->queue_fd);
    (void)close(r->agent_fd);
    scratch_remove(&r->scratch);
    return 0;
}

static int submit(const struct rig *r, int parent, const char *id, bool foreground, int *lock, struct err *e)
{
    AUTO(job_request) struct job_request request = {0};
    AUTO_CLOSE int part = openat(r->scratch.fd, ".", O_TMPFILE | O_RDWR, 0640);
    int parts[ARTIFACT_PARTS_MAX] = {part};

    assert_true(part >= 0);
    request.run.id = strdup(id);
    request.artifact.count = 1;
    request.artifact.file_name = strdup("a.py");
    request.artifact.part[0] = (struct artifact_part){
        .form = ARTIFACT_FILE, .path = strdup("/x/a.py"), .name = strdup("a.py"), .into = strdup("")};
    return submission_put(parent, &request, parts, foreground, lock, e);
}

/* Two submissions within one tick of the file system's clock have no order: here the times are set apart. */
static void submitted_at(const struct rig *r, const char *id, time_t when)
{
    const struct timespec times[2] = {{.tv_sec = when}, {.tv_sec = when}};
    char path[64];

    (void)snprintf(path, sizeof(path), "%s/assignment.json", id);
    assert_int_equal(utimensat(r->queue_fd, path, times, 0), 0);
}

static void first_come_first_served(void **state)
{
    struct rig *r = *state;
    struct err e = ERR_INIT;
    char id[RUN_ID_BYTES];
    struct stat st;

    assert_int_equal(local_queue_take(r->queue, r->agent_fd, id, &e), 0);
    assert_int_equal(submit(r, r->queue_fd, "run-b", false, NULL, &e), 0);
    assert_int_equal(submit(r, r->queue_fd, "run-a", false, NULL, &e), 0);
    submitted_at(r, "run-b", 1000);
    submitted_at(r, "run-a", 1001);
    assert_int_equal(mkdirat(r->queue_fd, "half", 0700), 0);
    assert_int_equal(local_queue_take(r->queue, r->agent_fd, id, &e), 1);
    assert_string_equal(id, "run-b");
    assert_int_equal(fstatat(r->agent_fd, "run-b/parts/0", &st, 0), 0);
    assert_int_equal(fstatat(r->agent_fd, "run-b/assignment.json", &st, 0), 0);
    assert_int_equal(local_queue_take(r->queue, r->agent_fd, id, &e), 1);
    assert_string_equal(id, "run-a");
    assert_int_equal(local_queue_take(r->queue, r->agent_fd, id, &e), 0);
}

static void the_same_id_is_taken_once(void **state)
{
    struct rig *r = *state;
    struct err e = ERR_INIT;
    char id[RUN_ID_BYTES];

    assert_int_equal(submit(r, r->queue_fd, "run", false, NULL, &e), 0);
    assert_int_equal(submit(r, r->queue_fd, "run", false, NULL, &e), -EEXIST);
    assert_int_equal(local_queue_take(r->queue, r->agent_fd, id, &e), 1);
    assert_int_equal(submit(r, r->queue_fd, "run", false, NULL, &e), 0);
    assert_int_equal(local_queue_take(r->queue, r->agent_fd, id, &e), -EEXIST);
    assert_int_equal(local_queue_take(r->queue, r->agent_fd, id, &e), 0); /* put aside */
}

static bool there(const struct rig *r, const char *name)
{
    return faccessat(r->queue_fd, name, F_OK, 0) == 0;
}

/* A submitter was killed: the same run can be handed in again. */
static void a_half_made_folder_is_replaced(void **state)
{
    struct rig *r = *state;
    struct err e = ERR_INIT;

    assert_int_equal(mkdirat(r->queue_fd, ".new.run", 0700), 0);
    assert_int_equal(mkdirat(r->queue_fd, ".new.run/parts", 0700), 0);
    assert_int_equal(submit(r, r->queue_fd, "run", false, NULL, &e), 0);
    assert_true(there(r, "run/assignment.json"));
    assert_false(there(r, ".new.run"));
}

static void two_submitters_do_not_mix(void **state)
{
    struct rig *r = *state;
    struct err e = ERR_INIT;
    AUTO_CLOSE int other = -1;

    assert_int_equal(mkdirat(r->queue_fd, ".new.run", 0700), 0);
    other = dir_open(r->queue_fd, ".new.run");
    assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(submit(r, r->queue_fd, "run", false, NULL, &e), -EBUSY);
    assert_int_equal(submission_sweep(r->queue_fd, clock_wall()), 0);
    assert_true(there(r, ".new.run"));
}

static void the_sweep_takes_what_nobody_holds(void **state)
{
    static const int64_t DAY = 24LL * 60 * 60 * 1000;
    struct rig *r = *state;

    assert_int_equal(mkdirat(r->queue_fd, ".new.dead", 0700), 0);
    assert_int_equal(mkdirat(r->queue_fd, ".new.dead/parts", 0700), 0);
    assert_int_equal(mkdirat(r->queue_fd, ".duplicate.1000.run", 0700), 0);
    assert_int_equal(mkdirat(r->queue_fd, ".duplicate.x.run", 0700), 0);
    assert_int_equal(mkdirat(r->queue_fd, ".else", 0700), 0);
    assert_int_equal(mkdirat(r->queue_fd, "run", 0700), 0);
    assert_int_equal(submission_sweep(r->queue_fd, (wall_ms_t){DAY}), 1);
    assert_true(there(r, ".duplicate.1000.run"));
    assert_int_equal(submission_sweep(r->queue_fd, (wall_ms_t){DAY + 1001}), 1);
    assert_false(there(r, ".new.dead") || there(r, ".duplicate.1000.run"));
    assert_true(there(r, ".duplicate.x.run") && there(r, ".else") && there(r, "run"));
}

static void a_foreground_run_is_born_locked(void **state)
{
    struct rig *r = *state;
    struct run *run = NULL;
    struct err e = ERR_INIT;
    int lock = -1;

    assert_int_equal(submit(r, r->agent_fd, "run", true, &lock, &e), 0);
    assert_int_equal(run_open(r->agent_fd, "run", -1, &run, &e), -EBUSY);
    assert_int_equal(run_open(r->agent_fd, "run", lock, &run, &e), 0);
    assert_int_equal(run->history.origin, ORIGIN_FOREGROUND);
    run_close(run);
}

static void ids_differ(void **state)
{
    char a[64], b[64];

    (void)state;
    submission_new_id("local", (wall_ms_t){1795500103123}, a);
    submission_new_id("local", (wall_ms_t){1795500103123}, b);
    assert_string_not_equal(a, b);
    assert_int_equal(strncmp(a, "local.2026", 10), 0);
}

static int count_lines(const struct fact *f, void *context)
{
    (void)f;
    ++*(int *)context;
    return 0;
}

static void acknowledged(struct run *run, int64_t sequence, enum report_answer answer, const char *why,
                         int64_t after_ms)
{
    (void)run;
    (void)sequence;
    (void)after_ms;
    assert_int_equal(answer, REPORT_ACKNOWLEDGED);
    assert_null(why);
}

static void the_ledger_takes_a_report_once(void **state)
{
    struct rig *r = *state;
    struct run *run = NULL;
    struct err e = ERR_INIT;
    struct status_report report = {.run_id = "run",
                                   .epoch = 1,
                                   .sequence = 1,
                                   .state = STATE_ACCEPTED,
                                   .details = "",
                                   .cause = "none",
                                   .answered = acknowledged};
    int lines = 0;

    assert_int_equal(mkdirat(r->agent_fd, "run", 0700), 0);
    assert_int_equal(run_open(r->agent_fd, "run", -1, &run, &e), 0);
    local_ledger_deliver(run, &report);
    local_ledger_deliver(run, &report);
    report.sequence = 2;
    local_ledger_deliver(run, &report);
    assert_int_equal(journal_read(run->dir_fd, LOCAL_LEDGER_NAME, count_lines, &lines, &e), 0);
    assert_int_equal(lines, 2);
    run_close(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(first_come_first_served, make, unmake),
        cmocka_unit_test_setup_teardown(the_same_id_is_taken_once, make, unmake),
        cmocka_unit_test_setup_teardown(a_half_made_folder_is_replaced, make, unmake),
        cmocka_unit_test_setup_teardown(two_submitters_do_not_mix, make, unmake),
        cmocka_unit_test_setup_teardown(the_sweep_takes_what_nobody_holds, make, unmake),
        cmocka_unit_test_setup_teardown(a_foreground_run_is_born_locked, make, unmake),
        cmocka_unit_test(ids_differ),
        cmocka_unit_test_setup_teardown(the_ledger_takes_a_report_once, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
