/* contain.c - see contain.h. */
#include "supervisor/contain.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/fd.h"
#include "sys/process.h"

static int node_failed(struct err *e, const char *what)
{
    return err_errno(e, errno, BLAME_NODE, "%s", what);
}

/* Tells init what was read back. */
static int say(const struct containment *c, const struct containment_list *list, struct err *e)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct launch_word word = {.fact = list->item[i]};
        int r = fd_write_all(c->report_fd, &word, sizeof(word));
        if (r < 0)
            return err_errno(e, -r, BLAME_NODE, "report to init");
    }
    return 0;
}

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

static int step_descriptors(const struct containment *c, struct err *e)
{
    (void)e;
    fd_close_from(STDERR_FILENO + 1, &c->report_fd, 1);
    return 0;
}

static int step_execute(const struct containment *c, struct err *e)
{
    (void)execve(c->argv->item[0], c->argv->item, c->environment->item);
    return err_errno(e, errno, errno == ENOENT || errno == EACCES ? BLAME_NODE : BLAME_ASSIGNMENT, "%s",
                     c->argv->item[0]);
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
    {"priority", step_priority, CAUSE_LAUNCH_FAILED},             /* may need root */
    {"capabilities", step_capabilities, CAUSE_LIMIT_NOT_APPLIED}, /* the bounding set needs CAP_SETPCAP */
    {"identity", step_identity, CAUSE_LIMIT_NOT_APPLIED},         /* from here on without privilege */
    {"no-new-privileges", step_no_new_privileges,
     CAUSE_LIMIT_NOT_APPLIED},                              /* nothing executed later can raise it */
    {"directory", step_directory, CAUSE_LAUNCH_FAILED},     /* checked with the job's own rights */
    {"descriptors", step_descriptors, CAUSE_LAUNCH_FAILED}, /* late: nothing of ours leaks */
    {"execute", step_execute, CAUSE_LAUNCH_FAILED},
};

void contain_and_execute(const struct containment *c, struct launch_word *ret)
{
    *ret = (struct launch_word){.failed = true};
    for (size_t i = 0; i < ARRAY_SIZE(STEPS); i++) {
        if (STEPS[i].run(c, &ret->error) == 0)
            continue;
        ret->cause = STEPS[i].cause;
        if (STEPS[i].run == step_execute)
            ret->launch_errno = -ret->error.code;
        (void)err_context(&ret->error, "%s", STEPS[i].name);
        return;
    }
}
