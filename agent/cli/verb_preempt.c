/*
 * verb_preempt.c - runlet preempt: a job hears how long it still has, and is stopped then.
 *
 * The run's own supervisor is told, so it works while runletd is down: whoever watches for the provider's notice
 * that it takes the machine back calls this with --all.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/parse.h"
#include "cli/cli.h"
#include "cli/configuration.h"
#include "cli/run_name.h"
#include "daemon/run_view.h"
#include "sys/fd.h"
#include "wire/message.h"
#include "wire/run_socket.h"

#define SUPERVISOR_TIMEOUT_MS 5000
#define PREEMPT_MS_MAX        (24LL * 3600 * 1000)

struct demand {
    enum notice_reason reason;
    int64_t left_ms;
};

static int read_demand(const struct cli *cli, struct demand *ret, struct err *e)
{
    const char *in = cli_value(cli, "in"), *reason = cli_value(cli, "reason");
    struct demand d = {.reason = NOTICE_DRAIN};

    if (in != NULL && (parse_duration_ms(in, &d.left_ms) < 0 || d.left_ms > PREEMPT_MS_MAX))
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT,
                       "--in: '%s' is not a length of time such as 30s or 2m, up to 1d", in);
    if (reason != NULL)
        d.reason = notice_reason_from_name(reason);
    if (d.reason != NOTICE_DRAIN && d.reason != NOTICE_SPOT && d.reason != NOTICE_SHUTDOWN)
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "--reason: '%s' is not one of drain, spot, shutdown",
                       reason);
    *ret = d;
    return 0;
}

/* Waits until the supervisor says that it has told the job, or that the run is at its end anyway. */
static bool await_noticed(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    while (poll(&p, 1, SUPERVISOR_TIMEOUT_MS) == 1) {
        struct message m;
        size_t none = 0;
        if (message_receive(fd, &m, NULL, 0, &none) != 1)
            return false;
        if (m.type == MESSAGE_NOTICED || m.type == MESSAGE_STOPPING || m.type == MESSAGE_CLEANING ||
            m.type == MESSAGE_ENDED)
            return true;
    }
    return false;
}

static int preempt(const struct layout *layout, const char *id, const struct demand *d, struct err *e)
{
    const struct message m = {.type = MESSAGE_PREEMPT, .notice = d->reason, .grace_ms = d->left_ms};
    AUTO_CLOSE int fd = run_socket_connect(layout->sockets, id);

    if (fd == -EACCES || fd == -EPERM)
        return err_set(e, fd, BLAME_NODE, "only root and the agent's user may preempt runs");
    if (fd < 0)
        return err_set(e, -ENOENT, BLAME_ASSIGNMENT,
                       "run %s is not executing; a run that waits or has ended cannot be preempted", id);
    if (message_send(fd, &m, NULL, 0) < 0 || !await_noticed(fd))
        return err_set(e, -EIO, BLAME_NODE, "the supervisor of run %s did not answer", id);
    return 0;
}

/* Whether the execution is one node of the other, which is the whole; `whole` NULL: whatever it is. */
static bool is_of(const char *name, const char *whole)
{
    struct run_name one, other;

    return whole == NULL || (run_name_parse(name, &one) && run_name_parse(whole, &other) && one.rank >= 0 &&
                             other.rank < 0 && one.attempt == other.attempt && strcmp(one.id, other.id) == 0);
}

/* Every run with a supervisor, or the nodes of one run; one that ends meanwhile is no failure. Returns how many were told. */
static int preempt_each(const struct cli *cli, const struct layout *layout, const char *whole,
                        const struct demand *d, struct err *e)
{
    AUTO(strlist) struct strlist ids = {0};
    int told = 0;
    int r = run_view_list(layout, &ids, e);

    for (size_t i = 0; r == 0 && i < ids.count; i++) {
        struct run_view view;
        struct err one = ERR_INIT;
        if (!is_of(ids.item[i], whole))
            continue;
        if (run_view_read(layout, ids.item[i], &view, &one) < 0 || view.ended)
            continue;
        if (preempt(layout, ids.item[i], d, &one) == 0)
            told++;
        else if (one.code != -ENOENT)
            (void)fprintf(cli->err, "runlet: %s\n", one.text);
    }
    if (r == 0 && (told > 0 || whole == NULL))
        (void)fprintf(cli->err, "runlet: %d %s told\n", told, told == 1 ? "run was" : "runs were");
    return r < 0 ? r : told;
}

/* A run of several nodes has no supervisor of its own: its nodes do. */
static int preempt_run(const struct cli *cli, const struct layout *layout, const char *id,
                       const struct demand *d, struct err *e)
{
    struct err of_nodes = ERR_INIT;
    int r = preempt(layout, id, d, e);

    if (r == -ENOENT && preempt_each(cli, layout, id, d, &of_nodes) > 0)
        return 0;
    if (r == 0)
        (void)fprintf(cli->err, "runlet: run %s was told\n", id);
    return r;
}

int verb_preempt(struct cli *cli)
{
    AUTO(config) struct config config = {0};
    struct layout layout;
    struct named_run name;
    struct demand demand = {0};
    struct err e = ERR_INIT;
    bool all = cli_flag(cli, "all");

    if (read_demand(cli, &demand, &e) < 0)
        return cli_fail(cli, EXIT_USAGE, &e);
    if (all != (cli_arg(cli, 0) == NULL)) {
        (void)err_set(&e, -EINVAL, BLAME_ASSIGNMENT, "either RUN or --all is needed");
        return cli_fail(cli, EXIT_USAGE, &e);
    }
    if (cli_load_config(cli, &config) < 0)
        return 1;
    if (layout_paths(&config, &layout, &e) < 0)
        return cli_fail(cli, 1, &e);
    if (all)
        return preempt_each(cli, &layout, NULL, &demand, &e) < 0 ? cli_fail(cli, 1, &e) : 0;
    if (run_name_find(&layout, cli_arg(cli, 0), &name, &e) < 0 ||
        preempt_run(cli, &layout, name.id, &demand, &e) < 0)
        return cli_fail(cli, 1, &e);
    return 0;
}
