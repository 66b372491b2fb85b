/* answers.c - see answers.h. */
#include "assignment/http/answers.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "assignment/http/bootstrap.h"
#include "base/auto.h"
#include "format/read.h"
#include "job/assignment.h"
#include "job/fields.h"

/* ---- one document ---- */

/* What is being read: a tree and where its errors go. */
struct document {
    struct node *root; /* owned */
    struct diag_list diags;
    struct reader reader;
};

static void document_free(struct document *d)
{
    node_free(d->root);
    diag_free(&d->diags);
}
#define document_auto document_free

/* An answer of the contract is a mapping; another one leaves an error behind, which document_end tells. */
static void document_begin(struct document *d, const char *what, const char *text, size_t n)
{
    *d = (struct document){.diags = {.file = what}};
    d->reader = reader_begin(&d->diags, KEYS_EXACT);
    d->root = json_read(text, n, &d->diags);
    if (d->root != NULL && d->root->kind != NODE_MAP) {
        wrong_kind(&d->reader, d->root, "a mapping");
        node_free(d->root);
        d->root = NULL;
    }
}

/* The first thing that was wrong, with its place. */
static int document_end(const struct document *d, struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(ANSWER_BYTES_MAX);

    if (d->reader.no_memory)
        return err_oom(e);
    if (d->diags.errors == 0)
        return 0;
    diag_print(&d->diags, &text);
    return err_set(e, -EINVAL, BLAME_SERVICE, "%.*s", (int)strcspn(strbuf_str(&text), "\n"),
                   strbuf_str(&text));
}

/* A member that must be there. */
static void whole(struct document *d, const struct node *map, const char *key, int64_t max, int64_t *ret)
{
    if (map == NULL)
        return;
    if (field(&d->reader, map, key) == NULL)
        diag_error(&d->diags, node_where(map), "'%s' is missing", key);
    field_int(&d->reader, map, key, 1, max, ret);
}

/* One word of visible characters: it goes into a header. */
static void check_word(struct document *d, const char *key, const char *text)
{
    for (const char *at = text; at != NULL && *at != '\0'; at++)
        if (*at <= ' ' || *at > '~') {
            diag_error(&d->diags, node_where(node_get(d->root, key)), "'%s' is more than one word", key);
            return;
        }
}

int bootstrap_answer(const char *text, size_t n, struct bootstrap_credential *ret, struct err *e)
{
    AUTO(document) struct document d;

    document_begin(&d, "credential", text, n);
    if (d.root != NULL) {
        field_string(&d.reader, d.root, "nodeId", &ret->node_id);
        field_string(&d.reader, d.root, "nodeToken", &ret->token);
        if (ret->node_id == NULL || ret->node_id[0] == '\0')
            diag_error(&d.diags, node_where(d.root), "'nodeId' is missing");
        if (ret->token == NULL || ret->token[0] == '\0')
            diag_error(&d.diags, node_where(d.root), "'nodeToken' is missing");
        check_word(&d, "nodeId", ret->node_id);
        check_word(&d, "nodeToken", ret->token);
    }
    if (document_end(&d, e) == 0)
        return 0;
    bootstrap_credential_free(ret);
    return e->code;
}

int answer_registration(const char *text, size_t n, struct registration *ret, struct err *e)
{
    AUTO(document) struct document d;
    int64_t heartbeat = 0, lease = 0;

    document_begin(&d, "registration", text, n);
    whole(&d, d.root, "heartbeatSeconds", HEARTBEAT_SECONDS_MAX, &heartbeat);
    if (d.root != NULL)
        field_int(&d.reader, d.root, "leaseSeconds", 1, LEASE_SECONDS_MAX, &lease);
    if (document_end(&d, e) < 0)
        return e->code;
    *ret = (struct registration){.heartbeat_ms = heartbeat * 1000, .lease_ms = lease * 1000};
    return 0;
}

int answer_lease(const char *text, size_t n, int64_t *ret_ms, struct err *e)
{
    AUTO(document) struct document d;
    int64_t seconds = 0;

    document_begin(&d, "lease", text, n);
    whole(&d, d.root, "seconds", LEASE_SECONDS_MAX, &seconds);
    if (document_end(&d, e) < 0)
        return e->code;
    *ret_ms = seconds * 1000;
    return 0;
}

/* ---- the assignment ---- */

/* What is not needed to know whose run it is may be wrong here: then the run ends as an invalid assignment, and says where. */
static int64_t lease_of(const struct node *root)
{
    const struct node *seconds = node_get(node_get(root, "lease"), "seconds");

    return seconds != NULL && seconds->kind == NODE_INT && seconds->integer >= 1 &&
                   seconds->integer <= LEASE_SECONDS_MAX
               ? seconds->integer * 1000
               : 0;
}

static void read_run_id(struct document *d, char ret[RUN_ID_BYTES])
{
    const struct node *run = field_map(&d->reader, d->root, "jobRun");
    AUTO_FREE char *id = NULL;

    if (run != NULL)
        field_string(&d->reader, run, "id", &id);
    if (id == NULL)
        diag_error(&d->diags, node_where(run != NULL ? run : d->root), "the run's id is missing");
    else if (!run_id_valid(id))
        diag_error(&d->diags, node_where(field(&d->reader, run, "id")), "this cannot be the id of a run");
    else
        (void)snprintf(ret, RUN_ID_BYTES, "%s", id);
}

int answer_assignment(const char *text, size_t n, struct offer *ret, struct err *e)
{
    AUTO(document) struct document d;
    struct offer offer = {.name = {.rank = -1, .attempt = 1}};
    const struct node *attempt;
    char name[RUN_ID_BYTES];

    document_begin(&d, "assignment", text, n);
    if (d.root != NULL)
        read_run_id(&d, offer.name.id);
    whole(&d, d.root, "epoch", INT64_MAX, &offer.epoch);
    if (document_end(&d, e) < 0)
        return e->code;
    attempt = node_get(d.root, "attempt");
    if (attempt != NULL && attempt->kind == NODE_INT && attempt->integer >= 1 &&
        attempt->integer <= RUN_ATTEMPT_MAX)
        offer.name.attempt = (int)attempt->integer;
    offer.lease_ms = lease_of(d.root);
    run_name_format(&offer.name, name);
    if (!run_name_valid(name))
        return err_set(e, -EINVAL, BLAME_SERVICE,
                       "assignment: /jobRun/id: error: too long for a further attempt");
    *ret = offer;
    return 0;
}

/* ---- directives ---- */

void wanted_list_free(struct wanted_list *l)
{
    free(l->item);
    *l = (struct wanted_list){0};
}

/* Copies a text that must be there, or not (then ret is ""), and fit. */
static void text_of(struct reader *rd, const struct node *map, const char *key, bool needed, char *ret,
                    size_t size)
{
    AUTO_FREE char *value = NULL;

    ret[0] = '\0';
    field_string(rd, map, key, &value);
    if (value == NULL && field(rd, map, key) == NULL && needed)
        diag_error(rd->diags, node_where(map), "'%s' is missing", key);
    if (value == NULL)
        return;
    if (strlen(value) >= size || (needed && value[0] == '\0'))
        diag_error(rd->diags, node_where(field(rd, map, key)), "'%s': expected 1 to %zu bytes", key,
                   size - 1);
    else
        (void)snprintf(ret, size, "%s", value);
}

static void read_log_level(struct reader *rd, const struct node *map, struct node_directive *d)
{
    char name[16];

    text_of(rd, map, "logLevel", true, name, sizeof(name));
    if (name[0] != '\0' && log_level_parse(name, &d->log_level) < 0)
        diag_error(rd->diags, node_where(field(rd, map, "logLevel")),
                   "'logLevel': expected error, warning, notice, info or debug");
}

static void read_of_node(struct reader *rd, const struct node *map, enum node_directive_kind kind,
                         struct wanted *w)
{
    w->of_node = true;
    w->node.kind = kind;
    text_of(rd, map, "reason", false, w->node.reason, sizeof(w->node.reason));
    if (kind == NODE_DIRECTIVE_LOG_LEVEL)
        read_log_level(rd, map, &w->node);
}

static void read_of_run(struct reader *rd, const struct node *map, enum directive_kind kind, struct wanted *w)
{
    int64_t grace = -1, runtime = 0;

    text_of(rd, map, "runId", true, w->run_id, sizeof(w->run_id));
    field_int(rd, map, "epoch", 1, INT64_MAX, &w->epoch);
    field_bool(rd, map, "kill", &w->run.kill);
    field_int(rd, map, "graceInSeconds", 0, 86400, &grace);
    field_int(rd, map, "maximumRuntimeInSeconds", 1, JOB_RUNTIME_MS_MAX / 1000, &runtime);
    if (kind == DIRECTIVE_DEADLINE && field(rd, map, "maximumRuntimeInSeconds") == NULL)
        diag_error(rd->diags, node_where(map), "'maximumRuntimeInSeconds' is missing");
    w->run.kind = kind;
    w->run.grace_ms = grace < 0 ? -1 : grace * 1000;
    w->run.maximum_runtime_ms = runtime * 1000;
}

static void read_directive(struct reader *rd, const struct node *map, struct wanted *w)
{
    static const char *const KINDS[] = {"cancel", "stop", "deadline", "drain", "undrain", "logLevel"};
    static const enum directive_kind OF_RUN[] = {DIRECTIVE_CANCEL, DIRECTIVE_STOP, DIRECTIVE_DEADLINE};
    static const enum node_directive_kind OF_NODE[] = {NODE_DIRECTIVE_DRAIN, NODE_DIRECTIVE_UNDRAIN,
                                                       NODE_DIRECTIVE_LOG_LEVEL};
    int kind;

    if (map->kind != NODE_MAP) {
        wrong_kind(rd, map, "a mapping");
        return;
    }
    text_of(rd, map, "id", true, w->id, sizeof(w->id));
    kind = field_choice(rd, map, "kind", KINDS, ARRAY_SIZE(KINDS));
    if (kind < 0 && field(rd, map, "kind") == NULL)
        diag_error(rd->diags, node_where(map), "'kind' is missing");
    else if (kind >= 3)
        read_of_node(rd, map, OF_NODE[kind - 3], w);
    else if (kind >= 0)
        read_of_run(rd, map, OF_RUN[kind], w);
}

int answer_directives(const char *text, size_t n, struct wanted_list *ret, struct diag_list *diags)
{
    AUTO(node) struct node *root = json_read(text, n, diags);
    struct reader rd = reader_begin(diags, KEYS_EXACT);
    const struct node *items;

    if (root == NULL)
        return -EINVAL;
    if (root->kind != NODE_MAP) {
        wrong_kind(&rd, root, "a mapping");
        return -EINVAL;
    }
    items = field_list(&rd, root, "items");
    if (items == NULL || items->count > DIRECTIVES_MAX) {
        diag_error(diags, node_where(root), "'items' must be a list of at most %d", DIRECTIVES_MAX);
        return -EINVAL;
    }
    ret->item = calloc(items->count + 1, sizeof(ret->item[0]));
    if (ret->item == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < items->count; i++) {
        struct wanted w = {0};
        size_t errors = diags->errors;
        read_directive(&rd, items->item[i], &w);
        if (diags->errors == errors)
            ret->item[ret->count++] = w;
    }
    return rd.no_memory ? -ENOMEM : 0;
}

/* ---- errors and dates ---- */

void answer_error(const char *text, size_t n, struct answer_error *ret)
{
    AUTO(diag) struct diag_list diags = {0};
    AUTO(node) struct node *root = json_read(text, n, &diags);
    const struct node *code = node_get(root, "code"), *message = node_get(root, "message");
    size_t len = 0;

    *ret = (struct answer_error){0};
    if (code == NULL || code->kind != NODE_STRING || message == NULL || message->kind != NODE_STRING)
        return;
    while (len < ERROR_CODE_MAX - 1 && isalnum((unsigned char)code->text[len]))
        len++;
    if (len == 0 || code->text[len] != '\0')
        return;
    memcpy(ret->code, code->text, len);
    (void)snprintf(ret->message, sizeof(ret->message), "%s", message->text);
    for (char *at = ret->message; *at != '\0'; at++)
        if (iscntrl((unsigned char)*at))
            *at = ' ';
}

int answer_date(const char *text, wall_ms_t *ret)
{
    struct tm tm = {0};
    /* No program of ours sets a locale, so the names are English. */
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);

    if (end == NULL || *end != '\0')
        return -EINVAL;
    ret->ms = (int64_t)timegm(&tm) * 1000;
    return 0;
}
