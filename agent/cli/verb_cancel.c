/*
 * verb_cancel.c - runlet cancel: ask a run to stop, whoever attends it.
 *
 * The daemon is asked first. When it is down, a live run's own supervisor is told, and a run that waits gets
 * a mark that the next agent finds before it would start it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/auto.h"
#include "cli/cli.h"
#include "cli/configuration.h"
#include "cli/fleet.h"
#include "cli/run_name.h"
#include "daemon/agent.h"
#include "daemon/run_view.h"
#include "io/http_client.h"
#include "sys/fd.h"
#include "wire/message.h"
#include "wire/run_socket.h"

#define DAEMON_TIMEOUT_MS     5000
#define SUPERVISOR_TIMEOUT_MS 5000

/* 1 when the daemon took it, 0 when it is down or does not attend the run. */
static int ask_daemon(const struct layout *layout, const char *id, struct err *e)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(FACT_LINE_MAX);
    char path[300];
    int status;

    (void)snprintf(path, sizeof(path), "/v1/runs/%s/cancel", id);
    status = http_unix_request(layout->api_socket, "POST", path, DAEMON_TIMEOUT_MS, &body, e);
    if (status == 202)
        return 1;
    if (status == 403)
        return err_set(e, -EPERM, BLAME_NODE, "only root and the agent's user may cancel runs");
    return 0;
}

/* Waits until the supervisor says that the run is being stopped, or has come to its end anyway. 1, or 0 when it went away
 * without a word. */
static int await_stopping(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    while (poll(&p, 1, SUPERVISOR_TIMEOUT_MS) == 1) {
        struct message m;
        size_t none = 0;
        int r = message_receive(fd, &m, NULL, 0, &none);
        if (r != 1)
            return 0;
        if (m.type == MESSAGE_STOPPING || m.type == MESSAGE_CLEANING || m.type == MESSAGE_ENDED)
            return 1;
    }
    return 0;
}

/* 1 when the run's supervisor was told and has understood, 0 when there is none. */
static int tell_supervisor(const struct layout *layout, const char *id)
{
    const struct message stop = {.type = MESSAGE_STOP, .cause = CAUSE_CANCELLED, .grace_ms = -1};
    AUTO_CLOSE int fd = run_socket_connect(layout->sockets, id);

    return fd >= 0 && message_send(fd, &stop, NULL, 0) == 0 && await_stopping(fd) == 1;
}

/* The nodes of a run of several that live without an agent. The mark on the whole stands beside it. */
static void tell_nodes(const struct layout *layout, const char *id)
{
    struct run_view view;
    struct err e = ERR_INIT;

    if (run_view_read(layout, id, &view, &e) < 0)
        return;
    for (size_t i = 0; i < view.nodes; i++) {
        char node[RUN_ID_BYTES];
        run_view_node(id, i, node);
        (void)tell_supervisor(layout, node);
    }
}

static int mark(const struct config *config, struct layout *layout, const char *folder, const char *id,
                struct err *e)
{
    char path[LAYOUT_PATH_MAX + 300];
    AUTO_CLOSE int fd = -1;

    if (geteuid() == 0 && (layout_users(config, layout, e) < 0 || privilege_drop(layout->agent_ids, e) < 0))
        return e->code;
    (void)snprintf(path, sizeof(path), "%s/%s/" AGENT_CANCEL_NAME, folder, id);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    return fd < 0 ? err_errno(e, errno, BLAME_NODE, "mark the run as cancelled") : 0;
}

static bool still_queued(const struct layout *layout, const char *id)
{
    char path[LAYOUT_PATH_MAX + 256];

    (void)snprintf(path, sizeof(path), "%s/%s", layout->queue, id);
    return access(path, F_OK) == 0;
}

/* 1 when the mark stands before anybody could have looked for it, 0 when the run was accepted meanwhile. */
static int cancel_queued(const struct config *config, struct layout *layout, const char *id, struct err *e)
{
    struct err failure = ERR_INIT;

    if (mark(config, layout, layout->queue, id, &failure) == 0)
        return still_queued(layout, id);
    if (failure.code == -ENOENT && !still_queued(layout, id))
        return 0;
    *e = failure;
    return e->code;
}

static int cancel(const struct config *config, struct layout *layout, const struct named_run *name,
                  struct err *e)
{
    int r = name->queued ? cancel_queued(config, layout, name->id, e) : 0;

    if (r == 0)
        r = ask_daemon(layout, name->id, e);
    if (r != 0)
        return r < 0 ? r : 0;
    if (tell_supervisor(layout, name->id) == 1)
        return 0;
    tell_nodes(layout, name->id);
    return mark(config, layout, layout->agent, name->id, e);
}

int verb_cancel(struct cli *cli)
{
    AUTO(config) struct config config = {0};
    struct layout layout;
    struct named_run name;
    struct run_view view;
    struct err e = ERR_INIT;

    if (cli_load_config(cli, &config) < 0)
        return 1;
    if (fleet_wanted(cli))
        return fleet_cancel(cli, &config);
    if (layout_paths(&config, &layout, &e) < 0 || run_name_find(&layout, cli_arg(cli, 0), &name, &e) < 0)
        return cli_fail(cli, 1, &e);
    if (!name.queued && run_view_read(&layout, name.id, &view, &e) == 0 && view.ended) {
        (void)fprintf(cli->err, "runlet: run %s has ended already: %s\n", name.id, state_name(view.state));
        return 1;
    }
    if (cancel(&config, &layout, &name, &e) < 0)
        return cli_fail(cli, 1, &e);
    (void)fprintf(cli->err, "runlet: run %s is asked to stop\n", name.id);
    return 0;
}
