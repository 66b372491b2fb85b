/* contain.c - see contain.h. */
#include "supervisor/contain.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "sys/fd.h"
#include "sys/process.h"

static int node_failed(struct err *e, const char *what)
{
    return err_errno(e, errno, BLAME_NODE, "%s", what);
}

/* ---- words to init ---- */

/* Once system calls are filtered this is the one way to be heard, and stands in the filter as such. */
static int send_word(int fd, const struct launch_word *word, int passed_fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    struct iovec iov = {.iov_base = (void *)(uintptr_t)word, .iov_len = sizeof(*word)};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    if (passed_fd >= 0) {
        struct cmsghdr *header;
        msg.msg_control = control.bytes;
        msg.msg_controllen = sizeof(control.bytes);
        header = CMSG_FIRSTHDR(&msg);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &passed_fd, sizeof(passed_fd));
    }
    CRASH_POINT("word-send");
    if (sendmsg(fd, &msg, (int)LAUNCH_SEND_FLAGS) < 0)
        return -errno;
    CRASH_POINT("word-sent");
    return 0;
}

/* Sends a word and waits until init lets us go on. If it does not, it ends, and we with it. */
static int ask(const struct containment *c, enum launch_word_kind kind, int passed_fd, struct err *e)
{
    char answer[LAUNCH_READ_LENGTH];
    const struct launch_word word = {.kind = kind};
    int r = send_word(c->report_fd, &word, passed_fd);
    ssize_t n;

    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "ask init");
    do {
        n = read(c->report_fd, answer, LAUNCH_READ_LENGTH);
    } while (n < 0 && errno == EINTR);
    return n == 1 ? 0 : err_set(e, -EIO, BLAME_NODE, "init did not answer");
}

/* Tells init what was read back. */
static int say(const struct containment *c, const struct containment_list *list, struct err *e)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct launch_word word = {.kind = LAUNCH_CONTAINED, .fact = list->item[i]};
        int r = send_word(c->report_fd, &word, -1);
        if (r < 0)
            return err_errno(e, -r, BLAME_NODE, "report to init");
    }
    return 0;
}

/* The filter knows the way to init by its number. */
static int take_launch_fd(struct containment *c, struct err *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(c->output_fd); i++) {
        if (c->output_fd[i] != LAUNCH_FD)
            continue;
        c->output_fd[i] = fcntl(LAUNCH_FD, F_DUPFD_CLOEXEC, LAUNCH_FD + 1);
        if (c->output_fd[i] < 0)
            return node_failed(e, "move an output");
    }
    if (c->report_fd != LAUNCH_FD && dup3(c->report_fd, LAUNCH_FD, O_CLOEXEC) < 0)
        return node_failed(e, "move the way to init");
    c->report_fd = LAUNCH_FD;
    return 0;
}

/* ---- steps ---- */

static int step_session(const struct containment *c, struct err *e)
{
    (void)c;
    return setsid() < 0 ? node_failed(e, "start a session") : 0;
}

static int step_stdio(const struct containment *c, struct err *e)
{
    AUTO_CLOSE int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (null < 0 || dup2(null, STDIN_FILENO) < 0)
        return node_failed(e, "open /dev/null");
    if (dup2(c->output_fd[0], STDOUT_FILENO) < 0 || dup2(c->output_fd[1], STDERR_FILENO) < 0)
        return node_failed(e, "connect the output");
    return 0;
}

static int step_signals(const struct containment *c, struct err *e)
{
    sigset_t none;

    (void)c;
    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL);
    (void)sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? node_failed(e, "unblock signals") : 0;
}

/* Without a limit of its own a core file would go wherever the host's core_pattern says, with the job's memory in it. */
static int step_limits(const struct containment *c, struct err *e)
{
    AUTO(containment) struct containment_list list = {0};

    if (limits_apply_own(c->limits, c->cpuset_by_group, &list, e) < 0)
        return e->code;
    return say(c, &list, e);
}

static int step_priority(const struct containment *c, struct err *e)
{
    AUTO_CLOSE int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    char text[16];
    int n = snprintf(text, sizeof(text), "%d", c->oom_score_adj);

    if (fd < 0 || write(fd, text, (size_t)n) != n)
        return node_failed(e, "set oom_score_adj");
    if (setpriority(PRIO_PROCESS, 0, c->nice) < 0)
        return node_failed(e, "set the nice value");
    (void)umask(c->umask_bits);
    return 0;
}

static int step_capabilities(const struct containment *c, struct err *e)
{
    int r = capabilities_forbid();

    (void)c;
    return r < 0 ? err_errno(e, -r, BLAME_NODE, "empty the bounding set") : 0;
}

static int step_identity(const struct containment *c, struct err *e)
{
    int r;

    if (privilege_drop((struct user_ids){c->uid, c->gid}, e) < 0)
        return e->code;
    r = capabilities_clear();
    return r < 0 ? err_errno(e, -r, BLAME_NODE, "give up capabilities") : 0;
}

static int step_no_new_privileges(const struct containment *c, struct err *e)
{
    (void)c;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? node_failed(e, "set no_new_privs") : 0;
}

static int step_directory(const struct containment *c, struct err *e)
{
    if (chdir(c->directory) < 0)
        return err_errno(e, errno, BLAME_ASSIGNMENT, "enter %s", c->directory);
    return 0;
}

/* Its own, and in it no more than the job's user: what the kernel gives the maker of a namespace is given up with the next
 * steps. */
static int step_user_namespace(const struct containment *c, struct err *e)
{
    AUTO(containment) struct containment_list list = {0};

    if (!c->user_namespace)
        return 0;
    if (unshare(CLONE_NEWUSER) < 0)
        return node_failed(e, "make a user namespace");
    if (ask(c, LAUNCH_NAMESPACE, -1, e) < 0)
        return e->code;
    if (containment_add(&list, "user-namespace", CONTAINMENT_APPLIED, "its own, with the job's user",
                        "namespace") < 0)
        return err_oom(e);
    return say(c, &list, e);
}

static int put_up(const struct containment *c,
                  int (*wall)(const struct wall_plan *plan, struct containment_list *list, struct err *e),
                  struct err *e)
{
    AUTO(containment) struct containment_list list = {0};

    return wall(&c->walls, &list, e) < 0 ? e->code : say(c, &list, e);
}

static int step_files(const struct containment *c, struct err *e)
{
    return put_up(c, walls_files, e);
}

static int step_verify(const struct containment *c, struct err *e)
{
    return put_up(c, walls_verify, e);
}

/* After a success nothing is called but what ask(), a failure and the exec need. The listener is closed by the exec. */
static int step_calls(const struct containment *c, struct err *e)
{
    AUTO(containment) struct containment_list list = {0};
    int listener = -1;
    int r = walls_calls(&c->walls, &listener, &list, e);

    if (r < 0)
        return r;
    return r == 0 ? say(c, &list, e) : ask(c, LAUNCH_FILTERED, listener, e);
}

static int step_descriptors(const struct containment *c, struct err *e)
{
    (void)e;
    fd_close_from(STDERR_FILENO + 1, &c->report_fd, 1);
    return 0;
}

/* As execvp(3) without its shell: the first file of that name that can be executed. */
static int execute_in_path(const struct containment *c)
{
    const char *path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
               *name = c->argv->item[0];
    char file[PATH_MAX];
    int error = ENOENT;

    for (size_t i = 0; i < c->environment->count; i++)
        if (strncmp(c->environment->item[i], "PATH=", 5) == 0)
            path = c->environment->item[i] + 5;
    for (;;) {
        int n = (int)strcspn(path, ":");
        int length = snprintf(file, sizeof(file), "%.*s%s%s", n, path, n > 0 ? "/" : "./", name);
        if (length > 0 && length < (int)sizeof(file)) {
            (void)execve(file, c->argv->item, c->environment->item);
            if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
                return errno;
            error = errno == EACCES ? EACCES : error;
        }
        if (path[n] == '\0')
            return error;
        path += n + 1;
    }
}

static int step_execute(const struct containment *c, struct err *e)
{
    bool image = c->search_path;

    if (image && strchr(c->argv->item[0], '/') == NULL) {
        errno = execute_in_path(c);
        return err_errno(e, errno, BLAME_ASSIGNMENT, "%s, looked for in the image's PATH", c->argv->item[0]);
    }
    (void)execve(c->argv->item[0], c->argv->item, c->environment->item);
    return err_errno(e, errno, !image && (errno == ENOENT || errno == EACCES) ? BLAME_NODE : BLAME_ASSIGNMENT,
                     "%s", c->argv->item[0]);
}

static const struct step {
    const char *name;
    int (*run)(const struct containment *c, struct err *e);
    enum cause cause; /* when it fails */
} STEPS[] = {
    {"session", step_session, CAUSE_LAUNCH_FAILED}, /* no terminal, no shared process group */
    {"stdio", step_stdio, CAUSE_LAUNCH_FAILED},     /* before descriptors are closed */
    {"signals", step_signals, CAUSE_LAUNCH_FAILED}, /* init blocks them; the job starts clean */
    {"limits", step_limits, CAUSE_LIMIT_NOT_APPLIED},
    {"priority", step_priority, CAUSE_LAUNCH_FAILED}, /* may need root */
    {"user-namespace", step_user_namespace,
     CAUSE_LIMIT_NOT_APPLIED}, /* as root: the namespace is not the job's, so it has no power over it */
    {"capabilities", step_capabilities, CAUSE_LIMIT_NOT_APPLIED}, /* the bounding set needs CAP_SETPCAP */
    {"identity", step_identity, CAUSE_LIMIT_NOT_APPLIED},         /* from here on without privilege */
    {"no-new-privileges", step_no_new_privileges,
     CAUSE_LIMIT_NOT_APPLIED},                              /* nothing executed later can raise it */
    {"directory", step_directory, CAUSE_LAUNCH_FAILED},     /* checked with the job's own rights */
    {"files", step_files, CAUSE_LIMIT_NOT_APPLIED},         /* after the directory, which may be anywhere */
    {"verify", step_verify, CAUSE_LIMIT_NOT_APPLIED},       /* the kernel says whether all this is so */
    {"descriptors", step_descriptors, CAUSE_LAUNCH_FAILED}, /* late: nothing of ours leaks */
    {"system-calls", step_calls,
     CAUSE_LIMIT_NOT_APPLIED}, /* last: it may deny what every step before needs */
    {"execute", step_execute, CAUSE_LAUNCH_FAILED},
};

_Noreturn void contain_and_execute(const struct containment *c)
{
    struct launch_word failure = {.kind = LAUNCH_FAILED, .cause = CAUSE_LAUNCH_FAILED};
    struct containment own = *c;
    int r = take_launch_fd(&own, &failure.error);

    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(STEPS); i++) {
        CRASH_POINT_OF("contain", STEPS[i].name);
        r = STEPS[i].run(&own, &failure.error);
        if (r == 0)
            continue;
        failure.cause = STEPS[i].cause;
        if (STEPS[i].run == step_execute)
            failure.launch_errno = -failure.error.code;
        (void)err_context(&failure.error, "%s", STEPS[i].name);
    }
    (void)send_word(own.report_fd, &failure, -1);
    _exit(127);
}
