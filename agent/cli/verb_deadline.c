/*
 * verb_deadline.c - runlet deadline: a job may run for longer, or for less, than its document says.
 *
 * The daemon is asked first: it keeps the word until the run's supervisor has it. When it is down, a live run's own supervisor
 * is told.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "base/auto.h"
#include "base/parse.h"
#include "cli/cli.h"
#include "cli/configuration.h"
#include "cli/run_name.h"
#include "daemon/run_view.h"
#include "io/http_client.h"
#include "sys/fd.h"
#include "wire/message.h"
#include "wire/run_socket.h"

#define DAEMON_TIMEOUT_MS     5000
#define SUPERVISOR_TIMEOUT_MS 5000

/* 1 when the daemon took it, 0 when it is down or does not attend the run. */
static int ask_daemon(const struct layout *layout, const char *id, int64_t runtime_ms, struct err *e)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(FACT_LINE_MAX);
    char path[RUN_ID_BYTES + 96];
    int status;

    (void)snprintf(path, sizeof(path), "/v1/runs/%s/deadline?maximumRuntime=%lldms", id,
                   (long long)runtime_ms);
    status = http_unix_request(layout->api_socket, "POST", path, DAEMON_TIMEOUT_MS, &body, e);
    if (status == 202)
        return 1;
    if (status == 403)
        return err_set(e, -EPERM, BLAME_NODE, "only root and the agent's user may change deadlines");
    return 0;
}

/* Waits for the supervisor's answer, or its word that the run is at its end. */
static int await_answer(int fd, const char *id, int64_t *ret_allowed, struct err *e)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    while (poll(&p, 1, SUPERVISOR_TIMEOUT_MS) == 1) {
        struct message m;
        size_t none = 0;
        if (message_receive(fd, &m, NULL, 0, &none) != 1)
            break;
        if (m.type == MESSAGE_DEADLINE) {
            *ret_allowed = m.runtime_ms;
            return 0;
        }
        if (m.type == MESSAGE_STOPPING || m.type == MESSAGE_CLEANING || m.type == MESSAGE_ENDED)
            return err_set(e, -EBUSY, BLAME_ASSIGNMENT, "run %s is being ended already", id);
    }
    return err_set(e, -EIO, BLAME_NODE, "the supervisor of run %s did not answer", id);
}

static int tell_supervisor(const struct layout *layout, const char *id, int64_t *runtime_ms, struct err *e)
{
    const struct message m = {.type = MESSAGE_DEADLINE, .runtime_ms = *runtime_ms};
    AUTO_CLOSE int fd = run_socket_connect(layout->sockets, id);

    if (fd == -EACCES || fd == -EPERM)
        return err_set(e, fd, BLAME_NODE, "only root and the agent's user may change deadlines");
    if (fd < 0)
        return err_set(e, -ENOENT, BLAME_ASSIGNMENT,
                       "run %s is not executing, and no runletd attends it: its deadline cannot be changed",
                       id);
    if (message_send(fd, &m, NULL, 0) < 0)
        return err_set(e, -EIO, BLAME_NODE, "the supervisor of run %s did not answer", id);
    return await_answer(fd, id, runtime_ms, e);
}

static int change(const struct layout *layout, const char *id, int64_t *runtime_ms, struct err *e)
{
    struct run_view view;
    int r;

    if (run_view_read(layout, id, &view, e) == 0 && view.ended)
        return err_set(e, -EALREADY, BLAME_ASSIGNMENT, "run %s has ended already: %s", id,
                       state_name(view.state));
    r = ask_daemon(layout, id, *runtime_ms, e);
    if (r != 0)
        return r < 0 ? r : 0;
    return tell_supervisor(layout, id, runtime_ms, e);
}

int verb_deadline(struct cli *cli)
{
    AUTO(config) struct config config = {0};
    const char *text = cli_arg(cli, 1);
    struct layout layout;
    struct named_run name;
    struct err e = ERR_INIT;
    int64_t runtime_ms;

    if (parse_duration_ms(text, &runtime_ms) < 0 || runtime_ms < 1000 || runtime_ms > JOB_RUNTIME_MS_MAX) {
        (void)err_set(&e, -EINVAL, BLAME_ASSIGNMENT,
                      "'%s' is not a length of time such as 90s, 5m or 2h, from 1s to 30d", text);
        return cli_fail(cli, EXIT_USAGE, &e);
    }
    if (cli_load_config(cli, &config) < 0)
        return 1;
    if (layout_paths(&config, &layout, &e) < 0 || run_name_find(&layout, cli_arg(cli, 0), &name, &e) < 0)
        return cli_fail(cli, 1, &e);
    if (runtime_ms > config.maximum_runtime_ms)
        runtime_ms = config.maximum_runtime_ms;
    if (change(&layout, name.id, &runtime_ms, &e) < 0)
        return cli_fail(cli, 1, &e);
    (void)fprintf(cli->err, "runlet: run %s may run for %lld s from its start\n", name.id,
                  (long long)(runtime_ms / 1000));
    return 0;
}
