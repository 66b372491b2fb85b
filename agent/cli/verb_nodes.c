/* verb_nodes.c - runlet nodes: the nodes of a fleet, what they are and whether they take up runs. */
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "cli/cli.h"
#include "cli/configuration.h"
#include "cli/fleet.h"
#include "cli/style.h"
#include "format/json_out.h"

#define GIB (1024.0 * 1024 * 1024)

struct listing {
    const struct cli *cli;
    const char *pool; /* NULL: all */
    bool json, color;
    size_t count;
    wall_ms_t now;
};

static int put_json(const struct listing *l, const char *name, const struct etcd_node *n, int64_t runs,
                    struct err *e)
{
    AUTO(strbuf) struct strbuf line = STRBUF_INIT(ETCD_RECORD_MAX);
    struct json_out w = {.out = &line};
    char time[RFC3339_MAX];

    wall_format(n->changed_at, time);
    json_out_open(&w, NULL, '{');
    json_out_string(&w, "node", name);
    json_out_string(&w, "fqdn", n->fqdn);
    json_out_string(&w, "pool", n->pool);
    json_out_bool(&w, "ready", n->not_ready[0] == '\0');
    json_out_string(&w, "notReady", n->not_ready[0] != '\0' ? n->not_ready : NULL);
    json_out_int(&w, "runs", runs);
    json_out_int(&w, "room", n->room);
    json_out_int(&w, "concurrency", n->concurrency);
    json_out_int(&w, "cpus", n->cpus);
    json_out_int(&w, "memoryBytes", n->memory_bytes);
    json_out_int(&w, "diskBytes", n->disk_bytes);
    json_out_int(&w, "gpus", n->gpus);
    json_out_string(&w, "shape", n->shape[0] != '\0' ? n->shape : NULL);
    json_out_string(&w, "architecture", n->architecture);
    json_out_string(&w, "kernel", n->kernel);
    json_out_string(&w, "version", n->version);
    json_out_string(&w, "timeChanged", n->changed_at.ms > 0 ? time : NULL);
    json_out_close(&w, '}');
    if (line.failed < 0)
        return err_oom(e);
    (void)fprintf(l->cli->out, "%s\n%s", l->count > 0 ? "," : "", strbuf_str(&line));
    return 0;
}

static void put_row(const struct listing *l, const char *name, const struct etcd_node *n, int64_t runs)
{
    bool ready = n->not_ready[0] == '\0';
    char age[DURATION_TEXT_MAX], places[48], memory[24];

    if (l->count == 0)
        (void)fprintf(l->cli->out, "%-20s %-14s %-9s %-7s %-5s %-10s %-5s %-12s %-9s %s\n", "NODE", "POOL",
                      "STATE", "RUNS", "CPUS", "MEMORY", "GPUS", "VERSION", "CHANGED", "WHY");
    (void)snprintf(places, sizeof(places), "%lld/%lld", (long long)runs, (long long)n->concurrency);
    (void)snprintf(memory, sizeof(memory), "%.1f GiB", (double)n->memory_bytes / GIB);
    duration_format(l->now.ms - n->changed_at.ms, age);
    (void)fprintf(l->cli->out, "%-20s %-14s ", name, n->pool);
    style_put(l->cli->out, l->color, ready ? STYLE_GOOD : STYLE_BAD, ready ? "ready    " : "not ready");
    (void)fprintf(l->cli->out, " %-7s %-5lld %-10s %-5lld %-12s %-9s %s\n", places, (long long)n->cpus,
                  memory, (long long)n->gpus, n->version, age, n->not_ready);
}

static int take(const char *name, const struct etcd_node *node, int64_t runs, void *context, struct err *e)
{
    struct listing *l = context;

    if (l->pool != NULL && strcmp(l->pool, node->pool) != 0)
        return 0;
    if (l->json && put_json(l, name, node, runs, e) < 0)
        return e->code;
    if (!l->json)
        put_row(l, name, node, runs);
    l->count++;
    return 0;
}

int verb_nodes(struct cli *cli)
{
    AUTO(config) struct config config = {0};
    AUTO(fleet) struct fleet f = {0};
    struct listing l = {.cli = cli,
                        .pool = cli_value(cli, "pool"),
                        .json = cli_flag(cli, "json"),
                        .color = style_wanted(cli->out),
                        .now = clock_wall()};
    struct err e = ERR_INIT;

    if (cli_load_config(cli, &config) < 0)
        return 1;
    if (fleet_open(cli, &config, &f, &e) < 0)
        return cli_fail(cli, 1, &e);
    if (l.json)
        (void)fputs("[", cli->out);
    if (etcd_operator_nodes(f.cluster, take, &l, &e) < 0)
        return cli_fail(cli, 1, &e);
    if (l.json)
        (void)fputs("\n]\n", cli->out);
    else if (l.count == 0)
        (void)fprintf(cli->out, "no nodes\n");
    return 0;
}
