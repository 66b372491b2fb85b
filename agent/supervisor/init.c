/* init.c - see init.h. What runs in the new pid 1 is below "inside init". */
#include "supervisor/init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "base/fact.h"
#include "supervisor/contain.h"
#include "supervisor/init_report.h"
#include "supervisor/network.h"
#include "supervisor/view.h"
#include "supervisor/view_image.h"
#include "sys/fd.h"
#include "sys/packet.h"

/* From the fork of a startup probe to its exec. */
#define PROBE_LAUNCH_S 10

/* ---- inside init ---- */

/* The startup probe that is under way. */
struct init_probe {
    pid_t pid;        /* 0: none is */
    struct err error; /* why it could not be executed */
};

struct init {
    const struct launch *launch;
    int control_fd;
    int witness_fd;
    int signal_fd;
    pid_t main_pid; /* in the run's namespace; 0 once it was reaped */
    struct init_probe probe;
};

static void tell(const struct init *init, const struct init_report *report)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(MESSAGE_BYTES_MAX);

    if (init_report_encode(report, &text) < 0)
        return;
    /* A started job is named by its pid, which the kernel translates into the supervisor's namespace. */
    if (report->word == INIT_STARTED)
        (void)packet_send_as(init->control_fd, text.data, text.len, report->pid);
    else
        (void)packet_send(init->control_fd, text.data, text.len, NULL, 0);
}

static _Noreturn void give_up_for(const struct init *init, enum cause cause, const struct err *e)
{
    tell(init, &(struct init_report){.word = INIT_FAILED, .error = *e, .cause = cause});
    _exit(1);
}

static _Noreturn void give_up(const struct init *init, const struct err *e)
{
    give_up_for(init, CAUSE_LAUNCH_FAILED, e);
}

static void witness_write(const struct init *init, const struct init_report *report)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(MESSAGE_BYTES_MAX);

    CRASH_POINT("witness-write");
    if (init_report_encode(report, &text) == 0 && fd_write_all(init->witness_fd, text.data, text.len) == 0) {
        CRASH_POINT("witness-written");
        (void)fdatasync(init->witness_fd);
    }
    CRASH_POINT("witness-synced");
}

static void take_status(struct init_report *report, int wait_status)
{
    if (WIFEXITED(wait_status)) {
        report->main_end = MAIN_EXITED;
        report->status = WEXITSTATUS(wait_status);
    } else {
        report->main_end = MAIN_SIGNALED;
        report->status = WTERMSIG(wait_status);
        report->core_dumped = WCOREDUMP(wait_status);
    }
}

static void probe_ended(struct init *init, int wait_status)
{
    struct init_report report = {.word = INIT_PROBED, .error = init->probe.error};

    init->probe = (struct init_probe){0};
    take_status(&report, wait_status);
    tell(init, &report);
}

static void main_ended(struct init *init, int wait_status)
{
    struct init_report report = {.word = INIT_MAIN_ENDED};

    init->main_pid = 0;
    take_status(&report, wait_status);
    witness_write(init, &report);
    tell(init, &report);
}

/* Reaps everything that ended. Exits when nothing is left: init's own end tells the supervisor that the tree
 * is gone. As pid 1 of its namespace it is the parent of all orphans and nothing else has children here, so
 * waiting for any is right. */
static void reap(struct init *init)
{
    for (;;) {
        int wait_status;
        pid_t pid = waitpid(-1, &wait_status, WNOHANG);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0) {
            CRASH_POINT("all-reaped");
            _exit(0);
        }
        if (pid == 0)
            return;
        if (WIFSTOPPED(wait_status)) {
            /* A process that asked to be traced by its parent, which we are: it is no end, and we do not trace. */
            (void)ptrace(PTRACE_DETACH, pid, NULL, (void *)(intptr_t)WSTOPSIG(wait_status));
            continue;
        }
        if (pid == init->main_pid)
            main_ended(init, wait_status);
        else if (pid == init->probe.pid)
            probe_ended(init, wait_status);
    }
}

static void probe(struct init *init);

static void obey(struct init *init)
{
    AUTO(fact) struct fact f = {0};
    struct err e = ERR_INIT;
    char text[MESSAGE_BYTES_MAX];
    int64_t signal_number = 0;
    bool tree = false;
    size_t none = 0;
    ssize_t n = packet_receive(init->control_fd, text, sizeof(text), NULL, 0, &none);

    if (n == 0)
        _exit(1); /* the supervisor is gone; the end of pid 1 ends the namespace */
    if (n < 0 || fact_decode(text, (size_t)n, &f, &e) < 0)
        return;
    if (fact_bool(&f, "probe", &tree)) {
        probe(init);
        return;
    }
    if (!fact_int(&f, "signal", &signal_number))
        return;
    (void)fact_bool(&f, "tree", &tree);
    if (tree)
        (void)kill(-1, (int)signal_number);
    else if (init->main_pid > 0)
        (void)kill(init->main_pid, (int)signal_number);
}

static _Noreturn void watch(struct init *init)
{
    struct pollfd fds[] = {{.fd = init->signal_fd, .events = POLLIN},
                           {.fd = init->control_fd, .events = POLLIN}};

    for (;;) {
        struct signalfd_siginfo info;
        if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
            continue;
        if (fds[0].revents != 0)
            (void)!read(init->signal_fd, &info, sizeof(info));
        reap(init);
        if (fds[1].revents != 0)
            obey(init);
    }
}

/* The job, or another process of it with the same walls: a word of argv without a slash is looked for in its PATH. */
static _Noreturn void become(const struct launch *l, const struct strlist *argv, const int *output_fd,
                             bool search_path, int report_fd)
{
    const struct user_ids own = policy_own_ids(l->policy, l->plan);
    const struct containment c = {
        .directory = l->directory,
        .argv = argv,
        .environment = l->environment,
        .output_fd = {output_fd[0], output_fd[1]},
        .report_fd = report_fd,
        .uid = own.uid,
        .gid = own.gid,
        .nice = l->plan->nice,
        .oom_score_adj = l->plan->oom_score_adj,
        .umask_bits = (mode_t)l->plan->umask_bits,
        .limits = l->limits,
        .cpuset_by_group = run_group_backend(l->group, CONTROLLER_CPUSET) != NULL,
        .walls = {.uid = own.uid,
                  .gid = own.gid,
                  .keeps_groups = l->policy->rootless,
                  .writable_root = plan_has_image(l->plan),
                  .best_effort = l->policy->limits_best_effort,
                  .devices = &l->plan->sandbox.devices,
                  .storage = l->plan,
                  .filter = l->filter},
        .search_path = search_path,
        .user_namespace = policy_user_namespace(l->policy, l->plan),
    };

    CRASH_POINT("born");
    contain_and_execute(&c);
}

static int write_map(pid_t pid, const char *name, unsigned inside, unsigned outside, unsigned count)
{
    char path[48], text[48];
    AUTO_CLOSE int fd = -1;

    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    (void)snprintf(text, sizeof(text), "%u %u %u", inside, outside, count);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
}

/* Puts the job's user and group, and nobody else, into the namespace that its process has made; with an image all users of
 * images, whose files it has. */
static int fill_namespace(const struct init *init, pid_t pid, struct err *e)
{
    const struct launch *l = init->launch;
    bool image = plan_has_image(l->plan);
    unsigned count = image ? l->policy->image_ids : 1;
    const struct user_ids own = image ? (struct user_ids){0, 0} : policy_own_ids(l->policy, l->plan);
    const struct user_ids outside =
        image ? (struct user_ids){l->policy->image_first_id, l->policy->image_first_id}
              : (struct user_ids){policy_uid(l->policy, l->plan), policy_gid(l->policy, l->plan)};
    int r = write_map(pid, "uid_map", own.uid, outside.uid, count);

    if (r == 0)
        r = write_map(pid, "gid_map", own.gid, outside.gid, count);
    return r < 0 ? err_errno(e, -r, BLAME_NODE, "map the job's user into its namespace") : 0;
}

static void tell_contained(const struct init *init, const struct containment_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        tell(init, &(struct init_report){.word = INIT_CONTAINED, .fact = list->item[i]});
}

/* The listener goes to the supervisor before the job can be denied anything. */
static void check_filter(const struct init *init, const int *listener, size_t listeners)
{
    AUTO(containment) struct containment_list list = {0};
    const struct launch *l = init->launch;
    struct err e = ERR_INIT;

    if (walls_verify_calls(init->main_pid, l->policy->limits_best_effort, listeners > 0, &list, &e) < 0)
        give_up_for(init, CAUSE_LIMIT_NOT_APPLIED, &e);
    if (listeners > 0)
        (void)packet_send(l->listener_socket, "listener", 8, listener, 1);
    tell_contained(init, &list);
}

/* One word of the job's process, with the descriptor that came along. */
static void hear(const struct init *init, int report_fd, const struct launch_word *word, const int *fds,
                 size_t count)
{
    struct err e = ERR_INIT;

    switch (word->kind) {
    case LAUNCH_CONTAINED:
        tell(init, &(struct init_report){.word = INIT_CONTAINED, .fact = word->fact});
        return;
    case LAUNCH_NAMESPACE:
        if (fill_namespace(init, init->main_pid, &e) < 0)
            give_up_for(init, CAUSE_LIMIT_NOT_APPLIED, &e);
        break;
    case LAUNCH_FILTERED: check_filter(init, fds, count); break;
    case LAUNCH_FAILED:
    default:
        tell(init, &(struct init_report){.word = INIT_FAILED,
                                         .error = word->error,
                                         .cause = word->cause,
                                         .launch_errno = word->launch_errno});
        _exit(1);
    }
    (void)packet_send(report_fd, "+", 1, NULL, 0);
}

/* Passes on what the job's process says until its exec, which closes the connection. */
static void hear_out(const struct init *init, int report_fd)
{
    struct launch_word word;
    int fd = -1;
    size_t count = 0;

    while (packet_receive(report_fd, &word, sizeof(word), &fd, 1, &count) == (ssize_t)sizeof(word)) {
        hear(init, report_fd, &word, &fd, count);
        if (count > 0)
            fd_close(&fd);
    }
}

static void start_main(struct init *init)
{
    struct err e = ERR_INIT;
    int report[2], r;

    r = packet_pair(report);
    if (r < 0) {
        (void)err_errno(&e, -r, BLAME_NODE, "make the job's way to speak");
        give_up(init, &e);
    }
    CRASH_POINT("fork-job");
    init->main_pid = fork();
    if (init->main_pid < 0) {
        (void)err_errno(&e, errno, BLAME_NODE, "fork the job");
        give_up(init, &e);
    }
    if (init->main_pid == 0) {
        const struct launch *l = init->launch;
        CRASH_ROLE("job");
        become(l, l->argv, l->output_fd, plan_has_image(l->plan), report[1]);
    }
    CRASH_POINT("forked-job");
    (void)close(report[1]);
    hear_out(init, report[0]);
    (void)close(report[0]);
    tell(init, &(struct init_report){.word = INIT_STARTED, .pid = init->main_pid});
}

/* ---- the startup probe ---- */

/* What its process says until its exec; it has the job's walls or does not execute. What was read back of the job holds for it too. */
static void hear_probe(struct init *init, int report_fd)
{
    struct launch_word word;
    int fd = -1;
    size_t count = 0;

    while (packet_receive(report_fd, &word, sizeof(word), &fd, 1, &count) == (ssize_t)sizeof(word)) {
        if (count > 0)
            fd_close(&fd); /* of the filter: what it would have been asked about is refused */
        if (word.kind == LAUNCH_FAILED)
            init->probe.error = word.error;
        if (word.kind == LAUNCH_NAMESPACE && fill_namespace(init, init->probe.pid, &init->probe.error) < 0)
            return;
        if (word.kind == LAUNCH_NAMESPACE || word.kind == LAUNCH_FILTERED)
            (void)packet_send(report_fd, "+", 1, NULL, 0);
    }
}

static void fork_probe(struct init *init, int report[2], int null)
{
    const struct timeval patience = {.tv_sec = PROBE_LAUNCH_S};

    init->probe = (struct init_probe){.pid = fork()};
    if (init->probe.pid == 0) {
        const struct launch *l = init->launch;
        CRASH_ROLE("startup-probe");
        become(l, &l->plan->probe.command, (int[]){null, null}, true, report[1]);
    }
    fd_close(&report[1]);
    /* Init waits for nobody without an end. */
    (void)setsockopt(report[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (init->probe.pid > 0)
        hear_probe(init, report[0]);
}

static void probe(struct init *init)
{
    AUTO_CLOSE int null = -1;
    int report[2];

    if (init->probe.pid > 0) {
        (void)kill(-init->probe.pid, SIGKILL);
        (void)kill(init->probe.pid, SIGKILL);
        return;
    }
    null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (init->main_pid == 0 || null < 0 || packet_pair(report) < 0)
        return; /* the next one is tried */
    fork_probe(init, report, null);
    fd_close(&report[0]);
    if (init->probe.pid < 0)
        probe_ended(init, SIGKILL);
}

/* Until the supervisor has given up what it does not need any more. */
static void await_release(const struct init *init)
{
    char word;
    size_t none = 0;

    if (packet_receive(init->control_fd, &word, sizeof(word), NULL, 0, &none) != sizeof(word))
        _exit(1); /* the supervisor is gone */
}

static void keep_only(const struct init *init)
{
    const struct launch *l = init->launch;
    int keep[] = {init->control_fd, init->witness_fd, init->signal_fd,   l->run->lock_fd,
                  l->output_fd[0],  l->output_fd[1],  l->listener_socket};

    for (size_t i = 1; i < ARRAY_SIZE(keep); i++)
        for (size_t k = i; k > 0 && keep[k - 1] > keep[k]; k--) {
            int swap = keep[k];
            keep[k] = keep[k - 1];
            keep[k - 1] = swap;
        }
    fd_close_from(STDERR_FILENO + 1, keep, ARRAY_SIZE(keep));
}

/* What init puts around the whole run: network and mounts. */
static void put_up_walls(const struct init *init)
{
    AUTO(containment) struct containment_list list = {0};
    const struct launch *l = init->launch;
    struct err e = ERR_INIT;

    if (l->plan->sandbox.network_off && network_start_loopback(&list, &e) < 0) {
        (void)err_context(&e, "network");
        give_up_for(init, CAUSE_LIMIT_NOT_APPLIED, &e);
    }
    if ((plan_has_image(l->plan) ? view_image_build : view_build)(l->policy, l->plan, l->run, &list, &e) <
        0) {
        bool wall = e.code == -ENOTSUP;
        (void)err_context(&e, "mounts");
        give_up_for(init, wall ? CAUSE_LIMIT_NOT_APPLIED : CAUSE_LAUNCH_FAILED, &e);
    }
    tell_contained(init, &list);
}

static _Noreturn void init_main(const struct launch *l, int control_fd, int witness_fd)
{
    struct init init = {.launch = l, .control_fd = control_fd, .witness_fd = witness_fd, .signal_fd = -1};
    struct err e = ERR_INIT;
    sigset_t all;
    int r;

    CRASH_ROLE("init");
    CRASH_POINT("born");
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_NAME, "runlet-init");
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    (void)sigemptyset(&all);
    (void)sigaddset(&all, SIGCHLD);
    init.signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    if (init.signal_fd < 0) {
        (void)err_errno(&e, errno, BLAME_NODE, "make a signal descriptor");
        give_up(&init, &e);
    }
    /* Joined by init before it has children: nothing of the run is ever outside. */
    r = run_group_join(l->group);
    if (r < 0) {
        (void)err_errno(&e, -r, BLAME_NODE, "join the run's control group");
        give_up(&init, &e);
    }
    CRASH_POINT("group-joined");
    put_up_walls(&init);
    CRASH_POINT("view-built");
    keep_only(&init);
    await_release(&init);
    start_main(&init);
    (void)close(l->output_fd[0]);
    (void)close(l->output_fd[1]);
    (void)close(l->listener_socket);
    watch(&init);
}

/* ---- in the supervisor ---- */

int init_start(const struct launch *l, struct init_process *ret, struct err *e)
{
    static const int ON = 1;
    unsigned long flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS |
                          (l->plan->sandbox.network_off ? CLONE_NEWNET : 0) | SIGCHLD;
    AUTO_CLOSE int ours = -1;
    AUTO_CLOSE int theirs = -1;
    AUTO_CLOSE int witness = -1;
    int pair[2];
    long pid;
    int r = packet_pair(pair);

    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "make init's socket");
    ours = pair[0];
    theirs = pair[1];
    if (setsockopt(ours, SOL_SOCKET, SO_PASSCRED, &ON, sizeof(ON)) < 0)
        return err_errno(e, errno, BLAME_NODE, "ask for credentials on init's socket");
    witness = openat(l->run->fd, WITNESS_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (witness < 0)
        return err_errno(e, errno, BLAME_NODE, "make the witness file");
    CRASH_POINT("witness-made");
    /* fork(2) with namespaces: the child goes on in a copy of this image, which needs no second program. */
    pid = syscall(SYS_clone, flags, 0, 0, 0, 0);
    if (pid < 0)
        return err_errno(e, errno, BLAME_NODE, "clone init into new namespaces");
    if (pid == 0)
        init_main(l, theirs, witness);
    CRASH_POINT("cloned-init");
    (void)fd_set_nonblocking(ours, true);
    ret->pid = (pid_t)pid;
    ret->control_fd = take_fd(&ours);
    return 0;
}
