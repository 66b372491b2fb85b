/* supervise.c - see supervise.h: the loop of one run. */
#include "supervisor/supervise.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "supervisor/recover.h"
#include "supervisor/remove.h"
#include "supervisor/supervision.h"
#include "sys/fd.h"

/* The first message must come soon: a connection that says nothing holds nothing. */
#define FIRST_MESSAGE_MS 30000
/* A stalled spool is tried again this often. */
#define STALL_RETRY_MS 200
/* A disk that takes nothing for this long ends the run. */
#define STALL_BUDGET_MS 10000
/* While the spool's times run ahead of the clock. */
#define TIME_LEAD_PAUSE_MS 5

enum wake {
    WAKE_SIGNAL = 0,
    WAKE_TIMER,
    WAKE_INIT,
    WAKE_HELPER,
    WAKE_IMAGE,
    WAKE_HELPER_WORDS,
    WAKE_STORAGE,
    WAKE_STDOUT,
    WAKE_STDERR,
    WAKE_LISTENER,
    WAKE_DENIALS,
    WAKE_CHANNEL,
    WAKE_COUNT = WAKE_CHANNEL + CHANNEL_POLLFDS,
};

static void reap_children(struct supervision *s)
{
    int wait_status;

    if (helper_reap(&s->image.helper))
        stage_image_ended(s);
    if (helper_reap(&s->helper.process))
        stage_helper_ended(s);
    if (s->init.pid > 0 && wait4(s->init.pid, &wait_status, WNOHANG, &s->ended) == s->init.pid) {
        struct init_report report;
        while (s->init.control_fd >= 0 && init_receive(&s->init, &report) == 1)
            stage_init_report(s, &report);
        stage_init_exited(s);
    }
}

/* SIGTERM to the supervisor comes from the machine's service manager, which shuts down: the job gets its grace. */
static void handle_signals(struct supervision *s, boot_ms_t now)
{
    struct signalfd_siginfo info;

    while (read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        if (info.ssi_signo == SIGTERM)
            stage_preempt(s, NOTICE_SHUTDOWN, 0, now);
    reap_children(s);
}

static void handle_message(struct supervision *s, const struct message *m, boot_ms_t now)
{
    switch (m->type) {
    case MESSAGE_STOP:
        stage_stop(s, m->cause != CAUSE_NONE ? m->cause : CAUSE_CANCELLED, m->grace_ms, now);
        break;
    case MESSAGE_KILL:
        stage_stop(s, CAUSE_CANCELLED, 0, now);
        s->stop.hurry = true;
        if (s->stage == STAGE_SAVING)
            storage_cancel(&s->storage, now);
        break;
    case MESSAGE_PREEMPT: stage_preempt(s, m->notice, m->grace_ms, now); break;
    case MESSAGE_DEADLINE: stage_deadline(s, m->runtime_ms, now); break;
    case MESSAGE_LEASE: stage_lease(s, m->lease_until, now); break;
    default: break;
    }
}

static void fill_pollfds(const struct supervision *s, struct pollfd *fds, wall_ms_t wall)
{
    fds[WAKE_SIGNAL] = (struct pollfd){.fd = s->signal_fd, .events = POLLIN};
    fds[WAKE_TIMER] = (struct pollfd){.fd = s->timer_fd, .events = POLLIN};
    fds[WAKE_INIT] = (struct pollfd){.fd = s->init.control_fd, .events = POLLIN};
    fds[WAKE_HELPER] = (struct pollfd){.fd = s->helper.answer_fd, .events = POLLIN};
    fds[WAKE_IMAGE] = (struct pollfd){.fd = s->image.helper.said_fd, .events = POLLIN};
    fds[WAKE_HELPER_WORDS] = (struct pollfd){.fd = s->helper.process.said_fd, .events = POLLIN};
    fds[WAKE_STORAGE] = (struct pollfd){.fd = s->storage.control_fd, .events = POLLIN};
    for (unsigned i = 0; i < CAPTURE_STREAMS; i++)
        fds[WAKE_STDOUT + i] = (struct pollfd){
            .fd = capture_wants(&s->capture, i, wall) ? s->capture.pipe_fd[i] : -1, .events = POLLIN};
    fds[WAKE_LISTENER] = (struct pollfd){.fd = s->listener_socket, .events = POLLIN};
    fds[WAKE_DENIALS] = (struct pollfd){.fd = s->denials.fd, .events = POLLIN};
    channel_pollfds(&s->channel, &fds[WAKE_CHANNEL]);
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Does what is due and sets the timer for what is next. */
static void handle_time(struct supervision *s, boot_ms_t now, wall_ms_t wall)
{
    struct itimerspec next = {0};
    int64_t at = INT64_MAX;

    if (s->stage == STAGE_RUNNING && now.ms >= s->deadline.ms)
        stage_stop(s, CAUSE_DEADLINE_EXCEEDED, -1, now);
    at = sooner(at, stage_lease_due(s, now));
    stage_look(s, now);
    stage_notice_deadline(s, now);
    stage_preempt_due(s, now);
    stage_storage_due(s, now);
    if (s->capture.stalled) {
        capture_retry(&s->capture, wall, now);
        if (s->capture.stalled && now.ms >= s->capture.stalled_at.ms + STALL_BUDGET_MS)
            stage_stop(s, CAUSE_DISK_FULL, -1, now);
        at = sooner(at, now.ms + STALL_RETRY_MS);
    } else if ((int64_t)s->capture.spool.last_time_ms > wall.ms) {
        at = sooner(at, now.ms + TIME_LEAD_PAUSE_MS);
    }
    at = sooner(at, stage_climb(s, now));
    if (s->stage == STAGE_RUNNING && !s->stopping)
        at = sooner(at, sooner(s->deadline.ms, s->notice_at.ms));
    if (!s->stopping)
        at = sooner(at, s->preempt_at.ms);
    at = sooner(at, s->look_at.ms);
    if (helper_is_active(&s->image.helper)) {
        at = sooner(at, helper_due(&s->image.helper, now));
        if (!helper_is_active(&s->image.helper))
            stage_image_ended(s);
    }
    if (helper_is_active(&s->helper.process)) {
        at = sooner(at, helper_due(&s->helper.process, now));
        if (!helper_is_active(&s->helper.process))
            stage_helper_ended(s);
    }
    if (s->stage == STAGE_STORAGE || s->stage == STAGE_SAVING)
        at = sooner(at, s->storage.until.ms);
    if (at != INT64_MAX) {
        at = at < 1 ? 1 : at;
        next.it_value = (struct timespec){.tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000};
    }
    (void)timerfd_settime(s->timer_fd, TFD_TIMER_ABSTIME, &next, NULL);
}

static void handle_wakes(struct supervision *s, const struct pollfd *fds)
{
    boot_ms_t now = clock_boot();
    wall_ms_t wall = clock_wall();
    struct message m;
    struct init_report report;
    uint64_t expirations;

    if (fds[WAKE_TIMER].revents != 0)
        (void)!read(s->timer_fd, &expirations, sizeof(expirations));
    for (unsigned i = 0; i < CAPTURE_STREAMS; i++)
        if (fds[WAKE_STDOUT + i].revents != 0)
            (void)capture_read(&s->capture, i, wall, now);
    if (fds[WAKE_LISTENER].revents != 0)
        stage_listener(s);
    if (fds[WAKE_DENIALS].revents != 0)
        stage_denials(s);
    if (fds[WAKE_HELPER].revents != 0)
        place_read(&s->helper);
    if (fds[WAKE_IMAGE].revents != 0)
        helper_read(&s->image.helper);
    if (fds[WAKE_HELPER_WORDS].revents != 0)
        helper_read(&s->helper.process);
    if (fds[WAKE_STORAGE].revents != 0)
        stage_storage_says(s);
    if (fds[WAKE_INIT].revents != 0) {
        int r;
        while ((r = init_receive(&s->init, &report)) == 1)
            stage_init_report(s, &report);
        if (r != -EAGAIN)
            fd_close(&s->init.control_fd); /* its end itself is learnt from SIGCHLD */
    }
    while (channel_receive(&s->channel, &fds[WAKE_CHANNEL], &m) == 1)
        handle_message(s, &m, now);
    if (fds[WAKE_SIGNAL].revents != 0)
        handle_signals(s, now);
}

static void run_loop(struct supervision *s)
{
    struct pollfd fds[WAKE_COUNT];

    while (s->stage != STAGE_GONE) {
        wall_ms_t wall = clock_wall();
        handle_time(s, clock_boot(), wall);
        if (s->stage == STAGE_GONE)
            break;
        fill_pollfds(s, fds, wall);
        if (poll(fds, WAKE_COUNT, -1) < 0)
            continue;
        handle_wakes(s, fds);
    }
}

static void supervision_close(struct supervision *s)
{
    channel_close(&s->channel);
    capture_close(&s->capture);
    journal_close(&s->journal);
    image_close(&s->image);
    place_close(&s->helper);
    fd_close(&s->storage.control_fd);
    for (size_t i = 0; i < ARRAY_SIZE(s->placement_fd); i++)
        fd_close(&s->placement_fd[i]);
    notice_close(&s->notices);
    oom_watch_close(&s->oom);
    fd_close(&s->listener_socket);
    denials_close(&s->denials);
    fd_close(&s->init.control_fd);
    run_group_close(&s->group);
    helper_group_close(&s->helpers);
    granted_devices_close(&s->devices);
    containment_free(&s->contained);
    fd_close(&s->signal_fd);
    fd_close(&s->timer_fd);
    fd_close(&s->output_fd[0]);
    fd_close(&s->output_fd[1]);
    run_directory_close(&s->run);
    plan_free(&s->plan);
}

static int refuse(struct channel *c, enum refusal refusal, const struct err *e)
{
    struct message m = {.type = MESSAGE_REFUSED, .refusal = refusal, .blame = e->blame};

    (void)snprintf(m.text, sizeof(m.text), "%s", e->text);
    channel_say(c, &m);
    log_at(refusal == REFUSAL_EXISTS ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING, "refused (%s): %s",
           refusal_name(refusal), e->text);
    return 0;
}

static int start_run(struct supervision *s, const int *fds, size_t count)
{
    enum refusal refusal = REFUSAL_NONE;
    struct err e = ERR_INIT;
    struct message accepted = {.type = MESSAGE_ACCEPTED};

    if (request_accept(s, fds[0], count - 1, &refusal, &e) < 0)
        return refuse(&s->channel, refusal, &e);
    (void)snprintf(accepted.run_id, sizeof(accepted.run_id), "%s", s->plan.run_id);
    channel_say(&s->channel, &accepted);
    (void)close(fds[0]);
    for (size_t i = 1; i < count; i++)
        s->placement_fd[i - 1] = fds[i];
    if (s->stage != STAGE_GONE)
        stage_begin(s, clock_boot());
    run_loop(s);
    if (finish(s, &e) < 0) {
        log_error("run=%s %s", s->plan.run_id, e.text);
        return 1;
    }
    return 0;
}

/* Waits for the first message. 1, or 0 when none came in time. */
static int first_message(int fd, struct message *m, int *fds, size_t *count)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int r;

    do {
        r = poll(&p, 1, FIRST_MESSAGE_MS);
    } while (r < 0 && errno == EINTR);
    return r == 1 ? message_receive(fd, m, fds, MESSAGE_FDS_MAX, count) : 0;
}

int supervise(const struct policy *policy, int connection_fd)
{
    struct supervision s = {.policy = policy,
                            .run = RUN_DIRECTORY_INIT,
                            .journal = {.fd = -1},
                            .capture = {.spool = SPOOL_WRITER_INIT, .pipe_fd = {-1, -1}},
                            .image = IMAGE_INIT,
                            .helper = PLACE_HELPER_INIT,
                            .storage = STORAGE_INIT,
                            .group = RUN_GROUP_INIT,
                            .helpers = HELPER_GROUP_INIT,
                            .scratch = SCRATCH_DISK_INIT,
                            .init = {.control_fd = -1},
                            .notices = NOTICE_BOARD_INIT,
                            .notice_at = {INT64_MAX},
                            .preempt_at = {INT64_MAX},
                            .lease = LEASE_TERMS_NONE,
                            .look_at = {INT64_MAX},
                            .oom = {-1},
                            .listener_socket = -1,
                            .denials = DENIALS_INIT,
                            .signal_fd = -1,
                            .timer_fd = -1,
                            .output_fd = {-1, -1}};
    struct message m = {0};
    int fds[MESSAGE_FDS_MAX];
    size_t count = 0;
    int status = 1;

    for (size_t i = 0; i < ARRAY_SIZE(s.placement_fd); i++)
        s.placement_fd[i] = -1;
    channel_init(&s.channel, policy->agent_uid);
    if (!channel_peer_allowed(&s.channel, connection_fd)) {
        log_warning("a connection of a user who is neither root nor the agent was refused");
        (void)close(connection_fd);
        return 1;
    }
    channel_add(&s.channel, connection_fd);
    if (first_message(connection_fd, &m, fds, &count) == 1) {
        if (m.type == MESSAGE_START && count > 0)
            status = start_run(&s, fds, count);
        else if (m.type == MESSAGE_RECOVER)
            status = recover(policy, &m, &s.channel);
        else if (m.type == MESSAGE_REMOVE)
            status = remove_run(policy, &m, &s.channel);
        else
            log_warning("the first message was not start, recover or remove");
    }
    supervision_close(&s);
    return status;
}
