/* notices.c - see notices.h. */
#include "daemon/notices.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/backoff.h"
#include "base/log.h"
#include "base/uri.h"
#include "cloud/metadata.h"
#include "io/random.h"
#include "job/job.h"
#include "sys/fd.h"

#define PATHS_MAX     2
#define FILE_MAX      4096
#define ANSWER_MS     5000
#define HELD_SECONDS  60 /* how long Google is to hold a request */
#define FAILED_MS_MAX (60LL * 1000)
/* A provider that does not say when gives that long at least: Google's preemption, and the file of a person. */
#define UNTIMED_MS (30LL * 1000)
#define LOOK_MS    500

/* One who may give notice: a path of the metadata service, or the file. */
struct giver {
    struct notices *notices; /* NULL: not used */
    size_t index;
    struct loop_timer *timer;
    struct metadata_query *query; /* under way */
    char etag[EXCHANGE_ETAG_MAX];
    struct cloud_notice notice;
    wall_ms_t heard_of; /* of a notice without a time */
    int64_t failures;
    char why[256];
    wall_ms_t failed_since;
};

struct notices {
    struct agent *agent; /* borrowed */
    enum cloud_provider provider;
    struct transfers *transfers; /* of its own: a connection to the service must not be anybody else's */
    struct metadata *metadata;
    struct giver giver[PATHS_MAX];
    struct giver file;
    struct loop_timer *look;
    bool told; /* the jobs, of the notice that holds */
};

static const struct giver *earliest(const struct notices *n)
{
    const struct giver *found = n->file.notice.there ? &n->file : NULL;

    for (size_t i = 0; i < PATHS_MAX; i++)
        if (n->giver[i].notice.there && (found == NULL || n->giver[i].notice.when.ms < found->notice.when.ms))
            found = &n->giver[i];
    return found;
}

const struct cloud_notice *notices_current(const struct agent *a)
{
    const struct giver *g = a->notices != NULL ? earliest(a->notices) : NULL;

    return g != NULL ? &g->notice : NULL;
}

bool notices_heard(const struct agent *a, const char **ret_why, wall_ms_t *ret_since)
{
    *ret_why = "";
    *ret_since = (wall_ms_t){0};
    for (size_t i = 0; a->notices != NULL && i < PATHS_MAX; i++) {
        const struct giver *g = &a->notices->giver[i];
        if (g->failures == 0)
            continue;
        *ret_why = g->why;
        *ret_since = g->failed_since;
        return false;
    }
    return true;
}

/* ---- what a notice leads to ---- */

/* A submission on this machine's disk waits for its return; what a control plane gave goes back to it. Of a run of several nodes the
 * members are told, once there are any. */
static bool concerns(const struct run *run)
{
    if (run->group != NULL && run->phase >= PHASE_LAUNCHING)
        return false;
    return run->phase < PHASE_STOPPING &&
           (run->phase > PHASE_ACCEPTED || run->history.origin != ORIGIN_QUEUE);
}

/* Between the stop signal and the kill a job has its grace: it ends before the machine does. A job whose grace is longer than what is
 * left gets the signal at once. */
static int64_t until_signal(const struct run *run, int64_t left_ms, const struct config *c)
{
    int64_t grace = run->spec != NULL ? run->spec->stop_grace_ms : c->stop_grace_ms;
    int64_t rest = left_ms - c->notices_margin_ms - grace;

    return rest > 0 ? rest : 0;
}

static void tell_jobs(struct notices *n, int64_t left_ms)
{
    n->told = true;
    for (struct run *run = engine_first(n->agent->engine); run != NULL; run = run->next) {
        if (!concerns(run))
            continue;
        log_notice("run=%s hears that the machine is taken away", run->id);
        (void)run_stop(run, NOTICE_SPOT, until_signal(run, left_ms, n->agent->config));
        launch_tell(run);
    }
}

static void look(void *context)
{
    struct notices *n = context;
    const struct giver *g = earliest(n);
    int64_t left;

    if (g == NULL || n->told)
        return;
    left = g->notice.when.ms - clock_wall().ms;
    if (left <= n->agent->config->notices_lead_ms)
        tell_jobs(n, left);
    else
        loop_timer_start(n->look, LOOK_MS, 0);
}

/* A giver has spoken: `now` is what it said. */
static void take(struct giver *g, const struct cloud_notice *now)
{
    struct notices *n = g->notices;
    bool was = earliest(n) != NULL;
    char when[RFC3339_MAX];

    if (now->there && !g->notice.there)
        g->heard_of = clock_wall();
    g->notice = *now;
    if (now->there && now->when.ms == 0)
        g->notice.when.ms = g->heard_of.ms + UNTIMED_MS;
    if (!was && g->notice.there) {
        wall_format(g->notice.when, when);
        log_error("the machine is taken away at %s (%s): the node takes up no further run", when,
                  g->notice.what);
    } else if (was && earliest(n) == NULL) {
        log_notice("the machine is not taken away any more");
        n->told = false;
    }
    if (was != (earliest(n) != NULL))
        agent_admit(n->agent);
    look(n);
}

/* ---- asking ---- */

static void failed(struct giver *g, const char *why)
{
    const struct config *c = g->notices->agent->config;
    uint64_t random = random_u64();
    int64_t wait;

    g->failures++;
    /* The next request is answered at once, not only when there is news. */
    g->etag[0] = '\0';
    if (g->failures == 1) {
        g->failed_since = clock_wall();
        log_warning("the instance metadata service does not say whether the machine is taken away: %s", why);
    }
    (void)snprintf(g->why, sizeof(g->why), "%s", why);
    wait = backoff_full_jitter(c->notices_period_ms, FAILED_MS_MAX, g->failures, random);
    loop_timer_start(g->timer, (uint64_t)(wait > c->notices_period_ms ? wait : c->notices_period_ms), 0);
}

static void answered(void *context, const struct exchange_answer *answer)
{
    struct giver *g = context;
    struct notices *n = g->notices;
    AUTO(diag) struct diag_list diags = {0};
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(4096);
    struct cloud_notice now;

    g->query = NULL;
    if (answer->end != TRANSFER_COMPLETE) {
        failed(g, answer->reason != NULL ? answer->reason : "no answer");
        return;
    }
    if (cloud_notice_read(n->provider, g->index, n->agent->instance.name, answer->status, answer->body,
                          answer->body_size, &now, &diags) < 0) {
        diag_print(&diags, &text);
        text.data[strcspn(strbuf_str(&text), "\n")] = '\0';
        failed(g, strbuf_str(&text));
        return;
    }
    if (g->failures > 0)
        log_notice("the instance metadata service answers again");
    g->failures = 0;
    (void)snprintf(g->etag, sizeof(g->etag), "%s", answer->etag);
    take(g, &now);
    loop_timer_start(g->timer, (uint64_t)n->agent->config->notices_period_ms, 0);
}

static void ask(void *context);

/* Microsoft's notices are of machines by name, and the name was not to be had at the start. */
static void named(void *context, const struct exchange_answer *answer)
{
    struct giver *g = context;
    struct notices *n = g->notices;
    AUTO(diag) struct diag_list diags = {0};
    struct cloud_identity identity;

    g->query = NULL;
    if (answer->end != TRANSFER_COMPLETE || answer->status != 200 ||
        cloud_identity_read(n->provider, answer->body, answer->body_size, &identity, &diags) < 0 ||
        identity.name[0] == '\0') {
        failed(g, "it does not say what the machine is called, which notices go by");
        return;
    }
    n->agent->instance = identity;
    ask(g);
}

static void ask(void *context)
{
    struct giver *g = context;
    struct notices *n = g->notices;
    AUTO(strbuf) struct strbuf path = STRBUF_INIT(1024);
    bool held = cloud_notice_waits(n->provider) && g->etag[0] != '\0';
    struct err e = ERR_INIT;

    if (n->provider == CLOUD_AZURE && n->agent->instance.name[0] == '\0') {
        g->query = metadata_get(n->metadata, cloud_identity_path(n->provider), ANSWER_MS, named, g, &e);
        if (g->query == NULL)
            failed(g, e.text);
        return;
    }
    strbuf_addstr(&path, cloud_notice_path(n->provider, g->index));
    if (held) {
        strbuf_addf(&path, "?wait_for_change=true&timeout_sec=%d&last_etag=", HELD_SECONDS);
        (void)uri_encode(g->etag, "", &path);
    }
    g->query = metadata_get(n->metadata, strbuf_str(&path), ANSWER_MS + (held ? HELD_SECONDS * 1000 : 0),
                            answered, g, &e);
    if (g->query == NULL)
        failed(g, e.text);
}

/* The file speaks as Amazon's service does. One that is no JSON is notice enough. */
static void look_at_file(void *context)
{
    struct giver *g = context;
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(FILE_MAX);
    AUTO(diag) struct diag_list diags = {0};
    struct cloud_notice now = {0};
    int r = file_read(AT_FDCWD, g->notices->agent->config->notices_file, &text);

    if (r != -ENOENT &&
        (r < 0 || cloud_notice_read(CLOUD_AWS, 0, "", 200, strbuf_str(&text), text.len, &now, &diags) < 0))
        now = (struct cloud_notice){.there = true, .what = "file"};
    take(g, &now);
}

/* ---- making ---- */

static int start_service(struct notices *n, struct err *e)
{
    struct agent *a = n->agent;

    n->transfers = transfers_new(a->loop, e);
    if (n->transfers == NULL)
        return e->code;
    n->metadata = metadata_new(n->transfers, n->provider, a->config->cloud_endpoint);
    if (n->metadata == NULL)
        return err_oom(e);
    for (size_t i = 0; i < PATHS_MAX && cloud_notice_path(n->provider, i) != NULL; i++) {
        struct giver *g = &n->giver[i];
        *g = (struct giver){.notices = n, .index = i, .timer = loop_timer_new(a->loop, ask, g)};
        if (g->timer == NULL)
            return err_oom(e);
        loop_timer_start(g->timer, 0, 0);
    }
    return 0;
}

int notices_start(struct agent *a, struct err *e)
{
    enum cloud_provider provider =
        a->config->notices_cloud ? cloud_provider_of(a->config->cloud_provider) : CLOUD_NONE;
    struct notices *n;

    if (cloud_notice_path(provider, 0) == NULL && a->config->notices_file[0] == '\0')
        return 0;
    n = calloc(1, sizeof(*n));
    if (n == NULL)
        return err_oom(e);
    *n = (struct notices){.agent = a, .provider = provider, .look = loop_timer_new(a->loop, look, n)};
    a->notices = n;
    if (n->look == NULL)
        return err_oom(e);
    if (a->config->notices_file[0] != '\0') {
        n->file = (struct giver){.notices = n, .timer = loop_timer_new(a->loop, look_at_file, &n->file)};
        if (n->file.timer == NULL)
            return err_oom(e);
        loop_timer_start(n->file.timer, 0, (uint64_t)a->config->notices_period_ms);
    }
    return cloud_notice_path(provider, 0) != NULL ? start_service(n, e) : 0;
}

void notices_stop(struct agent *a)
{
    struct notices *n = a->notices;

    if (n == NULL)
        return;
    for (size_t i = 0; i < PATHS_MAX; i++) {
        metadata_stop(n->giver[i].query);
        loop_timer_free(n->giver[i].timer);
    }
    loop_timer_free(n->file.timer);
    loop_timer_free(n->look);
    metadata_free(n->metadata);
    transfers_free(n->transfers);
    free(n);
    a->notices = NULL;
}
