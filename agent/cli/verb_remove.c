/* verb_remove.c - runlet remove: ended runs leave a fleet. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/parse.h"
#include "base/strlist.h"
#include "cli/cli.h"
#include "cli/configuration.h"
#include "cli/fleet.h"

struct old {
    const char *pool; /* NULL: any */
    wall_ms_t before;
    struct strlist runs; /* owned */
};

static void old_auto(struct old *o)
{
    strlist_free(&o->runs);
}

/* Nodes of a run of several go with it. */
static int take(const struct etcd_state *state, void *context, struct err *e)
{
    struct old *o = context;

    if (etcd_run_is_member(state->run) || !etcd_state_ended(state) || state->finished_at.ms >= o->before.ms ||
        (o->pool != NULL && strcmp(o->pool, state->pool) != 0))
        return 0;
    return strlist_add(&o->runs, state->run) < 0 ? err_oom(e) : 0;
}

/* One whose nodes are still ending stays for the next time. */
static int remove_old(struct cli *cli, struct fleet *f, struct old *old, struct err *e)
{
    size_t removed = 0;

    if (etcd_operator_runs(f->cluster, take, old, e) < 0)
        return e->code;
    for (size_t i = 0; i < old->runs.count; i++) {
        struct err one = ERR_INIT;
        int r = etcd_operator_remove(f->cluster, old->runs.item[i], &one);
        removed += r == 0;
        if (r < 0 && r != -EBUSY && r != -ENOENT) {
            *e = one;
            return r;
        }
    }
    (void)fprintf(cli->err, "runlet: %zu %s removed\n", removed, removed == 1 ? "run is" : "runs are");
    return 0;
}

int verb_remove(struct cli *cli)
{
    AUTO(config) struct config config = {0};
    AUTO(fleet) struct fleet f = {0};
    AUTO(old) struct old old = {.pool = cli_value(cli, "pool")};
    const char *run = cli_arg(cli, 0), *ended = cli_value(cli, "ended-before");
    struct etcd_state state;
    struct err e = ERR_INIT;
    int64_t ms = 0;

    if ((run != NULL) == (ended != NULL) || (run != NULL && old.pool != NULL))
        (void)err_set(&e, -EINVAL, BLAME_ASSIGNMENT, "either a run or --ended-before is wanted");
    else if (ended != NULL && parse_duration_ms(ended, &ms) < 0)
        (void)err_set(&e, -EINVAL, BLAME_ASSIGNMENT,
                      "--ended-before: expected a length of time such as 30d, found '%.60s'", ended);
    if (e.code != 0)
        return cli_fail(cli, EXIT_USAGE, &e);
    if (cli_load_config(cli, &config) < 0)
        return 1;
    old.before.ms = clock_wall().ms - ms;
    if (fleet_open(cli, &config, &f, &e) < 0)
        return cli_fail(cli, 1, &e);
    if (ended != NULL)
        return remove_old(cli, &f, &old, &e) < 0 ? cli_fail(cli, 1, &e) : 0;
    if (fleet_find(&f, run, &state, &e) < 0 || etcd_operator_remove(f.cluster, state.run, &e) < 0)
        return cli_fail(cli, 1, &e);
    return 0;
}
