/* record.c - see record.h. */
#include "assignment/etcd/record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/parse.h"
#include "format/json_out.h"
#include "format/read.h"

static const char *const ON_LOST_NAMES[] = {"fail", "requeue"};
static const char *const DIRECTIVE_NAMES[] = {"cancel", "stop", "deadline"};
static const char *const NODE_DIRECTIVE_NAMES[] = {"drain", "undrain", "logLevel"};
/* From LOG_LEVEL_ERROR on. */
static const char *const LEVEL_NAMES[] = {"error", "warning", "notice", "info", "debug"};

/* ---- reading ---- */

struct reading {
    struct diag_list diags;
    struct node *root; /* owned */
};

static void reading_auto(struct reading *r)
{
    node_free(r->root);
    diag_free(&r->diags);
}

static void begin(struct reading *r, const char *text, size_t n, const char *what)
{
    r->diags.file = what;
    r->root = n <= ETCD_RECORD_MAX ? json_read(text, n, &r->diags) : NULL;
    if (r->root != NULL && r->root->kind != NODE_MAP)
        diag_error(&r->diags, node_where(r->root), "expected mapping, found %s",
                   node_kind_name(r->root->kind));
    else if (n > ETCD_RECORD_MAX)
        diag_error(&r->diags, (struct diag_where){0}, "longer than %u bytes", ETCD_RECORD_MAX);
}

/* The first error becomes *e. */
static int end(const struct reading *r, struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(ERR_TEXT_MAX * 64);
    char *newline;

    if (r->diags.errors == 0)
        return 0;
    diag_print(&r->diags, &text);
    newline = text.data != NULL ? strchr(text.data, '\n') : NULL;
    if (newline != NULL)
        *newline = '\0';
    return err_set(e, -EINVAL, BLAME_SERVICE, "%s", strbuf_str(&text));
}

/* NULL when it is absent; a wrong kind is an error. */
static const struct node *member(struct reading *r, const char *key, enum node_kind kind, bool needed)
{
    const struct node *n = node_get(r->root, key);

    if (n != NULL && n->kind == kind)
        return n;
    if (n != NULL)
        diag_error(&r->diags, node_where(n), "expected %s, found %s", kind == NODE_INT ? "integer" : "string",
                   node_kind_name(n->kind));
    else if (needed && r->root != NULL && r->root->kind == NODE_MAP)
        diag_error(&r->diags, node_where(r->root), "'%s' is missing", key);
    return NULL;
}

/* What is too long is an error when it is a name, and cut when it is for people. */
static void read_text(struct reading *r, const char *key, bool needed, char *ret, size_t size)
{
    const struct node *n = member(r, key, NODE_STRING, needed);

    ret[0] = '\0';
    if (n == NULL)
        return;
    if (strlen(n->text) >= size && needed)
        diag_error(&r->diags, node_where(n), "longer than %zu bytes", size - 1);
    else
        (void)snprintf(ret, size, "%s", n->text);
}

static int64_t read_int(struct reading *r, const char *key, int64_t min, int64_t max, int64_t absent)
{
    const struct node *n = member(r, key, NODE_INT, false);

    if (n == NULL)
        return absent;
    if (n->integer >= min && n->integer <= max)
        return n->integer;
    diag_error(&r->diags, node_where(n), "expected a number from %lld to %lld, found %s", (long long)min,
               (long long)max, n->text);
    return absent;
}

static wall_ms_t read_time(struct reading *r, const char *key)
{
    const struct node *n = member(r, key, NODE_STRING, false);
    wall_ms_t t = {0};

    if (n != NULL && wall_parse(n->text, &t) < 0)
        diag_error(&r->diags, node_where(n), "expected a time such as 2026-01-31T06:01:43.123Z");
    return t;
}

static size_t read_word(struct reading *r, const char *key, const char *const *words, size_t count,
                        bool needed)
{
    const struct node *n = member(r, key, NODE_STRING, needed);

    for (size_t i = 0; n != NULL && i < count; i++)
        if (strcmp(n->text, words[i]) == 0)
            return i;
    if (n != NULL)
        diag_error(&r->diags, node_where(n), "unknown word '%.40s' for '%s'", n->text, key);
    return 0;
}

static void read_name(struct reading *r, const char *key, bool needed, char ret[ETCD_NAME_MAX])
{
    const struct node *n = member(r, key, NODE_STRING, needed);

    ret[0] = '\0';
    if (n == NULL || (n->text[0] == '\0' && !needed))
        return;
    if (etcd_name_valid(n->text))
        (void)snprintf(ret, ETCD_NAME_MAX, "%s", n->text);
    else
        diag_error(&r->diags, node_where(n), "'%.60s' is no name of letters, digits, '.', '_' and '-'",
                   n->text);
}

/* ---- writing ---- */

static void write_time(struct json_out *w, const char *key, wall_ms_t t)
{
    char text[RFC3339_MAX];

    if (t.ms == 0)
        return;
    wall_format(t, text);
    json_out_string(w, key, text);
}

static void write_text(struct json_out *w, const char *key, const char *text)
{
    json_out_string(w, key, text[0] != '\0' ? text : NULL);
}

/* ---- the state of a run ---- */

bool etcd_state_ended(const struct etcd_state *s)
{
    return s->state == STATE_SUCCEEDED || s->state == STATE_FAILED || s->state == STATE_CANCELED ||
           s->state == STATE_NEEDS_ATTENTION;
}

int etcd_state_write(const struct etcd_state *s, struct strbuf *out)
{
    struct json_out w = {.out = out};

    json_out_open(&w, NULL, '{');
    json_out_string(&w, "run", s->run);
    json_out_string(&w, "pool", s->pool);
    write_text(&w, "displayName", s->display_name);
    json_out_int(&w, "priority", s->priority);
    json_out_string(&w, "onLost", ON_LOST_NAMES[s->on_lost]);
    json_out_int(&w, "attempts", s->attempts);
    write_time(&w, "timeSubmitted", s->submitted_at);
    json_out_string(&w, "lifecycleState", state_name(s->state));
    write_text(&w, "lifecycleDetails", s->details);
    write_text(&w, "cause", s->cause);
    if (s->has_exit_code)
        json_out_int(&w, "exitCode", s->exit_code);
    if (s->signal > 0)
        json_out_int(&w, "signal", s->signal);
    json_out_int(&w, "attempt", s->attempt);
    json_out_int(&w, "epoch", s->epoch);
    json_out_int(&w, "sequence", s->sequence);
    write_text(&w, "node", s->node);
    write_time(&w, "timeChanged", s->changed_at);
    write_time(&w, "timeStarted", s->started_at);
    write_time(&w, "timeFinished", s->finished_at);
    if (s->address[0] != '\0') {
        json_out_string(&w, "address", s->address);
        write_text(&w, "fqdn", s->fqdn);
        json_out_bool(&w, "ready", s->ready);
    }
    json_out_close(&w, '}');
    return out->failed;
}

/* False when it is absent. */
static bool read_bool(struct reading *r, const char *key)
{
    const struct node *n = node_get(r->root, key);

    if (n != NULL && n->kind != NODE_BOOL)
        diag_error(&r->diags, node_where(n), "expected boolean, found %s", node_kind_name(n->kind));
    return n != NULL && n->kind == NODE_BOOL && n->integer != 0;
}

static void read_place(struct reading *r, struct etcd_state *ret)
{
    read_text(r, "address", false, ret->address, sizeof(ret->address));
    read_text(r, "fqdn", false, ret->fqdn, sizeof(ret->fqdn));
    ret->ready = read_bool(r, "ready");
    if (ret->address[0] != '\0' && !node_address_valid(ret->address))
        diag_error(&r->diags, node_where(node_get(r->root, "address")), "'%.60s' is no address",
                   ret->address);
    if (!node_fqdn_valid(ret->fqdn))
        diag_error(&r->diags, node_where(node_get(r->root, "fqdn")), "'%.60s' is no host name", ret->fqdn);
}

static void read_lifecycle(struct reading *r, struct etcd_state *ret)
{
    const struct node *n = member(r, "lifecycleState", NODE_STRING, true);

    ret->state = n != NULL ? state_from_name(n->text) : STATE_ACCEPTED;
    if (ret->state != STATE_COUNT)
        return;
    diag_error(&r->diags, node_where(n), "unknown lifecycle state '%.40s'", n->text);
    ret->state = STATE_ACCEPTED;
}

int etcd_state_read(const char *text, size_t n, const char *what, struct etcd_state *ret, struct err *e)
{
    AUTO(reading) struct reading r = {0};

    *ret = (struct etcd_state){0};
    begin(&r, text, n, what);
    read_text(&r, "run", true, ret->run, sizeof(ret->run));
    if (r.diags.errors == 0 && !run_name_valid(ret->run))
        diag_error(&r.diags, node_where(node_get(r.root, "run")), "'%.60s' is no run id", ret->run);
    read_name(&r, "pool", true, ret->pool);
    read_text(&r, "displayName", false, ret->display_name, sizeof(ret->display_name));
    ret->priority = read_int(&r, "priority", -ETCD_PRIORITY_LIMIT, ETCD_PRIORITY_LIMIT, 0);
    ret->on_lost = read_word(&r, "onLost", ON_LOST_NAMES, ARRAY_SIZE(ON_LOST_NAMES), false) == 1
                       ? ETCD_LOST_REQUEUE
                       : ETCD_LOST_FAIL;
    ret->attempts = read_int(&r, "attempts", 1, ETCD_ATTEMPTS_MAX, 1);
    ret->submitted_at = read_time(&r, "timeSubmitted");
    read_lifecycle(&r, ret);
    read_text(&r, "lifecycleDetails", false, ret->details, sizeof(ret->details));
    read_text(&r, "cause", false, ret->cause, sizeof(ret->cause));
    ret->has_exit_code = node_get(r.root, "exitCode") != NULL;
    ret->exit_code = read_int(&r, "exitCode", INT32_MIN, INT32_MAX, 0);
    ret->signal = read_int(&r, "signal", 0, 64, 0);
    ret->attempt = read_int(&r, "attempt", 0, RUN_ATTEMPT_MAX, 0);
    ret->epoch = read_int(&r, "epoch", 0, INT64_MAX, 0);
    ret->sequence = read_int(&r, "sequence", 0, INT64_MAX, 0);
    read_name(&r, "node", false, ret->node);
    ret->changed_at = read_time(&r, "timeChanged");
    ret->started_at = read_time(&r, "timeStarted");
    ret->finished_at = read_time(&r, "timeFinished");
    read_place(&r, ret);
    return end(&r, e);
}

/* ---- a claim ---- */

int etcd_claim_write(const struct etcd_claim *c, struct strbuf *out)
{
    struct json_out w = {.out = out};

    json_out_open(&w, NULL, '{');
    json_out_int(&w, "attempt", c->attempt);
    json_out_string(&w, "token", c->token);
    json_out_close(&w, '}');
    return out->failed;
}

int etcd_claim_read(const char *text, size_t n, const char *what, struct etcd_claim *ret, struct err *e)
{
    AUTO(reading) struct reading r = {0};

    *ret = (struct etcd_claim){0};
    begin(&r, text, n, what);
    ret->attempt = read_int(&r, "attempt", 1, RUN_ATTEMPT_MAX, 1);
    read_text(&r, "token", true, ret->token, sizeof(ret->token));
    return end(&r, e);
}

/* ---- the nodes of a run ---- */

void etcd_cluster_free(struct etcd_cluster *c)
{
    cluster_free(&c->nodes);
}

int etcd_cluster_write(const struct etcd_cluster *c, struct strbuf *out)
{
    struct json_out w = {.out = out};

    json_out_open(&w, NULL, '{');
    json_out_int(&w, "attempt", c->attempt);
    json_out_int(&w, "size", c->size);
    json_out_int(&w, "begin", c->begin);
    write_text(&w, "stop", c->stop);
    if (c->kill)
        json_out_bool(&w, "kill", true);
    if (c->runtime_ms > 0)
        json_out_int(&w, "maximumRuntimeMs", c->runtime_ms);
    write_time(&w, "stopAt", c->stop_at);
    json_out_open(&w, "nodes", '[');
    for (size_t i = 0; i < c->nodes.count; i++) {
        json_out_open(&w, NULL, '{');
        json_out_string(&w, "group", c->nodes.node[i].group);
        json_out_string(&w, "address", c->nodes.node[i].address);
        json_out_string(&w, "fqdn", c->nodes.node[i].fqdn);
        json_out_close(&w, '}');
    }
    json_out_close(&w, ']');
    json_out_close(&w, '}');
    return out->failed;
}

static const char *text_of(const struct node *map, const char *key)
{
    const struct node *n = map->kind == NODE_MAP ? node_get(map, key) : NULL;

    return n != NULL && n->kind == NODE_STRING ? n->text : "";
}

static void read_nodes(struct reading *r, struct etcd_cluster *ret)
{
    const struct node *nodes = node_get(r->root, "nodes");

    if (nodes == NULL || nodes->kind == NODE_NULL)
        return;
    if (nodes->kind != NODE_SEQ) {
        diag_error(&r->diags, node_where(nodes), "expected sequence, found %s", node_kind_name(nodes->kind));
        return;
    }
    for (size_t i = 0; i < nodes->count; i++) {
        const struct node *n = nodes->item[i];
        if (cluster_add(&ret->nodes, text_of(n, "group"), text_of(n, "address"), text_of(n, "fqdn")) < 0) {
            diag_error(&r->diags, node_where(n), "expected a node's group, address and fqdn");
            return;
        }
    }
    if (nodes->count != 0 && (int64_t)nodes->count != ret->size)
        diag_error(&r->diags, node_where(nodes), "there are %zu nodes, and the run is of %lld", nodes->count,
                   (long long)ret->size);
}

int etcd_cluster_read(const char *text, size_t n, const char *what, struct etcd_cluster *ret, struct err *e)
{
    AUTO(reading) struct reading r = {0};

    begin(&r, text, n, what);
    ret->attempt = read_int(&r, "attempt", 1, RUN_ATTEMPT_MAX, 1);
    ret->size = read_int(&r, "size", 1, ETCD_CLUSTER_MAX, 1);
    ret->begin = read_int(&r, "begin", 0, ETCD_CLUSTER_MAX, 0);
    read_text(&r, "stop", false, ret->stop, sizeof(ret->stop));
    ret->kill = read_bool(&r, "kill");
    ret->runtime_ms = read_int(&r, "maximumRuntimeMs", 0, JOB_RUNTIME_MS_MAX, 0);
    ret->stop_at = read_time(&r, "stopAt");
    read_nodes(&r, ret);
    return end(&r, e);
}

/* ---- a node ---- */

int etcd_node_write(const struct node_facts *n, const char *pool, size_t room, const char *not_ready,
                    wall_ms_t now, struct strbuf *out)
{
    struct json_out w = {.out = out};

    json_out_open(&w, NULL, '{');
    json_out_string(&w, "node", n->id);
    write_text(&w, "fqdn", n->fqdn);
    json_out_string(&w, "pool", pool);
    json_out_string(&w, "version", n->version);
    json_out_string(&w, "kernel", n->kernel);
    json_out_string(&w, "architecture", n->architecture);
    json_out_string(&w, "bootId", n->boot_id);
    write_text(&w, "shape", n->shape);
    json_out_int(&w, "cpus", n->cpus);
    json_out_int(&w, "memoryBytes", n->memory_bytes);
    json_out_int(&w, "diskBytes", n->disk_bytes);
    json_out_int(&w, "gpus", n->gpus);
    json_out_int(&w, "concurrency", n->concurrency);
    json_out_open(&w, "labels", '[');
    for (size_t i = 0; i < n->labels.count; i++)
        json_out_string(&w, NULL, n->labels.item[i]);
    json_out_close(&w, ']');
    json_out_int(&w, "room", (int64_t)room);
    write_text(&w, "notReady", not_ready);
    write_time(&w, "timeChanged", now);
    json_out_close(&w, '}');
    return out->failed;
}

int etcd_node_read(const char *text, size_t n, const char *what, struct etcd_node *ret, struct err *e)
{
    AUTO(reading) struct reading r = {0};

    *ret = (struct etcd_node){0};
    begin(&r, text, n, what);
    read_text(&r, "version", false, ret->version, sizeof(ret->version));
    read_text(&r, "kernel", false, ret->kernel, sizeof(ret->kernel));
    read_text(&r, "architecture", false, ret->architecture, sizeof(ret->architecture));
    read_text(&r, "shape", false, ret->shape, sizeof(ret->shape));
    read_text(&r, "fqdn", false, ret->fqdn, sizeof(ret->fqdn));
    read_name(&r, "pool", false, ret->pool);
    ret->cpus = read_int(&r, "cpus", 0, INT32_MAX, 0);
    ret->memory_bytes = read_int(&r, "memoryBytes", 0, INT64_MAX, 0);
    ret->disk_bytes = read_int(&r, "diskBytes", 0, INT64_MAX, 0);
    ret->gpus = read_int(&r, "gpus", 0, INT32_MAX, 0);
    ret->concurrency = read_int(&r, "concurrency", 0, INT32_MAX, 0);
    ret->room = read_int(&r, "room", 0, INT32_MAX, 0);
    read_text(&r, "notReady", false, ret->not_ready, sizeof(ret->not_ready));
    ret->changed_at = read_time(&r, "timeChanged");
    return end(&r, e);
}

/* ---- directives ---- */

int etcd_directive_write(const struct directive *d, struct strbuf *out)
{
    struct json_out w = {.out = out};

    json_out_open(&w, NULL, '{');
    json_out_string(&w, "directive", DIRECTIVE_NAMES[d->kind]);
    if (d->kind == DIRECTIVE_CANCEL && d->kill)
        json_out_bool(&w, "kill", true);
    if (d->kind == DIRECTIVE_STOP && d->grace_ms >= 0)
        json_out_int(&w, "graceMs", d->grace_ms);
    if (d->kind == DIRECTIVE_DEADLINE)
        json_out_int(&w, "maximumRuntimeMs", d->maximum_runtime_ms);
    json_out_close(&w, '}');
    return out->failed;
}

int etcd_directive_read(const char *text, size_t n, const char *what, struct directive *ret, struct err *e)
{
    AUTO(reading) struct reading r = {0};

    begin(&r, text, n, what);
    *ret =
        (struct directive){.kind = (enum directive_kind)read_word(&r, "directive", DIRECTIVE_NAMES,
                                                                  ARRAY_SIZE(DIRECTIVE_NAMES), true),
                           .grace_ms = read_int(&r, "graceMs", 0, STOP_GRACE_MS_MAX, -1),
                           .maximum_runtime_ms = read_int(&r, "maximumRuntimeMs", 1, JOB_RUNTIME_MS_MAX, 0)};
    ret->kill = read_bool(&r, "kill");
    if (ret->kind == DIRECTIVE_DEADLINE && ret->maximum_runtime_ms == 0 && r.diags.errors == 0)
        diag_error(&r.diags, node_where(r.root), "'maximumRuntimeMs' is missing");
    return end(&r, e);
}

int etcd_node_directive_write(const struct node_directive *d, struct strbuf *out)
{
    struct json_out w = {.out = out};

    json_out_open(&w, NULL, '{');
    json_out_string(&w, "directive", NODE_DIRECTIVE_NAMES[d->kind]);
    write_text(&w, "reason", d->reason);
    if (d->kind == NODE_DIRECTIVE_LOG_LEVEL)
        json_out_string(&w, "logLevel", LEVEL_NAMES[d->log_level - LOG_LEVEL_ERROR]);
    json_out_close(&w, '}');
    return out->failed;
}

int etcd_node_directive_read(const char *text, size_t n, const char *what, struct node_directive *ret,
                             struct err *e)
{
    AUTO(reading) struct reading r = {0};

    begin(&r, text, n, what);
    *ret = (struct node_directive){
        .kind = (enum node_directive_kind)read_word(&r, "directive", NODE_DIRECTIVE_NAMES,
                                                    ARRAY_SIZE(NODE_DIRECTIVE_NAMES), true)};
    read_text(&r, "reason", false, ret->reason, sizeof(ret->reason));
    ret->log_level =
        (enum log_level)(LOG_LEVEL_ERROR + read_word(&r, "logLevel", LEVEL_NAMES, ARRAY_SIZE(LEVEL_NAMES),
                                                     ret->kind == NODE_DIRECTIVE_LOG_LEVEL));
    return end(&r, e);
}
