/* node_view.c - see node_view.h. */
#include "daemon/node_view.h"

#include <unistd.h>

#include "daemon/drained.h"
#include "daemon/health_watch.h"
#include "daemon/notices.h"
#include "format/json_out.h"

static void put_time(struct json_out *w, const char *key, wall_ms_t t)
{
    char text[RFC3339_MAX];

    if (t.ms <= 0)
        return;
    wall_format(t, text);
    json_out_string(w, key, text);
}

static void put_text(struct json_out *w, const char *key, const char *text)
{
    json_out_string(w, key, text[0] != '\0' ? text : NULL);
}

/* A run that was told to start holds its place before it has. */
static void put_counts(struct json_out *w, const struct agent *a)
{
    int64_t active = (int64_t)engine_active(a->engine), waiting = 0, owed = 0;

    for (const struct run *run = engine_first(a->engine); run != NULL; run = run->next) {
        bool starts = run->phase == PHASE_ACCEPTED && run->pending_count > 0;
        active += starts;
        waiting += run->phase == PHASE_ACCEPTED && !starts;
        owed += run->phase == PHASE_REPORTING;
    }
    json_out_int(w, "active", active);
    json_out_int(w, "waiting", waiting);
    json_out_int(w, "reporting", owed);
}

static void put_identity(struct json_out *w, const struct node_facts *n)
{
    json_out_string(w, "id", n->id);
    put_text(w, "pool", n->pool);
    put_text(w, "shape", n->shape);
    json_out_open(w, "labels", '[');
    for (size_t i = 0; i < n->labels.count; i++)
        json_out_string(w, NULL, n->labels.item[i]);
    json_out_close(w, ']');
}

static void put_drained(struct json_out *w, const struct agent *a)
{
    struct drained drained;

    if (!drained_read(a->agent_fd, &drained))
        return;
    json_out_open(w, "drained", '{');
    put_time(w, "since", drained.since);
    json_out_string(w, "reason", drained.reason);
    json_out_close(w, '}');
}

/* A notice of the provider, and whether it can be heard at all. */
static void put_notice(struct json_out *w, const struct agent *a)
{
    const struct cloud_notice *notice = notices_current(a);
    const char *why;
    wall_ms_t since;

    if (notice != NULL) {
        json_out_open(w, "notice", '{');
        json_out_string(w, "what", notice->what);
        put_time(w, "time", notice->when);
        json_out_close(w, '}');
    }
    if (notices_heard(a, &why, &since))
        return;
    json_out_open(w, "noticesUnheard", '{');
    put_time(w, "since", since);
    json_out_string(w, "why", why);
    json_out_close(w, '}');
}

static const char *link_name(enum source_link link)
{
    switch (link) {
    case SOURCE_LINK_UP: return "up";
    case SOURCE_LINK_DOWN: return "down";
    case SOURCE_LINK_NONE:
    default: return "none";
    }
}

/* Those of which nothing is asked are left out. */
static void put_checks(struct json_out *w, const struct agent *a)
{
    const struct health_result *results = health_results(a);

    json_out_open(w, "checks", '[');
    for (unsigned i = 0; results != NULL && i < HEALTH_CHECK_COUNT; i++) {
        if (results[i].state == HEALTH_OFF)
            continue;
        json_out_open(w, NULL, '{');
        json_out_string(w, "name", health_check_name((enum health_check)i));
        json_out_string(w, "state", health_state_name(results[i].state));
        put_time(w, "since", health_since(a, (enum health_check)i));
        put_text(w, "what", results[i].what);
        put_text(w, "remedy", results[i].remedy);
        json_out_close(w, '}');
    }
    json_out_close(w, ']');
}

static void put_sources(struct json_out *w, const struct agent *a)
{
    json_out_open(w, "sources", '[');
    for (size_t i = 0; i < a->source_count; i++) {
        struct source_state state = {0};
        if (a->source[i]->ops->describe != NULL)
            a->source[i]->ops->describe(a->source[i], &state);
        json_out_open(w, NULL, '{');
        json_out_string(w, "name", a->source[i]->ops->name);
        json_out_string(w, "link", link_name(state.link));
        put_time(w, "since", state.since);
        put_text(w, "endpoint", state.endpoint);
        put_text(w, "why", state.why);
        json_out_close(w, '}');
    }
    json_out_close(w, ']');
}

void node_view_json(const struct agent *a, boot_ms_t started, struct strbuf *out)
{
    struct json_out w = {.out = out};
    char not_ready[AGENT_NOT_READY_MAX];

    agent_not_ready(a, not_ready, sizeof(not_ready));
    json_out_open(&w, NULL, '{');
    json_out_string(&w, "version", RUNLET_VERSION);
    json_out_int(&w, "pid", getpid());
    json_out_int(&w, "uptimeInMs", clock_boot().ms - started.ms);
    put_identity(&w, &a->node);
    put_counts(&w, a);
    json_out_int(&w, "concurrency", a->config->concurrency);
    json_out_string(&w, "notReady", not_ready);
    put_drained(&w, a);
    put_notice(&w, a);
    put_checks(&w, a);
    put_sources(&w, a);
    json_out_close(&w, '}');
    strbuf_addch(out, '\n');
}
