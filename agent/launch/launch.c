/* launch.c - see launch.h. */
#include "launch/launch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "sys/fd.h"
#include "wire/message.h"
#include "wire/run_socket.h"

/* A supervisor that vanished is looked for again this soon, and a refused recovery is tried again. */
#define RETRY_MS 250
/* A start that leaves no trace (the supervisor died before it made the run's directory) is tried this often.
 */
#define STARTS_MAX 3
/* A run directory that can be neither joined nor recovered for this many tries is a loss. */
#define TRIES_MAX 480

struct launch_client {
    struct run *run;
    const struct launcher *launcher;
    int fd; /* owned; -1 while not connected */
    struct loop_watch *watch;
    struct loop_timer *retry;
    int starts, tries;
    bool starting;    /* the connection asked for a start, not for a recovery, nor joined a run */
    bool waits;       /* for its lease */
    bool known;       /* a supervisor said that the run exists: it is never started again */
    struct err start; /* why the last start failed; text empty when it did not say */
};

static void find_out(void *context);

static void disconnect(struct launch_client *c)
{
    loop_watch_free(c->watch);
    c->watch = NULL;
    c->starting = false;
    fd_close(&c->fd);
}

static void try_again(struct launch_client *c)
{
    disconnect(c);
    loop_timer_start(c->retry, RETRY_MS, 0);
}

bool launch_load_record(struct run *run, const struct launcher *launcher)
{
    AUTO_CLOSE int dir = dir_open(launcher->runs_fd, run->id);
    struct err e = ERR_INIT;

    if (dir < 0)
        return false;
    if (exit_record_read(dir, &run->record, &e) < 0) {
        if (e.code != -ENOENT)
            log_debug("run=%s exit record: %s", run->id, e.text);
        return false;
    }
    run->has_record = true;
    return true;
}

/* ---- what the supervisor says ---- */

static void on_refused(struct launch_client *c, const struct message *m)
{
    struct err why = {.code = -EPERM, .blame = m->blame};
    enum cause cause = m->refusal == REFUSAL_NODE ? CAUSE_LAUNCH_FAILED : CAUSE_ASSIGNMENT_INVALID;

    /* Another supervisor has the run, or makes its directory right now: it is looked for. */
    if (c->starting && m->refusal == REFUSAL_EXISTS)
        c->starts--;
    /* A recovery is refused while something of the run lives. */
    if (!c->starting || m->refusal == REFUSAL_EXISTS) {
        try_again(c);
        return;
    }
    if (m->refusal == REFUSAL_INVALID && m->blame != BLAME_ASSIGNMENT)
        cause = CAUSE_INTERNAL;
    if (c->run->cancel_requested)
        cause = CAUSE_CANCELLED;
    (void)snprintf(why.text, sizeof(why.text), "%s", m->text);
    disconnect(c);
    run_fail(c->run, cause, &why);
}

static void on_ended(struct launch_client *c)
{
    disconnect(c);
    if (launch_load_record(c->run, c->launcher))
        run_post(c->run, RUN_EVENT_ENDED);
    else
        try_again(c);
}

static void on_message(struct launch_client *c, const struct message *m)
{
    struct run *run = c->run;

    if (m->type != MESSAGE_HELLO && m->type != MESSAGE_REFUSED)
        c->known = true;
    switch (m->type) {
    case MESSAGE_RUNNING:
        run->main_pid = m->pid;
        run->started_at = m->started_at;
        run->deadline = m->deadline;
        run_post(run, RUN_EVENT_RUNNING);
        break;
    case MESSAGE_READY: run_became_ready(run); break;
    case MESSAGE_DEADLINE:
        if (m->deadline.ms > 0)
            run->deadline = m->deadline;
        run_runtime_set(run, m->runtime_ms);
        break;
    case MESSAGE_STOPPING:
        if (run->cause == CAUSE_NONE)
            run->cause = m->cause;
        run_post(run, RUN_EVENT_STOPPING);
        break;
    case MESSAGE_CLEANING: run_post(run, RUN_EVENT_MAIN_ENDED); break;
    case MESSAGE_ENDED: on_ended(c); break;
    case MESSAGE_REFUSED: on_refused(c, m); break;
    default: break;
    }
}

static void receive(void *context)
{
    struct launch_client *c = context;

    while (c->fd >= 0) {
        struct message m;
        size_t none = 0;
        int r = message_receive(c->fd, &m, NULL, 0, &none);
        if (r == -EAGAIN)
            return;
        if (r == 1) {
            on_message(c, &m);
            continue;
        }
        /* The supervisor is gone without a last word: its end is looked for on disk. */
        log_debug("run=%s the supervisor's connection ended", c->run->id);
        try_again(c);
    }
}

/* ---- what is asked of it ---- */

static void send_stop(struct launch_client *c)
{
    const struct run *run = c->run;
    struct message m = {.type = run->kill_requested ? MESSAGE_KILL : MESSAGE_STOP, .grace_ms = -1};

    /* A stop that the supervisor began itself needs no request. */
    if (c->fd < 0 || (!run->cancel_requested && !run->given_up && run->cause != CAUSE_LAUNCH_FAILED &&
                      run->cause != CAUSE_LEASE_LOST))
        return;
    m.cause = run->cancel_requested ? CAUSE_CANCELLED : run->cause;
    (void)message_send(c->fd, &m, NULL, 0);
}

/* Whether the supervisor is to end the run with its lease. */
static bool ends_with_lease(const struct run *run)
{
    return run->leased && run->spec != NULL && run->spec->on_lease_lost == LEASE_LOST_STOP;
}

static bool lease_missing(const struct run *run)
{
    return run->leased && run->lease_until.ms <= clock_boot().ms;
}

static void say_lease(struct launch_client *c)
{
    const struct message m = {.type = MESSAGE_LEASE, .lease_until = c->run->lease_until};

    if (c->fd >= 0 && m.lease_until.ms > 0 && ends_with_lease(c->run))
        (void)message_send(c->fd, &m, NULL, 0);
}

/* Everything that the supervisor may not know yet. Hearing it again changes nothing. */
static void say_owed(struct launch_client *c)
{
    const struct run *run = c->run;
    int64_t left = run->stop_at.ms - clock_boot().ms;
    const struct message deadline = {.type = MESSAGE_DEADLINE, .runtime_ms = run->runtime_ms};
    const struct message stop = {
        .type = MESSAGE_PREEMPT, .notice = run->stop_reason, .grace_ms = left > 0 ? left : 0};

    if (c->fd < 0)
        return;
    say_lease(c);
    if (run->runtime_ms > 0)
        (void)message_send(c->fd, &deadline, NULL, 0);
    if (run->stop_requested)
        (void)message_send(c->fd, &stop, NULL, 0);
    send_stop(c);
}

static int adopt_connection(struct launch_client *c, int fd)
{
    c->fd = fd;
    (void)fd_set_nonblocking(fd, true);
    c->watch = loop_watch_new(engine_loop(c->run->engine), fd, receive, c);
    return c->watch != NULL ? 0 : -ENOMEM;
}

static int encode_plan(struct launch_client *c, struct err *e)
{
    AUTO(plan) struct plan plan = {0};
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(PLAN_BYTES_MAX);
    const struct run_spec *spec = c->run->spec;
    int64_t epoch = c->run->history.epoch > 0 ? c->run->history.epoch : 1;
    int fd;

    if (spec->container != NULL && c->run->image_fd < 0)
        return err_set(e, -ENOENT, BLAME_NODE, "the run's container image is not here any more");
    if (plan_build(c->run->request, c->run->spec, &c->launcher->settings, epoch, &plan, e) < 0)
        return e->code;
    /* Here it is known by the name of this execution; the job knows the run's own id. */
    free(plan.run_id);
    plan.run_id = strdup(c->run->id);
    if (plan.run_id == NULL)
        return err_oom(e);
    /* Without its lease a run is begun only to learn that it is over: see lease_awaited. */
    if (lease_missing(c->run))
        plan.lease_until_ms = 1;
    else if (ends_with_lease(c->run))
        plan.lease_until_ms = c->run->lease_until.ms;
    if (plan_encode(&plan, &text) < 0)
        return err_set(e, -E2BIG, BLAME_ASSIGNMENT, "environment and arguments are too long for a plan");
    fd = fd_sealed("plan", text.data, text.len);
    return fd < 0 ? err_errno(e, -fd, BLAME_NODE, "write the plan") : fd;
}

static void start_run(struct launch_client *c)
{
    struct run *run = c->run;
    const struct message m = {.type = MESSAGE_START, .version = PROTOCOL_VERSION};
    AUTO_CLOSE int plan_fd = -1;
    int fds[MESSAGE_FDS_MAX];
    size_t count = 1;
    struct err e = ERR_INIT;
    int fd;

    plan_fd = encode_plan(c, &e);
    if (plan_fd < 0) {
        run_fail(run, e.blame == BLAME_ASSIGNMENT ? CAUSE_ASSIGNMENT_INVALID : CAUSE_INTERNAL, &e);
        return;
    }
    (void)run_note(run, FACT_LAUNCH_REQUESTED);
    (void)run_noted(run, true);
    c->starts++;
    fd = gate_connect(c->launcher->gate, &c->start);
    if (fd < 0) {
        try_again(c);
        return;
    }
    fds[0] = plan_fd;
    for (size_t i = 0; i < RUN_PLACEMENTS_MAX && run->placement_fd[i] >= 0; i++)
        fds[count++] = run->placement_fd[i];
    if (run->spec != NULL && run->spec->container != NULL)
        fds[count++] = run->image_fd;
    if (adopt_connection(c, fd) < 0 || message_send(fd, &m, fds, count) < 0) {
        try_again(c);
        return;
    }
    c->starting = true;
    say_owed(c);
}

static void ask_for_recovery(struct launch_client *c)
{
    struct message m = {.type = MESSAGE_RECOVER, .version = PROTOCOL_VERSION};
    struct err e = ERR_INIT;
    int fd = gate_connect(c->launcher->gate, &e);

    if (fd < 0) {
        log_warning("run=%s recovery: %s", c->run->id, e.text);
        try_again(c);
        return;
    }
    (void)snprintf(m.run_id, sizeof(m.run_id), "%s", c->run->id);
    if (adopt_connection(c, fd) < 0 || message_send(fd, &m, NULL, 0) < 0)
        try_again(c);
}

/* The run directory exists and holds no exit record: its supervisor lives, or is lost. */
static void join(struct launch_client *c)
{
    int fd = run_socket_connect(c->launcher->sockets_dir, c->run->id);

    if (fd < 0) {
        ask_for_recovery(c);
        return;
    }
    if (adopt_connection(c, fd) < 0)
        try_again(c);
    else
        say_owed(c);
}

/* Whether the run may still have to be started. Also when it is being stopped: a supervisor that a former agent
 * asked for may be about to make the run's directory, and only one of the two can. */
static bool may_start(const struct launch_client *c)
{
    const struct run *run = c->run;

    return !c->known && !run->history.ran && (run->phase == PHASE_LAUNCHING || run->phase == PHASE_STOPPING);
}

/* A run does not begin before its source has confirmed the lease, which this agent may have been started without: somebody else may
 * have the run by now. */
static bool lease_awaited(const struct launch_client *c)
{
    return may_start(c) && c->run->phase == PHASE_LAUNCHING && lease_missing(c->run);
}

static void await_lease(struct launch_client *c)
{
    if (!c->waits)
        log_notice("run=%s does not begin before its lease is confirmed", c->run->id);
    c->waits = true;
    c->tries = 0;
    try_again(c);
}

static void give_up(struct launch_client *c)
{
    struct run *run = c->run;
    struct err why = {
        .code = -ENOENT, .blame = BLAME_NODE, .text = "the run's supervisor could not be started"};

    if (!may_start(c)) {
        (void)snprintf(why.text, sizeof(why.text), "the run's directory is gone");
        run_fail(run, CAUSE_UNKNOWN, &why);
        return;
    }
    if (c->start.text[0] != '\0')
        why = c->start;
    run_fail(run, run->cancel_requested ? CAUSE_CANCELLED : CAUSE_LAUNCH_FAILED, &why);
}

/* Where is the run? Asked at the start, and whenever a conversation broke off. */
static void find_out(void *context)
{
    struct launch_client *c = context;
    struct run *run = c->run;
    struct err lost = {.code = -EBUSY,
                       .blame = BLAME_NODE,
                       .text = "the run's supervisor could be neither reached nor replaced"};
    AUTO_CLOSE int dir = dir_open(c->launcher->runs_fd, run->id);

    if (launch_load_record(run, c->launcher)) {
        run_post(run, RUN_EVENT_ENDED);
    } else if (++c->tries > TRIES_MAX) {
        run_fail(run, CAUSE_UNKNOWN, &lost);
    } else if (dir >= 0) {
        c->known = true;
        join(c);
    } else if (lease_awaited(c)) {
        await_lease(c);
    } else if (may_start(c) && c->starts < STARTS_MAX) {
        start_run(c);
    } else if (may_start(c) && !run->cancel_requested && access(c->launcher->drain, F_OK) == 0) {
        /* The machine goes down, and supervisors with it: the run begins when it is back. */
        c->starts = c->tries = 0;
        try_again(c);
    } else {
        give_up(c);
    }
}

void launch_enter(struct run *run, const struct launcher *launcher)
{
    struct launch_client *c = calloc(1, sizeof(*c));
    struct err e = ERR_INIT;

    if (c != NULL) {
        *c = (struct launch_client){.run = run, .launcher = launcher, .fd = -1};
        c->retry = loop_timer_new(engine_loop(run->engine), find_out, c);
    }
    run->launch = c;
    if (c == NULL || c->retry == NULL) {
        (void)err_oom(&e);
        run_fail(run, CAUSE_LAUNCH_FAILED, &e);
        return;
    }
    find_out(c);
}

void launch_stop(struct run *run)
{
    if (run->launch != NULL)
        send_stop(run->launch);
}

void launch_tell(struct run *run)
{
    if (run->launch != NULL)
        say_owed(run->launch);
}

void launch_lease(struct run *run)
{
    struct launch_client *c = run->launch;

    if (c == NULL)
        return;
    if (c->waits && !lease_awaited(c)) {
        c->waits = false;
        loop_timer_start(c->retry, 0, 0);
    }
    say_lease(c);
}

bool launch_awaits_lease(const struct run *run)
{
    return run->launch != NULL && lease_awaited(run->launch);
}

void launch_release(struct run *run)
{
    struct launch_client *c = run->launch;

    run->launch = NULL;
    if (c == NULL)
        return;
    disconnect(c);
    loop_timer_free(c->retry);
    free(c);
}
