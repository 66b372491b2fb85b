/* verb_run.c - runlet run: execute a job here, in the foreground. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "assignment/local/submission.h"
#include "base/auto.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/plan_print.h"
#include "cli/prepare.h"
#include "cli/run_foreground.h"
#include "cli/style.h"
#include "daemon/housekeeping.h"
#include "daemon/run_view.h"
#include "sys/fd.h"
#include "sys/rootless.h"

/* Everything that needs root, in the order that gives it up at the end. An ordinary user is root of a namespace first. */
static int become_agent(struct prepared *p, bool silent, struct gate *gate, struct err *e)
{
    if (p->config.rootless && rootless_enter(e) < 0)
        return e->code;
    if (layout_users(&p->config, &p->layout, e) < 0 || layout_ensure(&p->config, &p->layout, e) < 0)
        return e->code;
    if (parts_collect(&p->request.artifact, &p->layout, p->layout.agent,
                      (unsigned long long)p->config.artifact_bytes, &p->parts, e) < 0 ||
        parts_give(&p->parts, &p->layout, e) < 0)
        return e->code;
    if (agent_open_starter(&p->config, &p->layout, silent, gate, e) < 0)
        return e->code;
    return privilege_drop(p->layout.agent_ids, e);
}

static int mark_kept(const struct cli *cli, int agent_fd, const struct prepared *p, struct err *e)
{
    char path[300];
    AUTO_CLOSE int fd = -1;

    if (!cli_flag(cli, "keep"))
        return 0;
    (void)snprintf(path, sizeof(path), "%.200s/" AGENT_KEEP_NAME, p->request.run.id);
    fd = openat(agent_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    return fd < 0 ? err_errno(e, errno, BLAME_NODE, "mark the run to be kept") : 0;
}

static int submit_here(const struct cli *cli, struct prepared *p, int *ret_lock_fd, struct err *e)
{
    AUTO_CLOSE int agent_fd = dir_open(AT_FDCWD, p->layout.agent);

    if (agent_fd < 0)
        return err_errno(e, -agent_fd, BLAME_NODE, "open %s", p->layout.agent);
    if (submission_put(agent_fd, &p->request, p->parts.fd, true, ret_lock_fd, e) < 0)
        return e->code;
    return mark_kept(cli, agent_fd, p, e);
}

/* The parent prints the id and goes; the child goes on without a terminal. Returns 1 in the parent. */
static int detach(const struct cli *cli, const char *id, struct err *e)
{
    AUTO_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    pid_t pid;

    (void)fflush(NULL);
    pid = fork();
    if (pid < 0 || null < 0)
        return err_errno(e, errno, BLAME_NODE, "go to the background");
    if (pid > 0) {
        if (cli_flag(cli, "json"))
            (void)fprintf(cli->out, "{\"id\":\"%s\"}\n", id);
        else
            (void)fprintf(cli->out, "%s\n", id);
        return 1;
    }
    (void)setsid();
    if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0)
        return err_errno(e, errno, BLAME_NODE, "go to the background");
    return 0;
}

static void say_start(const struct cli *cli, const struct prepared *p)
{
    char limit[DURATION_TEXT_MAX];

    duration_format(p->plan.maximum_runtime_ms, limit);
    (void)fprintf(cli->err, "runlet: run %s of %s starts, maximum runtime %s\n", p->request.run.id,
                  p->plan.job_name[0] != '\0' ? p->plan.job_name : "a job", limit);
}

static void say_end(const struct cli *cli, const struct prepared *p, const struct foreground *f)
{
    char took[DURATION_TEXT_MAX];
    int64_t ms = f->record.started_at.ms > 0 ? f->record.ended_at.ms - f->record.started_at.ms : 0;

    duration_format(ms, took);
    (void)fprintf(cli->err, "runlet: run %s %s after %s: %s\n", f->id, state_name(f->verdict.state), took,
                  f->verdict.details);
    if (f->verdict.has_exit_code)
        (void)fprintf(cli->err, "runlet: exit code %d\n", f->verdict.exit_code);
    if (p->request.job.multi_node) {
        (void)fprintf(cli->err, "runlet: its %lld nodes are runs of their own: %s+0 and on\n",
                      (long long)p->request.job.replicas, f->id);
        return;
    }
    (void)fprintf(cli->err, "runlet: log  %s/%s/log/output.log (%llu lines)\n", p->layout.runs, f->id,
                  (unsigned long long)f->record.log_lines);
    (void)fprintf(cli->err, "runlet: home %s/%s/home\n", p->layout.runs, f->id);
}

static int show_end(const struct cli *cli, const struct prepared *p, const struct foreground *f, bool quiet)
{
    if (!quiet)
        say_end(cli, p, f);
    else if (f->record.main_end == MAIN_NOT_STARTED && f->verdict.cause != CAUSE_CANCELLED)
        (void)fprintf(cli->err, "runlet: %s\n", f->verdict.details); /* nobody else would say why */
    if (cli_flag(cli, "json"))
        (void)run_view_print_json(&p->layout, f->id, cli->out);
    return verdict_shell_status(&f->verdict, &f->record);
}

static int show_plan(const struct cli *cli, const struct prepared *p)
{
    if (cli_flag(cli, "json"))
        return plan_print_json(&p->plan, &p->spec, cli->out) < 0 ? EXIT_RUN_ERROR : 0;
    plan_print_text(&p->plan, &p->spec, style_wanted(cli->out), cli->out);
    return 0;
}

int verb_run(struct cli *cli)
{
    AUTO(prepared) struct prepared p = PREPARED_INIT;
    bool quiet = cli_flag(cli, "quiet");
    struct foreground f = {.quiet = quiet};
    struct gate gate = {.starter_fd = -1};
    int lock_fd = -1, r;
    struct err e = ERR_INIT;

    if (prepare(cli, quiet, &p) < 0)
        return EXIT_RUN_ERROR;
    if (cli_flag(cli, "dry-run"))
        return show_plan(cli, &p);
    log_set_level(LOG_LEVEL_WARNING);
    if (become_agent(&p, cli_flag(cli, "detach"), &gate, &e) < 0 || submit_here(cli, &p, &lock_fd, &e) < 0) {
        gate_close(&gate);
        return cli_fail(cli, EXIT_RUN_ERROR, &e);
    }
    if (cli_flag(cli, "detach")) {
        r = detach(cli, p.request.run.id, &e);
        if (r != 0) {
            gate_close(&gate);
            fd_close(&lock_fd);
            return r > 0 ? 0 : cli_fail(cli, EXIT_RUN_ERROR, &e);
        }
        f.silent = true;
    } else if (!quiet) {
        say_start(cli, &p);
    }
    if (run_foreground(&p.config, &p.layout, gate, p.request.run.id, lock_fd, &f, &e) < 0)
        return cli_fail(cli, EXIT_RUN_ERROR, &e);
    return show_end(cli, &p, &f, quiet);
}
