/* answer.c - see answer.h. */
#include "assignment/etcd/answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/base64.h"
#include "base/parse.h"
#include "format/read.h"

void etcd_kvs_free(struct etcd_kvs *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->item[i].key);
        free(l->item[i].value);
    }
    free(l->item);
    *l = (struct etcd_kvs){0};
}

void etcd_reply_free(struct etcd_reply *r)
{
    node_free(r->root);
    r->root = NULL;
}

void etcd_news_free(struct etcd_news *n)
{
    etcd_kvs_free(&n->kvs);
}

/* ---- parts ---- */

static int wrong(const struct node *at, const char *what, struct err *e)
{
    AUTO_FREE char *pointer = at != NULL ? node_pointer(at) : NULL;

    return err_set(e, -EBADMSG, BLAME_SERVICE, "etcd's answer, at '%.160s': %s",
                   pointer != NULL ? pointer : "", what);
}

static struct node *read_root(const char *text, size_t n, struct err *e)
{
    AUTO(diag) struct diag_list diags = {.file = "etcd's answer"};
    AUTO(strbuf) struct strbuf said = STRBUF_INIT(64 * 1024);
    struct node *root = json_read(text, n, &diags);

    if (root != NULL && root->kind == NODE_MAP)
        return root;
    diag_print(&diags, &said);
    if (said.len > 0 && said.data[said.len - 1] == '\n')
        said.data[said.len - 1] = '\0';
    (void)err_set(e, -EBADMSG, BLAME_SERVICE, "%s",
                  root != NULL ? "etcd's answer is no mapping" : strbuf_str(&said));
    node_free(root);
    return NULL;
}

/* 0 when it is absent: the gateway leaves zeros out. */
static int read_i64(const struct node *map, const char *key, int64_t *ret, struct err *e)
{
    const struct node *n = node_get(map, key);

    *ret = 0;
    if (n == NULL)
        return 0;
    if (n->kind == NODE_INT) {
        *ret = n->integer;
        return 0;
    }
    if (n->kind != NODE_STRING || parse_i64(n->text, INT64_MIN, INT64_MAX, ret) < 0)
        return wrong(n, "expected a number", e);
    return 0;
}

static int read_bool(const struct node *map, const char *key, bool *ret, struct err *e)
{
    const struct node *n = node_get(map, key);

    *ret = false;
    if (n == NULL)
        return 0;
    if (n->kind != NODE_BOOL)
        return wrong(n, "expected true or false", e);
    *ret = n->integer != 0;
    return 0;
}

static int read_revision(const struct node *map, int64_t *ret, struct err *e)
{
    const struct node *header = node_get(map, "header");

    if (header == NULL || header->kind != NODE_MAP)
        return wrong(map, "there is no header", e);
    return read_i64(header, "revision", ret, e);
}

/* NULL: it is absent, and so are its bytes. */
static char *decode(const struct node *n, size_t *ret_size, struct err *e)
{
    AUTO(strbuf) struct strbuf bytes = STRBUF_INIT(DOCUMENT_BYTES_MAX);
    char *taken;

    if (n != NULL && (n->kind != NODE_STRING || base64_decode(n->text, strlen(n->text), &bytes) < 0)) {
        (void)wrong(n, "expected base64", e);
        return NULL;
    }
    *ret_size = bytes.len;
    taken = bytes.len > 0 ? strbuf_take(&bytes) : strdup("");
    if (taken == NULL)
        (void)err_oom(e);
    return taken;
}

static char *read_base64(const struct node *map, const char *key, size_t *ret_size, struct err *e)
{
    return decode(node_get(map, key), ret_size, e);
}

/* ---- keys with their values ---- */

static int read_kv(const struct node *map, struct etcd_kv *kv, struct err *e)
{
    size_t key_size = 0;

    if (map == NULL || map->kind != NODE_MAP)
        return wrong(map, "expected a key with its value", e);
    kv->key = read_base64(map, "key", &key_size, e);
    if (kv->key == NULL)
        return e->code;
    if (key_size == 0 || strlen(kv->key) != key_size)
        return wrong(map, "a key that is none of ours", e);
    kv->value = read_base64(map, "value", &kv->value_size, e);
    if (kv->value == NULL || read_i64(map, "create_revision", &kv->created, e) < 0 ||
        read_i64(map, "mod_revision", &kv->modified, e) < 0)
        return e->code;
    return read_i64(map, "lease", &kv->lease, e);
}

/* Makes room for the items of `list`, which may be absent. */
static int open_kvs(const struct node *list, struct etcd_kvs *ret, struct err *e)
{
    *ret = (struct etcd_kvs){0};
    if (list == NULL)
        return 0;
    if (list->kind != NODE_SEQ || list->count > ETCD_KVS_MAX)
        return wrong(list, list->kind != NODE_SEQ ? "expected a list" : "too many keys", e);
    ret->item = calloc(list->count + 1, sizeof(*ret->item));
    return ret->item == NULL ? err_oom(e) : 0;
}

static int read_kvs(const struct node *map, struct etcd_kvs *ret, struct err *e)
{
    const struct node *list = node_get(map, "kvs");
    int r = open_kvs(list, ret, e);

    for (size_t i = 0; r == 0 && list != NULL && ret->item != NULL && i < list->count; i++) {
        ret->count++;
        r = read_kv(list->item[i], &ret->item[i], e);
    }
    if (r == 0)
        r = read_bool(map, "more", &ret->more, e);
    if (r < 0)
        etcd_kvs_free(ret);
    return r;
}

/* ---- replies ---- */

int etcd_reply_read(const char *text, size_t n, struct etcd_reply *ret, struct err *e)
{
    const struct node *inner;
    int r;

    *ret = (struct etcd_reply){.root = read_root(text, n, e)};
    if (ret->root == NULL)
        return e->code;
    /* Calls that are streams to etcd, of which we send and get one message, have theirs one level further down. */
    inner = node_get(ret->root, "result");
    r = read_revision(inner != NULL ? inner : ret->root, &ret->revision, e);
    if (r == 0)
        r = read_bool(ret->root, "succeeded", &ret->succeeded, e);
    if (r < 0)
        etcd_reply_free(ret);
    return r;
}

int etcd_reply_kvs(const struct etcd_reply *r, int index, struct etcd_kvs *ret, struct err *e)
{
    const struct node *list = node_get(r->root, "responses"), *range;

    *ret = (struct etcd_kvs){0};
    if (index < 0)
        return read_kvs(r->root, ret, e);
    if (list == NULL || list->kind != NODE_SEQ || (size_t)index >= list->count)
        return wrong(list != NULL ? list : r->root, "an operation has no answer", e);
    range = node_get(list->item[index], "response_range");
    if (range == NULL || range->kind != NODE_MAP)
        return wrong(list->item[index], "expected the answer to a range", e);
    return read_kvs(range, ret, e);
}

int etcd_reply_lease(const struct etcd_reply *r, int64_t *ret_lease, int64_t *ret_seconds, struct err *e)
{
    const struct node *map = node_get(r->root, "result");

    if (map == NULL)
        map = r->root;
    if (read_i64(map, "ID", ret_lease, e) < 0)
        return e->code;
    if (*ret_lease == 0)
        return wrong(map, "there is no ID of a lease", e);
    return read_i64(map, "TTL", ret_seconds, e);
}

int etcd_reply_leased_keys(const struct etcd_reply *r, struct strlist *ret, struct err *e)
{
    const struct node *list = node_get(r->root, "keys");

    if (list == NULL)
        return 0;
    if (list->kind != NODE_SEQ || list->count > ETCD_KVS_MAX)
        return wrong(list, list->kind != NODE_SEQ ? "expected a list" : "too many keys", e);
    for (size_t i = 0; i < list->count; i++) {
        size_t size = 0;
        AUTO_FREE char *key = decode(list->item[i], &size, e);
        if (key == NULL)
            return e->code;
        if (size == 0 || strlen(key) != size)
            return wrong(list->item[i], "a key that is none of ours", e);
        if (strlist_add(ret, key) < 0)
            return err_oom(e);
    }
    return 0;
}

const char *etcd_reply_token(const struct etcd_reply *r, struct err *e)
{
    const struct node *token = node_get(r->root, "token");

    if (token != NULL && token->kind == NODE_STRING && token->text[0] != '\0' &&
        strcspn(token->text, "\r\n") == strlen(token->text))
        return token->text;
    (void)wrong(r->root, "there is no token", e);
    return NULL;
}

/* ---- errors ---- */

static void failure_of(const struct node *map, struct etcd_failure *ret)
{
    struct err e = ERR_INIT;
    const struct node *message = node_get(map, "message");

    if (read_i64(map, node_get(map, "code") != NULL ? "code" : "grpc_code", &ret->code, &e) < 0)
        ret->code = -1;
    if (message != NULL && message->kind == NODE_STRING)
        (void)snprintf(ret->message, sizeof(ret->message), "%.200s", message->text);
}

void etcd_failure_read(const char *text, size_t n, struct etcd_failure *ret)
{
    struct err e = ERR_INIT;
    AUTO(node) struct node *root = read_root(text, n, &e);
    const struct node *error = node_get(root, "error");

    *ret = (struct etcd_failure){.code = -1, .message = "an answer that is no error of etcd's"};
    if (root != NULL)
        failure_of(error != NULL && error->kind == NODE_MAP ? error : root, ret);
}

bool etcd_failure_of_token(const struct etcd_failure *f)
{
    return f->code == ETCD_CODE_UNAUTHENTICATED || strstr(f->message, "invalid auth token") != NULL ||
           strstr(f->message, "user name is empty") != NULL ||
           strstr(f->message, "revision of auth store is old") != NULL;
}

bool etcd_failure_for_good(const struct etcd_failure *f)
{
    return f->code == ETCD_CODE_INVALID || f->code == ETCD_CODE_DENIED ||
           f->code == ETCD_CODE_UNIMPLEMENTED || f->code == ETCD_CODE_PRECONDITION ||
           f->code == ETCD_CODE_OUT_OF_RANGE;
}

/* ---- watches ---- */

static int read_event(const struct node *event, struct etcd_kv *kv, struct err *e)
{
    const struct node *type = node_get(event, "type");
    bool deleted = type != NULL && type->kind == NODE_STRING && strcmp(type->text, "DELETE") == 0;
    int r = read_kv(node_get(event, "kv"), kv, e);

    if (deleted)
        kv->created = 0;
    return r;
}

static int read_result(const struct node *result, struct etcd_news *ret, struct err *e)
{
    const struct node *events = node_get(result, "events");
    const struct node *reason = node_get(result, "cancel_reason");
    int r;

    if (read_revision(result, &ret->revision, e) < 0 ||
        read_i64(result, "compact_revision", &ret->compacted, e) < 0 ||
        read_bool(result, "canceled", &ret->canceled, e) < 0)
        return e->code;
    if (reason != NULL && reason->kind == NODE_STRING)
        (void)snprintf(ret->failure.message, sizeof(ret->failure.message), "%.200s", reason->text);
    r = open_kvs(events, &ret->kvs, e);
    for (size_t i = 0; r == 0 && events != NULL && ret->kvs.item != NULL && i < events->count; i++) {
        ret->kvs.count++;
        r = read_event(events->item[i], &ret->kvs.item[i], e);
    }
    return r;
}

int etcd_news_read(const char *text, size_t n, struct etcd_news *ret, struct err *e)
{
    AUTO(node) struct node *root = read_root(text, n, e);
    const struct node *result = node_get(root, "result"), *error = node_get(root, "error");
    int r;

    *ret = (struct etcd_news){0};
    if (root == NULL)
        return e->code;
    if (result == NULL && error != NULL) {
        ret->failed = true;
        failure_of(error->kind == NODE_MAP ? error : root, &ret->failure);
        return 0;
    }
    if (result == NULL || result->kind != NODE_MAP)
        return wrong(root, "neither a result nor an error", e);
    r = read_result(result, ret, e);
    if (r < 0)
        etcd_news_free(ret);
    return r;
}
