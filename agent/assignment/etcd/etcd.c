/* etcd.c - see etcd.h. */
#include "assignment/etcd/etcd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assignment/etcd/endpoints.h"
#include "assignment/etcd/state.h"
#include "base/auto.h"
#include "base/backoff.h"
#include "io/random.h"

#define CONNECT_MS    2000
#define ANSWER_MS     5000
#define RETRY_BASE_MS 200
#define RETRY_CAP_MS  10000

/* ---- shared ---- */

uint64_t etcd_wait_ms(int64_t failures)
{
    return (uint64_t)backoff_full_jitter(RETRY_BASE_MS, RETRY_CAP_MS, failures, random_u64());
}

void etcd_heard(struct etcd_source *s, const struct etcd_answer *answer)
{
    struct source_state *l = &s->link;
    enum source_link link =
        answer->why == NULL || answer->outcome == ETCD_NOT_FOUND ? SOURCE_LINK_UP : SOURCE_LINK_DOWN;

    (void)snprintf(l->endpoint, sizeof(l->endpoint), "%s", etcd_client_endpoint(s->client));
    (void)snprintf(l->why, sizeof(l->why), "%s", link == SOURCE_LINK_UP ? "" : answer->why);
    if (l->link == link)
        return;
    l->link = link;
    l->since = clock_wall();
    if (link == SOURCE_LINK_UP)
        log_notice("etcd answers at %s", l->endpoint);
    else
        log_warning("etcd does not answer: %s", l->why);
}

struct etcd_run *etcd_run_find(struct etcd_source *s, const char *key, int64_t epoch)
{
    struct etcd_run *found = NULL;

    for (struct etcd_run *r = s->runs; r != NULL; r = r->next)
        if (strcmp(r->key, key) == 0 && (epoch == 0 || r->epoch == epoch) &&
            (found == NULL || r->epoch > found->epoch))
            found = r;
    return found;
}

void etcd_say_lost(struct etcd_source *s, struct etcd_run *r, const char *why)
{
    if (r->lost || r->ended)
        return;
    r->lost = true;
    if (!r->run->history.lease_lost)
        s->hooks.lease_lost(r->run, why, s->hooks.context);
}

void etcd_settle_room(struct etcd_source *s)
{
    size_t held = members_waiting(s);

    s->room = s->room_told > held ? s->room_told - held : 0;
    hold_facts(s);
    if ((s->room > 0) != (s->line.place[0] != '\0'))
        line_settle(s);
}

/* ---- the vtable ---- */

static void begin(struct source *source)
{
    struct etcd_source *s = (struct etcd_source *)source;

    s->begun = true;
    hold_begin(s);
}

static void room(struct source *source, size_t count, const char *why_not)
{
    struct etcd_source *s = (struct etcd_source *)source;

    s->room_told = count;
    (void)snprintf(s->not_ready, sizeof(s->not_ready), "%s", why_not);
    etcd_settle_room(s);
}

static void attend(struct source *source, struct run *run)
{
    struct etcd_source *s = (struct etcd_source *)source;
    struct etcd_run *r = calloc(1, sizeof(*r));

    if (r == NULL || !run_name_parse(run->id, &r->name)) {
        log_error("run=%s its lease cannot be held: out of memory", run->id);
        free(r);
        return;
    }
    r->source = s;
    r->run = run;
    r->epoch = run->history.epoch;
    r->lost = run->history.lease_lost;
    (void)snprintf(r->key, sizeof(r->key), "%s", run->id);
    if (r->name.rank < 0 && r->name.attempt > 1)
        *strrchr(r->key, '~') = '\0';
    r->next = s->runs;
    s->runs = r;
    member_attend(s, r);
    if (s->inbox.stale)
        inbox_read(s);
}

static struct etcd_run *of_run(struct etcd_source *s, const struct run *run)
{
    struct etcd_run *r = s->runs;

    while (r != NULL && r->run != run)
        r = r->next;
    return r;
}

static void report(struct source *source, struct run *run, const struct status_report *report)
{
    struct etcd_source *s = (struct etcd_source *)source;
    struct etcd_run *r = of_run(s, run);

    if (r != NULL)
        reports_take(s, r, report);
    else
        report->answered(run, report->sequence, REPORT_AGAIN, "the run is being taken up", -1);
}

static void release_run(struct etcd_source *s, struct etcd_run *r)
{
    reports_leave(r);
    gang_free(r->gang);
    member_leave(s, r);
    free(r);
}

static void leave(struct source *source, struct run *run)
{
    struct etcd_source *s = (struct etcd_source *)source;

    for (struct etcd_run **at = &s->runs; *at != NULL; at = &(*at)->next) {
        struct etcd_run *r = *at;
        if (r->run != run)
            continue;
        *at = r->next;
        release_run(s, r);
        return;
    }
}

static void place_nodes(struct source *source, struct run *run)
{
    struct etcd_source *s = (struct etcd_source *)source;
    struct etcd_run *r = of_run(s, run);

    if (r != NULL)
        gang_place(s, r);
}

static void begin_nodes(struct source *source, struct run *run, size_t below)
{
    struct etcd_run *r = of_run((struct etcd_source *)source, run);

    if (r != NULL)
        gang_begin(r, below);
}

static void stop_nodes(struct source *source, struct run *run, const char *cause)
{
    struct etcd_run *r = of_run((struct etcd_source *)source, run);

    if (r != NULL)
        gang_stop(r, cause);
}

static void tell_nodes(struct source *source, struct run *run, const struct directive *d)
{
    struct etcd_run *r = of_run((struct etcd_source *)source, run);

    if (r != NULL)
        gang_tell(r, d);
}

static void describe(const struct source *source, struct source_state *ret)
{
    const struct etcd_source *s = (const struct etcd_source *)source;

    *ret = s->link;
}

static void release(struct source *source)
{
    struct etcd_source *s = (struct etcd_source *)source;
    struct etcd_run *next;

    members_close(s);
    sweep_close(s);
    inbox_close(s);
    line_close(s);
    claims_close(s);
    hold_close(s);
    for (struct etcd_run *r = s->runs; r != NULL; r = next) {
        next = r->next;
        release_run(s, r);
    }
    etcd_client_free(s->client);
    transfers_free(s->transfers);
    strlist_free(&s->endpoints);
    free(s);
}

static const struct source_ops OPS = {
    .name = "etcd",
    .origin = ORIGIN_ETCD,
    .begin = begin,
    .room = room,
    .attend = attend,
    .report = report,
    .leave = leave,
    .place_nodes = place_nodes,
    .begin_nodes = begin_nodes,
    .stop_nodes = stop_nodes,
    .tell_nodes = tell_nodes,
    .describe = describe,
    .free = release,
};

/* ---- making one ---- */

static int open_parts(struct etcd_source *s, const struct etcd_source_settings *from, struct err *e)
{
    const struct etcd_settings settings = {.endpoints = &s->endpoints,
                                           .user = from->user,
                                           .password_file = from->password_file,
                                           .ca_file = from->ca_file,
                                           .cert_file = from->cert_file,
                                           .key_file = from->key_file,
                                           .connect_ms = CONNECT_MS,
                                           .answer_ms = ANSWER_MS};

    if (etcd_endpoints_read(from->endpoints, &s->endpoints, e) < 0)
        return e->code;
    s->transfers = transfers_new(s->wiring.loop, e);
    if (s->transfers == NULL)
        return e->code;
    s->client = etcd_client_new(s->wiring.loop, s->transfers, &settings, e);
    if (s->client == NULL || hold_open(s, e) < 0 || claims_open(s, e) < 0 || line_open(s, e) < 0 ||
        inbox_open(s, e) < 0 || sweep_open(s, e) < 0)
        return e->code;
    return 0;
}

struct source *etcd_source_new(const struct source_wiring *wiring,
                               const struct etcd_source_settings *settings, struct err *e)
{
    const struct node_facts *node = wiring->node;
    const char *pool = node->pool[0] != '\0' ? node->pool : ETCD_POOL_DEFAULT;
    struct etcd_source *s;

    if (!etcd_name_valid(node->id) || !etcd_name_valid(pool)) {
        (void)err_set(
            e, -EINVAL, BLAME_NODE, "'%.100s' cannot be %s in etcd: letters, digits, '.', '_' and '-' can",
            etcd_name_valid(node->id) ? pool : node->id, etcd_name_valid(node->id) ? "a pool" : "a node");
        return NULL;
    }
    if (!etcd_prefix_valid(settings->prefix)) {
        (void)err_set(e, -EINVAL, BLAME_NODE, "'%.100s' cannot be a prefix in etcd: /NAME can, or /NAME/NAME",
                      settings->prefix);
        return NULL;
    }
    s = calloc(1, sizeof(*s));
    if (s == NULL) {
        (void)err_oom(e);
        return NULL;
    }
    s->source.ops = &OPS;
    s->wiring = *wiring;
    s->hooks = *wiring->hooks;
    s->lease_ms = settings->lease_ms;
    s->sweep.seat = -1;
    reach_find(&s->reach);
    (void)snprintf(s->keys.prefix, sizeof(s->keys.prefix), "%s", settings->prefix);
    (void)snprintf(s->node, sizeof(s->node), "%.253s", node->id);
    (void)snprintf(s->pool, sizeof(s->pool), "%.253s", pool);
    if (open_parts(s, settings, e) < 0) {
        release(&s->source);
        return NULL;
    }
    return &s->source;
}
