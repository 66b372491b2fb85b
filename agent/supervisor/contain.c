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

/* A core file would go wherever the host's core_pattern says, with the job's memory in it. */
static int step_resource_limits(const struct containment *c, struct err *e)
{
    const struct rlimit no_core = {0, 0};

    (void)c;
    return setrlimit(RLIMIT_CORE, &no_core) < 0 ? node_failed(e, "limit core files") : 0;
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

static const struct {
    const char *name;
    int (*run)(const struct containment *c, struct err *e);
} STEPS[] = {
    {"session", step_session},                     /* no terminal, no shared process group */
    {"stdio", step_stdio},                         /* before descriptors are closed */
    {"signals", step_signals},                     /* init blocks them; the job starts clean */
    {"resource-limits", step_resource_limits},     /* may need root */
    {"priority", step_priority},                   /* may need root */
    {"capabilities", step_capabilities},           /* emptying the bounding set needs CAP_SETPCAP */
    {"identity", step_identity},                   /* from here on without privilege */
    {"no-new-privileges", step_no_new_privileges}, /* nothing executed later can raise it */
    {"directory", step_directory},                 /* checked with the job's own rights */
    {"descriptors", step_descriptors},             /* last before exec: nothing of ours leaks */
    {"execute", step_execute},
};

int contain_and_execute(const struct containment *c, struct err *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(STEPS); i++)
        if (STEPS[i].run(c, e) < 0)
            return err_context(e, "%s", STEPS[i].name);
    return err_set(e, -EINVAL, BLAME_BUG, "execute returned");
}
