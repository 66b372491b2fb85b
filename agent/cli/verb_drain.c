/*
 * verb_drain.c - runlet drain and runlet undrain: whether this node takes up further runs.
 *
 * The agent is asked. When it is down, the file that it would have made is made or removed here, with the rights of the agent's
 * user: the next agent finds the node so.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/uri.h"
#include "cli/cli.h"
#include "cli/configuration.h"
#include "cli/node_line.h"
#include "daemon/drained.h"
#include "daemon/node_view.h"
#include "daemon/run_view.h"
#include "io/http_client.h"
#include "sys/fd.h"

#define DAEMON_TIMEOUT_MS 5000
#define LOOK_EVERY_MS     500

/* 1 when the agent did it, 0 when it is down. */
static int ask_daemon(const struct layout *layout, bool drain, const char *reason, struct err *e)
{
    AUTO(strbuf) struct strbuf path = STRBUF_INIT(4096);
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(NODE_VIEW_MAX);
    struct err down = ERR_INIT;
    int status;

    strbuf_addstr(&path, drain ? "/v1/node/drain?reason=" : "/v1/node/undrain");
    if (drain && uri_encode(reason, "", &path) < 0)
        return err_oom(e);
    status =
        http_unix_request(layout->api_socket, "POST", strbuf_str(&path), DAEMON_TIMEOUT_MS, &body, &down);
    if (status == 200)
        return 1;
    if (status == 403)
        return err_set(e, -EPERM, BLAME_NODE, "only root and the agent's user may do this");
    if (status >= 0)
        return err_set(e, -EIO, BLAME_NODE, "runletd answers %d: %s", status, strbuf_str(&body));
    if (status == -ECONNREFUSED || status == -ENOENT)
        return 0;
    *e = down;
    return status;
}

static int change_file(const struct config *config, struct layout *layout, bool drain, const char *reason,
                       struct err *e)
{
    AUTO_CLOSE int fd = -1;
    int r;

    if (geteuid() == 0 && (layout_users(config, layout, e) < 0 || privilege_drop(layout->agent_ids, e) < 0))
        return e->code;
    fd = dir_open(AT_FDCWD, layout->agent);
    if (fd < 0)
        return err_errno(e, -fd, BLAME_NODE, "open %s", layout->agent);
    r = drain ? drained_set(fd, reason) : drained_clear(fd);
    return r < 0 ? err_errno(e, -r, BLAME_NODE, "write in %s", layout->agent) : 0;
}

/* Neither at work nor owed to whoever asked for it. One that only waits stays where it is. */
static bool at_rest(const struct run_view *v)
{
    return v->phase == PHASE_FINISHED || v->phase == PHASE_ACCEPTED;
}

/* Runs that are at work, as the disk has it; negative with *e. */
static int count_live(const struct layout *layout, struct err *e)
{
    AUTO(strlist) struct strlist ids = {0};
    int live = 0, r = run_view_list(layout, &ids, e);

    for (size_t i = 0; r == 0 && i < ids.count; i++) {
        struct run_view view;
        struct err one = ERR_INIT;
        live += run_view_read(layout, ids.item[i], &view, &one) == 0 && !at_rest(&view);
    }
    return r < 0 ? r : live;
}

/* The agent knows of a start before the disk does; the disk knows of `runlet run`. */
static int await_rest(const struct cli *cli, const struct layout *layout, struct err *e)
{
    bool told = false;

    for (;;) {
        AUTO(node) struct node *n = node_ask(layout);
        int64_t live = n != NULL ? node_number(n, "active") + node_number(n, "reporting") : 0;
        if (live == 0)
            live = count_live(layout, e);
        if (live <= 0)
            return (int)live;
        if (!told)
            (void)fprintf(cli->err, "runlet: waiting for %lld %s\n", (long long)live,
                          live == 1 ? "run" : "runs");
        told = true;
        (void)poll(NULL, 0, LOOK_EVERY_MS);
    }
}

static int change(struct cli *cli, bool drain, const char *reason, bool wait)
{
    AUTO(config) struct config config = {0};
    struct layout layout;
    struct err e = ERR_INIT;
    int r;

    if (cli_load_config(cli, &config) < 0)
        return 1;
    if (layout_paths(&config, &layout, &e) < 0)
        return cli_fail(cli, 1, &e);
    r = ask_daemon(&layout, drain, reason, &e);
    if (r == 0)
        r = change_file(&config, &layout, drain, reason, &e);
    if (r < 0)
        return cli_fail(cli, 1, &e);
    (void)fprintf(cli->err, drain ? "runlet: this node takes up no further run\n"
                                  : "runlet: this node takes up runs again\n");
    if (wait && await_rest(cli, &layout, &e) < 0)
        return cli_fail(cli, 1, &e);
    return 0;
}

int verb_drain(struct cli *cli)
{
    const char *reason = cli_value(cli, "reason");
    struct err e = ERR_INIT;

    if (reason != NULL && strlen(reason) >= DRAINED_REASON_MAX) {
        (void)err_set(&e, -EINVAL, BLAME_ASSIGNMENT, "--reason: more than %d bytes", DRAINED_REASON_MAX - 1);
        return cli_fail(cli, EXIT_USAGE, &e);
    }
    return change(cli, true, reason != NULL ? reason : "", cli_flag(cli, "wait"));
}

int verb_undrain(struct cli *cli)
{
    return change(cli, false, "", false);
}
