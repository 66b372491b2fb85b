/* request.c - see request.h. Numbers of 64 bits are strings in this gateway, keys and values base64. */
#include "assignment/etcd/request.h"

#include <stdio.h>
#include <string.h>

#include "assignment/etcd/keys.h"
#include "base/auto.h"
#include "base/base64.h"

static void put_bytes(struct json_out *w, const char *name, const char *bytes, size_t n)
{
    /* The alphabet of base64 needs no escapes, and ours of names neither. */
    strbuf_addf(w->out, "%s\"%s\":\"", w->comma ? "," : "", name);
    (void)base64_encode(bytes, n, w->out);
    strbuf_addch(w->out, '"');
    w->comma = true;
}

static void put_key(struct json_out *w, const char *name, const char *key)
{
    put_bytes(w, name, key, strlen(key));
}

static void put_i64(struct json_out *w, const char *name, int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%lld", (long long)value);
    json_out_string(w, name, text);
}

/* ---- transactions ---- */

static const char *const PARTS[] = {"compare", "success", "failure"};

void etcd_txn_begin(struct etcd_txn *t, struct strbuf *out)
{
    *t = (struct etcd_txn){.w = {.out = out}};
    json_out_open(&t->w, NULL, '{');
    json_out_open(&t->w, PARTS[0], '[');
}

static void part(struct etcd_txn *t, int next)
{
    json_out_close(&t->w, ']');
    t->part = next;
    json_out_open(&t->w, PARTS[next], '[');
}

void etcd_then(struct etcd_txn *t)
{
    part(t, 1);
}

void etcd_else(struct etcd_txn *t)
{
    part(t, 2);
}

void etcd_txn_end(struct etcd_txn *t)
{
    json_out_close(&t->w, ']');
    json_out_close(&t->w, '}');
}

static void compare(struct etcd_txn *t, const char *key, const char *target, const char *result,
                    const char *member, int64_t value)
{
    json_out_open(&t->w, NULL, '{');
    json_out_string(&t->w, "target", target);
    json_out_string(&t->w, "result", result);
    put_key(&t->w, "key", key);
    put_i64(&t->w, member, value);
    json_out_close(&t->w, '}');
}

void etcd_if_created(struct etcd_txn *t, const char *key, int64_t revision)
{
    compare(t, key, "CREATE", "EQUAL", "create_revision", revision);
}

void etcd_if_modified(struct etcd_txn *t, const char *key, int64_t revision)
{
    compare(t, key, "MOD", "EQUAL", "mod_revision", revision);
}

void etcd_if_exists(struct etcd_txn *t, const char *key)
{
    compare(t, key, "CREATE", "GREATER", "create_revision", 0);
}

void etcd_if_leased(struct etcd_txn *t, const char *key, int64_t lease)
{
    compare(t, key, "LEASE", "EQUAL", "lease", lease);
}

void etcd_put(struct etcd_txn *t, const char *key, const char *value, size_t n, int64_t lease)
{
    json_out_open(&t->w, NULL, '{');
    json_out_open(&t->w, "request_put", '{');
    put_key(&t->w, "key", key);
    put_bytes(&t->w, "value", value, n);
    if (lease != 0)
        put_i64(&t->w, "lease", lease);
    json_out_close(&t->w, '}');
    json_out_close(&t->w, '}');
}

static void delete_range(struct etcd_txn *t, const char *key, const char *end)
{
    json_out_open(&t->w, NULL, '{');
    json_out_open(&t->w, "request_delete_range", '{');
    put_key(&t->w, "key", key);
    if (end != NULL)
        put_key(&t->w, "range_end", end);
    json_out_close(&t->w, '}');
    json_out_close(&t->w, '}');
}

void etcd_delete(struct etcd_txn *t, const char *key)
{
    delete_range(t, key, NULL);
}

void etcd_delete_below(struct etcd_txn *t, const char *prefix)
{
    char end[ETCD_KEY_MAX];

    etcd_key_end(prefix, end);
    delete_range(t, prefix, end);
}

static void range_members(struct json_out *w, const struct etcd_range *range)
{
    char end[ETCD_KEY_MAX];

    put_key(w, "key", range->key);
    if (range->below) {
        etcd_key_end(range->key, end);
        put_key(w, "range_end", end);
    } else if (range->end != NULL) {
        put_key(w, "range_end", range->end);
    }
    if (range->limit > 0)
        put_i64(w, "limit", range->limit);
    if (range->keys_only)
        json_out_bool(w, "keys_only", true);
    if (range->descending) {
        json_out_string(w, "sort_order", "DESCEND");
        json_out_string(w, "sort_target", "KEY");
    }
    if (range->serializable)
        json_out_bool(w, "serializable", true);
}

void etcd_get_range(struct etcd_txn *t, const struct etcd_range *range)
{
    json_out_open(&t->w, NULL, '{');
    json_out_open(&t->w, "request_range", '{');
    range_members(&t->w, range);
    json_out_close(&t->w, '}');
    json_out_close(&t->w, '}');
}

void etcd_get(struct etcd_txn *t, const char *key)
{
    const struct etcd_range range = {.key = key};

    etcd_get_range(t, &range);
}

/* ---- the rest ---- */

void etcd_write_range(const struct etcd_range *range, struct strbuf *out)
{
    struct json_out w = {.out = out};

    json_out_open(&w, NULL, '{');
    range_members(&w, range);
    json_out_close(&w, '}');
}

void etcd_write_grant(int64_t seconds, struct strbuf *out)
{
    struct json_out w = {.out = out};

    json_out_open(&w, NULL, '{');
    put_i64(&w, "TTL", seconds);
    json_out_close(&w, '}');
}

void etcd_write_lease(int64_t lease, struct strbuf *out)
{
    struct json_out w = {.out = out};

    json_out_open(&w, NULL, '{');
    put_i64(&w, "ID", lease);
    json_out_close(&w, '}');
}

void etcd_write_leased_keys(int64_t lease, struct strbuf *out)
{
    struct json_out w = {.out = out};

    json_out_open(&w, NULL, '{');
    put_i64(&w, "ID", lease);
    json_out_bool(&w, "keys", true);
    json_out_close(&w, '}');
}

void etcd_write_authenticate(const char *user, const char *password, struct strbuf *out)
{
    struct json_out w = {.out = out};

    json_out_open(&w, NULL, '{');
    json_out_string(&w, "name", user);
    json_out_string(&w, "password", password);
    json_out_close(&w, '}');
}

void etcd_write_watch(const char *key, bool below, enum etcd_watched which, int64_t revision,
                      struct strbuf *out)
{
    const struct etcd_range range = {.key = key, .below = below};
    struct json_out w = {.out = out};

    json_out_open(&w, NULL, '{');
    json_out_open(&w, "create_request", '{');
    range_members(&w, &range);
    put_i64(&w, "start_revision", revision);
    json_out_bool(&w, "progress_notify", true);
    if (which != ETCD_WATCH_ALL) {
        json_out_open(&w, "filters", '[');
        json_out_string(&w, NULL, which == ETCD_WATCH_PUTS ? "NODELETE" : "NOPUT");
        json_out_close(&w, ']');
    }
    json_out_close(&w, '}');
    json_out_close(&w, '}');
}
