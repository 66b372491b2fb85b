/* main.c - runletd: the node agent. See docs/ARCHITECTURE.md. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "daemon/agent.h"
#include "daemon/api.h"
#include "daemon/health_watch.h"
#include "daemon/housekeeping.h"
#include "daemon/identity.h"
#include "daemon/leave.h"
#include "daemon/metrics.h"
#include "daemon/notices.h"
#include "daemon/sources.h"
#include "sys/fd.h"
#include "sys/notify.h"
#include "sys/process.h"

#define STATUS_USAGE 2

static const char HELP[] = "Usage: runletd [--config FILE]\n"
                           "\n"
                           "The node agent: takes runs from the queue and brings each to its reported end.\n"
                           "\n"
                           "  --config FILE  Read this configuration instead of /etc/runlet/runlet.yaml,\n"
                           "                 and its drop-ins beside it.\n"
                           "  -h, --help     Show help and exit.\n"
                           "  --version      Show the version and exit.\n"
                           "\n"
                           "Started as root it makes its folders, starts the process that starts\n"
                           "supervisors, and gives its privilege up. SIGTERM ends it; runs go on.\n"
                           "\n"
                           "Exit status: 0 on SIGTERM; 80 when its work here is done (afterRun,\n"
                           "idle.shutdown), 81 when the machine is to be switched off as well; 1, it\n"
                           "failed; 2, wrong command line.\n";

struct daemon {
    struct config config;
    struct layout layout;
    struct agent agent;
    struct api *api;
    struct http_server *metrics;
    struct housekeeping *housekeeping;
    int api_fd;
    int lock_fd;
    int starter_fd; /* pidfd of the process that starts supervisors; -1 without one */
    bool starter_lost;
};

static int load_config(const char *path, struct config *config)
{
    AUTO(diag) struct diag_list diags = {0};
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(DOCUMENT_BYTES_MAX);
    int r = config_load(path, config, &diags);

    diag_print(&diags, &text);
    if (text.len > 0)
        log_error("%s", strbuf_str(&text));
    return r;
}

/* Two agents on one state directory would both answer for its queue. Locked is the directory itself: root makes
 * no file where the agent's user could put something in its way. */
static int lock_state(struct daemon *d, struct err *e)
{
    d->lock_fd = dir_open(AT_FDCWD, d->layout.agent);
    if (d->lock_fd < 0)
        return err_errno(e, -d->lock_fd, BLAME_NODE, "open %s", d->layout.agent);
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return err_set(e, -EBUSY, BLAME_NODE, "another runletd serves %s", d->config.state_directory);
    return 0;
}

/* The socket that systemd keeps for the agent, else one of its own. */
static int listen_for_api(struct daemon *d, struct err *e)
{
    int fd = manager_socket();

    if (fd < 0 && fd != -ENOENT)
        return err_set(e, fd, BLAME_NODE,
                       "the service manager handed over something else than one unix socket");
    d->api_fd = fd >= 0 ? fd : api_bind(&d->layout, e);
    return d->api_fd < 0 ? d->api_fd : 0;
}

/* What needs root, ending in its loss. Under systemd's own units there is nothing of it: the folders and the
 * sockets are there already, and the agent is started as its user. */
static int set_up_as_root(struct daemon *d, struct err *e)
{
    if (layout_ensure(&d->config, &d->layout, e) < 0)
        return e->code;
    /* Before the socket is taken from an agent that serves it. */
    if (lock_state(d, e) < 0)
        return e->code;
    if (listen_for_api(d, e) < 0)
        return e->code;
    if (access(d->layout.supervisor_socket, F_OK) == 0)
        d->agent.gate.socket_path = d->layout.supervisor_socket;
    else if (agent_open_starter(&d->config, &d->layout, false, &d->agent.gate, e) < 0)
        return e->code;
    return privilege_drop(d->layout.agent_ids, e);
}

static int set_up(struct daemon *d, struct err *e)
{
    if (layout_paths(&d->config, &d->layout, e) < 0 || layout_users(&d->config, &d->layout, e) < 0)
        return e->code;
    if (geteuid() == 0)
        return set_up_as_root(d, e);
    if (lock_state(d, e) < 0)
        return e->code;
    d->agent.gate.socket_path = d->layout.supervisor_socket;
    return listen_for_api(d, e);
}

static void on_signal(void *context, int signal)
{
    struct daemon *d = context;

    log_notice("signal %d: stopping; runs go on and are taken up at the next start", signal);
    (void)notify_manager("STOPPING=1");
    d->agent.stopping = true;
    loop_stop(d->agent.loop);
}

/* An agent that can start no run must take none. */
static void on_starter_end(void *context)
{
    struct daemon *d = context;

    d->starter_lost = true;
    d->agent.stopping = true;
    loop_stop(d->agent.loop);
}

static int watch_starter(struct daemon *d, struct err *e)
{
    if (d->agent.gate.starter_pid == 0)
        return 0;
    d->starter_fd = pidfd_of(d->agent.gate.starter_pid);
    if (d->starter_fd == -ENOSYS)
        return 0;
    if (d->starter_fd < 0)
        return err_errno(e, -d->starter_fd, BLAME_NODE, "watch the process that starts supervisors");
    return loop_watch_new(d->agent.loop, d->starter_fd, on_starter_end, d) != NULL ? 0 : err_oom(e);
}

static int serve(struct daemon *d, struct err *e)
{
    size_t adopted;
    int fd = d->api_fd;

    if (agent_open(&d->agent, &d->config, &d->layout, e) < 0)
        return e->code;
    if (identity_read(&d->agent, e) < 0)
        return e->code;
    if (loop_signal_new(d->agent.loop, SIGTERM, on_signal, d) == NULL ||
        loop_signal_new(d->agent.loop, SIGINT, on_signal, d) == NULL)
        return err_oom(e);
    if (watch_starter(d, e) < 0)
        return e->code;
    if (sources_open(&d->agent, false, e) < 0)
        return e->code;
    if (health_watch_start(&d->agent, e) < 0)
        return e->code;
    if (leave_start(&d->agent, e) < 0)
        return e->code;
    adopted = agent_adopt_all(&d->agent, NULL);
    if (notices_start(&d->agent, e) < 0)
        return e->code;
    sources_begin(&d->agent);
    agent_admit(&d->agent);
    d->api_fd = -1;
    d->api = api_start(&d->agent, fd, e);
    if (d->api == NULL || metrics_serve(&d->agent, &d->metrics, e) < 0)
        return e->code;
    d->housekeeping = housekeeping_start(&d->agent, e);
    if (d->housekeeping == NULL)
        return e->code;
    log_notice("runletd " RUNLET_VERSION " ready, %zu runs taken up again, %lld at a time", adopted,
               (long long)d->config.concurrency);
    (void)notify_manager("READY=1");
    loop_run(d->agent.loop);
    return d->starter_lost ? err_set(e, -ECHILD, BLAME_NODE,
                                     "the process that starts supervisors has ended, and only root can start "
                                     "another: runletd must be started again; runs go on")
                           : 0;
}

static int run_daemon(const char *config_path)
{
    struct daemon d = {.agent = AGENT_INIT, .api_fd = -1, .lock_fd = -1, .starter_fd = -1};
    struct err e = ERR_INIT;
    int status, r = load_config(config_path, &d.config);

    if (r == 0) {
        log_set_level(d.config.log_level);
        r = set_up(&d, &e);
        if (r == 0)
            r = serve(&d, &e);
        if (r < 0)
            log_error("%s", e.text);
    }
    housekeeping_stop(d.housekeeping);
    notices_stop(&d.agent);
    health_watch_stop(&d.agent);
    status = leave_status(&d.agent);
    leave_stop(&d.agent);
    http_server_stop(d.metrics);
    api_stop(d.api);
    agent_close(&d.agent);
    fd_close(&d.api_fd);
    fd_close(&d.lock_fd);
    fd_close(&d.starter_fd);
    config_free(&d.config);
    return r < 0 ? 1 : status;
}

int main(int argc, char **argv)
{
    const char *config_path = NULL;

    log_open("runletd", LOG_LEVEL_INFO);
    (void)signal(SIGPIPE, SIG_IGN);
    CRASH_ROLE("runletd");
    CRASH_POINT("main");
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return fputs(HELP, stdout) < 0;
        if (strcmp(argv[i], "--version") == 0)
            return puts("runletd " RUNLET_VERSION) < 0;
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
            config_path = argv[++i];
        } else {
            log_error("unknown argument: %s (see runletd --help)", argv[i]);
            return STATUS_USAGE;
        }
    }
    return run_daemon(config_path);
}
