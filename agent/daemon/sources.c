/* sources.c - see sources.h. */
#include "daemon/sources.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "assignment/etcd/etcd.h"
#include "assignment/http/http.h"
#include "assignment/local/local.h"
#include "base/log.h"
#include "daemon/directive.h"
#include "daemon/group_run.h"
#include "sys/fd.h"

static struct source *source_of(const struct agent *a, const struct run *run)
{
    enum run_origin origin = run->history.origin;

    /* What a member reports is for people on this machine: the control plane hears of the whole. */
    if (origin == ORIGIN_FOREGROUND || origin == ORIGIN_MEMBER)
        origin = ORIGIN_QUEUE;

    for (size_t i = 0; i < a->source_count; i++)
        if (a->source[i]->ops->origin == origin)
            return a->source[i];
    return NULL;
}

static void assigned(struct source *s, const char *name, void *context)
{
    struct agent *a = context;
    struct err e = ERR_INIT;

    if (agent_take(a, name, -1, &e) != NULL)
        log_info("run=%s accepted from=%s", name, s->ops->name);
    else
        log_error("run=%s %s", name, e.text);
    agent_admit(a);
}

/* 0, or negative with *e. A source that could not be made is no reason to go on without it: its runs would wait unseen. */
static int add(struct agent *a, struct source *s, const struct err *e)
{
    if (s == NULL)
        return e->code;
    a->source[a->source_count++] = s;
    return 0;
}

static int open_etcd(struct agent *a, const struct source_wiring *wiring, struct err *e)
{
    const struct config *c = a->config;
    const struct etcd_source_settings settings = {.endpoints = c->etcd_endpoints,
                                                  .prefix = c->etcd_prefix,
                                                  .user = c->etcd_user,
                                                  .password_file = c->etcd_password_file,
                                                  .ca_file = c->etcd_ca_file,
                                                  .cert_file = c->etcd_cert_file,
                                                  .key_file = c->etcd_key_file,
                                                  .lease_ms = c->etcd_lease_ms};

    return c->etcd_endpoints[0] == '\0' ? 0 : add(a, etcd_source_new(wiring, &settings, e), e);
}

static int open_http(struct agent *a, const struct source_wiring *wiring, struct err *e)
{
    const struct config *c = a->config;
    const struct http_settings settings = {
        .endpoint = c->http_endpoint,
        .auth = c->http_auth,
        .token_file = c->http_token_file,
        .oci_config = c->oci_config,
        .oci_profile = c->oci_profile,
        .cert_file = c->http_cert_file,
        .key_file = c->http_key_file,
        .ca_file = c->http_ca_file,
        .wait_ms = c->http_wait_ms,
    };

    return c->http_endpoint[0] != '\0' ? add(a, http_source_new(wiring, &settings, e), e) : 0;
}

int sources_open(struct agent *a, bool foreground, struct err *e)
{
    const struct source_hooks hooks = {
        .assigned = assigned,
        .directive = directive_from_source,
        .node_directive = directive_to_node,
        .lease_held = directive_lease_held,
        .lease_lost = directive_lease_lost,
        .nodes_placed = group_nodes_placed,
        .nodes_failed = group_nodes_failed,
        .node_changed = group_node_changed,
        .node_stop = group_node_stop,
        .context = a,
    };
    const struct source_wiring wiring = {
        .loop = a->loop, .agent_fd = a->agent_fd, .node = &a->node, .hooks = &hooks};

    if (foreground)
        return add(a, local_source_new(&wiring, -1, NULL, e), e);
    a->queue_fd = dir_open(AT_FDCWD, a->layout->queue);
    if (a->queue_fd < 0)
        return err_errno(e, -a->queue_fd, BLAME_NODE, "open %s", a->layout->queue);
    if (add(a, local_source_new(&wiring, a->queue_fd, a->layout->queue, e), e) < 0)
        return e->code;
    if (open_http(a, &wiring, e) < 0)
        return e->code;
    return open_etcd(a, &wiring, e);
}

void sources_begin(struct agent *a)
{
    for (size_t i = 0; i < a->source_count; i++)
        if (a->source[i]->ops->begin != NULL)
            a->source[i]->ops->begin(a->source[i]);
}

void sources_room(struct agent *a, size_t room, const char *why_not)
{
    char why[SOURCE_WHY_MAX];

    (void)snprintf(why, sizeof(why), "%s", why_not);
    if (a->room_told && room == a->room && strcmp(why, a->room_why) == 0)
        return;
    a->room_told = true;
    a->room = room;
    (void)snprintf(a->room_why, sizeof(a->room_why), "%s", why);
    for (size_t i = 0; i < a->source_count; i++)
        if (a->source[i]->ops->room != NULL)
            a->source[i]->ops->room(a->source[i], room, why_not);
}

void sources_attend(struct agent *a, struct run *run)
{
    struct source *s = source_of(a, run);

    if (s != NULL && s->ops->attend != NULL && run->phase != PHASE_FINISHED)
        s->ops->attend(s, run);
}

void sources_leave(struct agent *a, struct run *run)
{
    struct source *s = source_of(a, run);

    if (s != NULL && s->ops->leave != NULL)
        s->ops->leave(s, run);
}

void sources_deliver(struct run *run, const struct status_report *report, void *context)
{
    const struct agent *a = context;
    struct source *s = source_of(a, run);
    char why[128];

    if (s != NULL) {
        s->ops->report(s, run, report);
        return;
    }
    (void)snprintf(why, sizeof(why), "this node has no source '%s' any more, which the run came from",
                   run_origin_name(run->history.origin));
    report->answered(run, report->sequence, REPORT_AGAIN, why, -1);
}

bool sources_place(const struct agent *a, const struct run *run)
{
    const struct source *s = source_of(a, run);

    return s != NULL && s->ops->place_nodes != NULL;
}

void sources_place_nodes(struct agent *a, struct run *run)
{
    struct source *s = source_of(a, run);

    s->ops->place_nodes(s, run);
}

void sources_begin_nodes(struct agent *a, struct run *run, size_t below)
{
    struct source *s = source_of(a, run);

    s->ops->begin_nodes(s, run, below);
}

void sources_stop_nodes(struct agent *a, struct run *run, const char *cause)
{
    struct source *s = source_of(a, run);

    s->ops->stop_nodes(s, run, cause);
}

void sources_tell_nodes(struct agent *a, struct run *run, const struct directive *d)
{
    struct source *s = source_of(a, run);

    s->ops->tell_nodes(s, run, d);
}

void sources_close(struct agent *a)
{
    for (size_t i = 0; i < a->source_count; i++)
        a->source[i]->ops->free(a->source[i]);
    a->source_count = 0;
}
