/* verb_status.c - runlet status: the runs of this machine, or one. */
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "cli/cli.h"
#include "cli/configuration.h"
#include "cli/run_name.h"
#include "cli/style.h"
#include "daemon/run_view.h"
#include "io/http_client.h"

#define DAEMON_TIMEOUT_MS 2000
#define JSON_LIST_MAX     (16U << 20)
#define QUEUED_DETAILS    "Submitted; runletd has not accepted it yet."

static void put_field(const struct cli *cli, const char *name, const char *value)
{
    if (value[0] != '\0')
        (void)fprintf(cli->out, "%-12s %s\n", name, value);
}

static void put_time(const struct cli *cli, const char *name, wall_ms_t t)
{
    char text[RFC3339_MAX];

    if (t.ms <= 0)
        return;
    wall_format(t, text);
    put_field(cli, name, text);
}

static void show_end(const struct cli *cli, const struct run_view *v)
{
    char text[64];

    put_time(cli, "finished", v->record.ended_at);
    if (v->verdict.has_exit_code) {
        (void)snprintf(text, sizeof(text), "%d", v->verdict.exit_code);
        put_field(cli, "exit code", text);
    }
    if (v->record.main_end == MAIN_SIGNALED) {
        (void)snprintf(text, sizeof(text), "%d%s", v->record.status,
                       v->record.core_dumped ? " (core dumped)" : "");
        put_field(cli, "signal", text);
    }
    put_field(cli, "left behind", v->record.left_behind);
    put_field(cli, "still held", v->record.held_devices);
}

#define SIZE_TEXT_MAX 24

static void size_format(uint64_t bytes, char ret[SIZE_TEXT_MAX])
{
    static const char *const UNITS[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 1024 && unit + 1 < ARRAY_SIZE(UNITS)) {
        value /= 1024;
        unit++;
    }
    (void)snprintf(ret, SIZE_TEXT_MAX, unit == 0 ? "%.0f %s" : "%.1f %s", value, UNITS[unit]);
}

/* "12.0 MiB of 1.5 GiB, 3.2 MiB/s, 8 min left, attempt 2" */
static void show_fetch(const struct cli *cli, const struct run_view *v)
{
    char text[300], number[SIZE_TEXT_MAX], time[DURATION_TEXT_MAX];
    int n;

    put_field(cli, "fetches", v->fetch.name);
    put_field(cli, "from", v->fetch.source);
    size_format((uint64_t)(v->fetch.bytes > 0 ? v->fetch.bytes : 0), number);
    n = snprintf(text, sizeof(text), "%s", number);
    if (v->fetch.total >= 0) {
        size_format((uint64_t)v->fetch.total, number);
        n += snprintf(text + n, sizeof(text) - (size_t)n, " of %s", number);
    }
    if (v->fetch.rate >= 0) {
        size_format((uint64_t)v->fetch.rate, number);
        n += snprintf(text + n, sizeof(text) - (size_t)n, ", %s/s", number);
    }
    if (v->fetch.left_ms >= 0) {
        duration_format(v->fetch.left_ms, time);
        n += snprintf(text + n, sizeof(text) - (size_t)n, ", %s left", time);
    }
    if (v->fetch.attempt > 1)
        n += snprintf(text + n, sizeof(text) - (size_t)n, ", attempt %lld", (long long)v->fetch.attempt);
    if (v->fetch.waiting)
        (void)snprintf(text + n, sizeof(text) - (size_t)n, ", by another run");
    put_field(cli, "has", text);
}

static void show_live(const struct cli *cli, const struct run_view *v)
{
    char text[64];

    if (v->main_pid > 0) {
        (void)snprintf(text, sizeof(text), "%lld", (long long)v->main_pid);
        put_field(cli, "pid", text);
        duration_format(v->deadline.ms - clock_boot().ms, text);
        put_field(cli, "time left", text);
    }
    if (v->fetching)
        show_fetch(cli, v);
    if (!v->attended)
        put_field(cli, "attended",
                  "no: runletd is down; it goes on by itself and is reported when runletd is back");
}

/* "0  RUNNING" for each node of the run. */
static void show_nodes(const struct cli *cli, const struct layout *layout, const struct run_view *v)
{
    for (size_t i = 0; i < v->nodes; i++) {
        char text[RUN_ID_BYTES + 128], id[RUN_ID_BYTES];
        struct run_view node;
        struct err e = ERR_INIT;
        run_view_node(v->id, i, id);
        if (run_view_read(layout, id, &node, &e) < 0)
            continue;
        (void)snprintf(text, sizeof(text), "%s %s%s%s", id,
                       node.ended ? state_name(node.state) : phase_name(node.phase), node.ended ? " " : "",
                       node.ended ? cause_name(node.cause) : "");
        put_field(cli, i == 0 ? "nodes" : "", text);
    }
}

static void show_one(const struct cli *cli, const struct layout *layout, const struct run_view *v)
{
    char text[LAYOUT_PATH_MAX + 300];

    put_field(cli, "run", v->id);
    put_field(cli, "name", v->name);
    put_field(cli, "state", state_name(v->state));
    put_field(cli, "details", v->details);
    put_field(cli, "phase", phase_name(v->phase));
    if (v->cause != CAUSE_NONE)
        put_field(cli, "cause", cause_name(v->cause));
    put_time(cli, "accepted", v->history.accepted_at);
    put_time(cli, "started", v->ended ? v->record.started_at : v->started_at);
    if (v->ended)
        show_end(cli, v);
    else
        show_live(cli, v);
    put_field(cli, "runs without", v->missing);
    if (!v->ended)
        put_field(cli, "uploading", v->uploading);
    put_field(cli, "not uploaded", v->not_uploaded);
    if (v->nodes > 0) {
        show_nodes(cli, layout, v);
        return;
    }
    (void)snprintf(text, sizeof(text), "%s/%s/log/output.log (%llu bytes)", layout->runs, v->id,
                   (unsigned long long)v->log_bytes);
    put_field(cli, "log", text);
    if (v->ended && !v->record.log_complete)
        put_field(cli, "", "the end of its output may be missing");
    (void)snprintf(text, sizeof(text), "%s/%s/home", layout->runs, v->id);
    put_field(cli, "home", text);
}

/* ---- the table ---- */

static const char *exit_text(const struct run_view *v, char *to, size_t size)
{
    if (!v->ended)
        (void)snprintf(to, size, "-");
    else if (v->verdict.has_exit_code)
        (void)snprintf(to, size, "%d", v->verdict.exit_code);
    else if (v->record.main_end == MAIN_SIGNALED)
        (void)snprintf(to, size, "sig %d", v->record.status);
    else
        (void)snprintf(to, size, "?");
    return to;
}

static void put_row(const struct cli *cli, bool color, const struct run_view *v, wall_ms_t now)
{
    char code[16];
    char took[DURATION_TEXT_MAX] = "-";
    char state[24];
    wall_ms_t from = v->ended ? v->record.started_at : v->started_at;
    wall_ms_t to = v->ended ? v->record.ended_at : now;
    enum style style = !v->ended ? STYLE_PLAIN : v->state == STATE_SUCCEEDED ? STYLE_GOOD : STYLE_BAD;

    if (from.ms > 0)
        duration_format(to.ms - from.ms, took);
    (void)snprintf(state, sizeof(state), "%-15s", state_name(v->state));
    (void)fprintf(cli->out, "%-32s ", v->id);
    style_put(cli->out, color, style, state);
    (void)fprintf(cli->out, " %-13s %-6s %s\n", took, exit_text(v, code, sizeof(code)), v->name);
}

static int show_table(const struct cli *cli, const struct layout *layout, const struct strlist *ids,
                      const struct strlist *queued)
{
    bool color = style_wanted(cli->out);
    wall_ms_t now = clock_wall();

    if (ids->count + queued->count == 0) {
        (void)fprintf(cli->out, "no runs\n");
        return 0;
    }
    (void)fprintf(cli->out, "%-32s %-15s %-13s %-6s %s\n", "RUN", "STATE", "TIME", "EXIT", "NAME");
    for (size_t i = 0; i < queued->count; i++)
        (void)fprintf(cli->out, "%-32s %-15s %-13s %-6s %s\n", queued->item[i], "QUEUED", "-", "-", "");
    for (size_t i = 0; i < ids->count; i++) {
        struct run_view v;
        struct err e = ERR_INIT;
        if (run_view_read(layout, ids->item[i], &v, &e) == 0)
            put_row(cli, color, &v, now);
    }
    return 0;
}

/* The node's line: what the daemon says of itself, or that it is down. */
static void show_node(const struct cli *cli, const struct layout *layout)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(FACT_LINE_MAX);
    AUTO(fact) struct fact f = {0};
    struct err e = ERR_INIT;
    int64_t active = 0, waiting = 0;
    char up[DURATION_TEXT_MAX];
    int64_t uptime = 0;

    if (http_unix_request(layout->api_socket, "GET", "/v1/node", DAEMON_TIMEOUT_MS, &body, &e) != 200 ||
        fact_decode(strbuf_str(&body), body.len, &f, &e) < 0) {
        (void)fprintf(cli->out, "runletd is not running\n");
        return;
    }
    (void)fact_int(&f, "active", &active);
    (void)fact_int(&f, "waiting", &waiting);
    (void)fact_int(&f, "uptimeInMs", &uptime);
    duration_format(uptime, up);
    (void)fprintf(cli->out, "runletd %s up %s, %lld active, %lld waiting%s%s\n", fact_str(&f, "version"), up,
                  (long long)active, (long long)waiting,
                  fact_str(&f, "notReady")[0] != '\0' ? "; takes no run: " : "", fact_str(&f, "notReady"));
}

/* ---- JSON ---- */

/* A submission has no journal yet: its place is all that is known. */
static void put_queued_json(struct strbuf *out, const char *id)
{
    strbuf_addf(out,
                "{\"id\":\"%s\",\"lifecycleState\":\"ACCEPTED\",\"phase\":\"QUEUED\",\"lifecycleDetails\":"
                "\"" QUEUED_DETAILS "\"}",
                id);
}

static int show_json(const struct cli *cli, const struct layout *layout, const struct strlist *ids,
                     const struct strlist *queued)
{
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(JSON_LIST_MAX);
    bool first = true;

    strbuf_addstr(&out, "[");
    for (size_t i = 0; i < queued->count; i++, first = false) {
        strbuf_addstr(&out, first ? "\n" : ",\n");
        put_queued_json(&out, queued->item[i]);
    }
    for (size_t i = 0; i < ids->count; i++) {
        struct run_view v;
        struct err e = ERR_INIT;
        if (run_view_read(layout, ids->item[i], &v, &e) < 0)
            continue;
        strbuf_addstr(&out, first ? "\n" : ",\n");
        run_view_json(&v, layout, &out);
        first = false;
    }
    strbuf_addstr(&out, "\n]\n");
    (void)fputs(strbuf_str(&out), cli->out);
    return out.failed < 0 ? 1 : 0;
}

static int status_of_one(const struct cli *cli, const struct layout *layout, const char *word)
{
    AUTO(strbuf) struct strbuf queued = STRBUF_INIT(FACT_LINE_MAX);
    struct named_run name;
    struct run_view view;
    struct err e = ERR_INIT;

    if (run_name_find(layout, word, &name, &e) < 0)
        return cli_fail(cli, 1, &e);
    if (name.queued && cli_flag(cli, "json")) {
        put_queued_json(&queued, name.id);
        (void)fprintf(cli->out, "%s\n", strbuf_str(&queued));
        return queued.failed < 0 ? 1 : 0;
    }
    if (name.queued) {
        put_field(cli, "run", name.id);
        put_field(cli, "state", "ACCEPTED");
        put_field(cli, "phase", "QUEUED");
        put_field(cli, "details", QUEUED_DETAILS);
        return 0;
    }
    if (run_view_read(layout, name.id, &view, &e) < 0)
        return cli_fail(cli, 1, &e);
    if (cli_flag(cli, "json"))
        return run_view_print_json(layout, name.id, cli->out) < 0 ? 1 : 0;
    show_one(cli, layout, &view);
    return 0;
}

int verb_status(struct cli *cli)
{
    AUTO(config) struct config config = {0};
    AUTO(strlist) struct strlist ids = {0};
    AUTO(strlist) struct strlist queued = {0};
    struct layout layout;
    struct err e = ERR_INIT;

    if (cli_load_config(cli, &config) < 0)
        return 1;
    if (layout_paths(&config, &layout, &e) < 0)
        return cli_fail(cli, 1, &e);
    if (cli_arg(cli, 0) != NULL)
        return status_of_one(cli, &layout, cli_arg(cli, 0));
    if (run_view_list(&layout, &ids, &e) < 0 || run_view_list_queued(&layout, &queued, &e) < 0)
        return cli_fail(cli, 1, &e);
    if (cli_flag(cli, "json"))
        return show_json(cli, &layout, &ids, &queued);
    show_node(cli, &layout);
    return show_table(cli, &layout, &ids, &queued);
}
