/* verb_runs.c - runlet runs: the runs of a fleet. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "cli/cli.h"
#include "cli/configuration.h"
#include "cli/fleet.h"
#include "cli/style.h"

/* Of one run as JSON, with room. */
#define LINE_MAX_BYTES ETCD_RECORD_MAX

struct listing {
    const char *pool;       /* NULL: all */
    bool members;           /* nodes of a run of several, too */
    struct etcd_state *run; /* owned */
    size_t count, room;
};

static void listing_auto(struct listing *l)
{
    free(l->run);
}

static int take(const struct etcd_state *state, void *context, struct err *e)
{
    struct listing *l = context;

    if ((l->pool != NULL && strcmp(l->pool, state->pool) != 0) ||
        (!l->members && etcd_run_is_member(state->run)))
        return 0;
    if (l->count == l->room) {
        size_t room = l->room > 0 ? 2 * l->room : 64;
        struct etcd_state *grown = reallocarray(l->run, room, sizeof(*grown));
        if (grown == NULL)
            return err_oom(e);
        l->run = grown;
        l->room = room;
    }
    l->run[l->count++] = *state;
    return 0;
}

static int newest_first(const void *a, const void *b)
{
    const struct etcd_state *x = a, *y = b;

    if (x->submitted_at.ms != y->submitted_at.ms)
        return x->submitted_at.ms < y->submitted_at.ms ? 1 : -1;
    return strcmp(y->run, x->run);
}

/* How it ended, in a word. */
static void end_text(const struct etcd_state *s, char *ret, size_t size)
{
    if (!etcd_state_ended(s))
        (void)snprintf(ret, size, "-");
    else if (s->has_exit_code)
        (void)snprintf(ret, size, "exit %lld", (long long)s->exit_code);
    else
        (void)snprintf(ret, size, "%s", s->cause);
}

static void put_row(const struct cli *cli, bool color, const struct etcd_state *s, wall_ms_t now)
{
    enum style style = !etcd_state_ended(s)          ? STYLE_PLAIN
                       : s->state == STATE_SUCCEEDED ? STYLE_GOOD
                                                     : STYLE_BAD;
    char state[24], age[DURATION_TEXT_MAX], end[40];

    (void)snprintf(state, sizeof(state), "%-15s", state_name(s->state));
    duration_format(now.ms - s->submitted_at.ms, age);
    end_text(s, end, sizeof(end));
    (void)fprintf(cli->out, "%-32s ", s->run);
    style_put(cli->out, color, style, state);
    (void)fprintf(cli->out, " %-12s %-14s %-16s %-3lld %-9s %s\n", end, s->pool,
                  s->node[0] != '\0' ? s->node : "-", (long long)s->attempt, age, s->display_name);
}

static void show_table(const struct cli *cli, const struct listing *l)
{
    bool color = style_wanted(cli->out);
    wall_ms_t now = clock_wall();

    if (l->count == 0) {
        (void)fprintf(cli->out, "no runs\n");
        return;
    }
    (void)fprintf(cli->out, "%-32s %-15s %-12s %-14s %-16s %-3s %-9s %s\n", "RUN", "STATE", "END", "POOL",
                  "NODE", "TRY", "AGE", "NAME");
    for (size_t i = 0; i < l->count; i++)
        put_row(cli, color, &l->run[i], now);
}

static int show_json(const struct cli *cli, const struct listing *l)
{
    (void)fputs("[", cli->out);
    for (size_t i = 0; i < l->count; i++) {
        AUTO(strbuf) struct strbuf line = STRBUF_INIT(LINE_MAX_BYTES);
        if (etcd_state_write(&l->run[i], &line) < 0)
            return 1;
        (void)fprintf(cli->out, "%s\n%s", i > 0 ? "," : "", strbuf_str(&line));
    }
    (void)fputs("\n]\n", cli->out);
    return 0;
}

int verb_runs(struct cli *cli)
{
    AUTO(config) struct config config = {0};
    AUTO(fleet) struct fleet f = {0};
    AUTO(listing)
    struct listing l = {.pool = cli_value(cli, "pool"),
                        .members = cli_flag(cli, "nodes") || cli_flag(cli, "json")};
    struct err e = ERR_INIT;

    if (cli_load_config(cli, &config) < 0)
        return 1;
    if (fleet_open(cli, &config, &f, &e) < 0 || etcd_operator_runs(f.cluster, take, &l, &e) < 0)
        return cli_fail(cli, 1, &e);
    if (l.count > 0)
        qsort(l.run, l.count, sizeof(*l.run), newest_first);
    if (cli_flag(cli, "json"))
        return show_json(cli, &l);
    show_table(cli, &l);
    return 0;
}
