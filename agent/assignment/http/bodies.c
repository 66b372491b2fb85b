/* bodies.c - see bodies.h. */
#include "assignment/http/bodies.h"

#include <stdio.h>
#include <string.h>

#include "format/json_out.h"

static void put_time(struct json_out *w, const char *key, wall_ms_t time)
{
    char text[RFC3339_MAX];

    if (time.ms <= 0)
        return;
    wall_format(time, text);
    json_out_string(w, key, text);
}

static void put_text(struct json_out *w, const char *key, const char *text)
{
    if (text[0] != '\0')
        json_out_string(w, key, text);
}

static void put_labels(struct json_out *w, const struct strlist *labels)
{
    json_out_open(w, "labels", '{');
    for (size_t i = 0; i < labels->count; i++) {
        char key[NODE_NAME_MAX];
        size_t n = strcspn(labels->item[i], "=");
        if (n >= sizeof(key) || labels->item[i][n] == '\0')
            continue;
        memcpy(key, labels->item[i], n);
        key[n] = '\0';
        json_out_string(w, key, labels->item[i] + n + 1);
    }
    json_out_close(w, '}');
}

void body_bootstrap(const struct bootstrap_order *order, struct strbuf *out)
{
    struct json_out w = {.out = out};

    json_out_open(&w, NULL, '{');
    json_out_string(&w, "token", order->token);
    put_text(&w, "nodeId", order->node_id);
    put_text(&w, "runId", order->run_id);
    json_out_close(&w, '}');
}

void body_node(const struct node_facts *node, const struct node_state *state, struct strbuf *out)
{
    struct json_out w = {.out = out};

    json_out_open(&w, NULL, '{');
    json_out_string(&w, "bootId", node->boot_id);
    json_out_string(&w, "version", node->version);
    json_out_string(&w, "fqdn", node->fqdn);
    json_out_string(&w, "kernel", node->kernel);
    json_out_string(&w, "architecture", node->architecture);
    put_text(&w, "shape", node->shape);
    put_text(&w, "pool", node->pool);
    json_out_int(&w, "cpus", node->cpus);
    json_out_int(&w, "memoryInBytes", node->memory_bytes);
    json_out_int(&w, "diskInBytes", node->disk_bytes);
    json_out_int(&w, "gpus", node->gpus);
    json_out_int(&w, "concurrency", node->concurrency);
    put_labels(&w, &node->labels);
    json_out_int(&w, "room", (int64_t)state->room);
    json_out_string(&w, "notReady", state->not_ready);
    json_out_string(&w, "problem", state->problem);
    json_out_close(&w, '}');
}

static void put_execution(struct json_out *w, const struct execution *x)
{
    json_out_string(w, "nodeId", x->node_id);
    json_out_int(w, "epoch", x->epoch);
    json_out_int(w, "attempt", x->attempt);
}

void body_execution(const struct execution *x, const char *reason, struct strbuf *out)
{
    struct json_out w = {.out = out};

    json_out_open(&w, NULL, '{');
    put_execution(&w, x);
    json_out_string(&w, "reason", reason);
    json_out_close(&w, '}');
}

static void put_usage(struct json_out *w, const struct run_usage *usage)
{
    json_out_open(w, "usage", '{');
    for (unsigned i = 0; i < USAGE_COUNT; i++) {
        int64_t value;
        if (usage_get(usage, (enum usage_counter)i, &value))
            json_out_int(w, usage_name((enum usage_counter)i), value);
    }
    json_out_close(w, '}');
}

static void put_end(struct json_out *w, const struct status_report *report)
{
    const struct exit_record *record = report->record;
    const struct verdict *verdict = report->verdict;

    if (verdict->has_exit_code)
        json_out_int(w, "exitCode", verdict->exit_code);
    if (record->main_end == MAIN_SIGNALED)
        json_out_int(w, "signal", record->status);
    json_out_int(w, "endCode", verdict->end_code);
    put_time(w, "timeAccepted", record->accepted_at);
    put_time(w, "timeStarted", record->started_at);
    put_time(w, "timeFinished", record->ended_at.ms > 0 ? record->ended_at : report->time);
    put_text(w, "checkpoint", record->checkpoint);
    json_out_open(w, "log", '{');
    json_out_int(w, "lines", (int64_t)record->log_lines);
    json_out_int(w, "bytes", (int64_t)record->log_bytes);
    json_out_bool(w, "complete", record->log_complete);
    json_out_close(w, '}');
    put_usage(w, &record->usage);
}

void body_status(const char *node_id, const struct status_report *report, struct strbuf *out)
{
    const struct execution x = {.node_id = node_id, .epoch = report->epoch, .attempt = report->attempt};
    struct json_out w = {.out = out};

    json_out_open(&w, NULL, '{');
    put_execution(&w, &x);
    json_out_int(&w, "sequence", report->sequence);
    json_out_string(&w, "lifecycleState", state_name(report->state));
    json_out_string(&w, "lifecycleDetails", report->details);
    json_out_string(&w, "cause", cause_name(report->verdict != NULL ? report->verdict->cause : CAUSE_NONE));
    put_time(&w, "time", report->time);
    if (report->record != NULL && report->verdict != NULL)
        put_end(&w, report);
    json_out_close(&w, '}');
}
