/*
 * request.h - bodies of requests to etcd's JSON gateway. Pure.
 *
 *     struct etcd_txn t;
 *     etcd_txn_begin(&t, &body);
 *     etcd_if_created(&t, key, epoch);      conditions, all of which must hold
 *     etcd_then(&t);
 *     etcd_put(&t, other, text, n, 0);      done when they do
 *     etcd_else(&t);                        may be left out, as may etcd_then
 *     etcd_get(&t, key);                    done when one does not
 *     etcd_txn_end(&t);
 *
 * Failures stay in the buffer (strbuf.h): check it once. A transaction must not write a key twice.
 */
#ifndef ASSIGNMENT_ETCD_REQUEST_H
#define ASSIGNMENT_ETCD_REQUEST_H

#include "format/json_out.h"

#define ETCD_PATH_RANGE        "/v3/kv/range"
#define ETCD_PATH_TXN          "/v3/kv/txn"
#define ETCD_PATH_GRANT        "/v3/lease/grant"
#define ETCD_PATH_KEEPALIVE    "/v3/lease/keepalive"
#define ETCD_PATH_TIME_TO_LIVE "/v3/lease/timetolive"
#define ETCD_PATH_REVOKE       "/v3/lease/revoke"
#define ETCD_PATH_WATCH        "/v3/watch"
#define ETCD_PATH_AUTHENTICATE "/v3/auth/authenticate"

/* A body: an assignment in base64, with room. */
#define ETCD_BODY_MAX (1400U * 1024)

struct etcd_range {
    const char *key;
    const char *end; /* exclusive; NULL: the key alone, unless `below` */
    bool below;      /* all keys that begin with `key` */
    int64_t limit;   /* 0: as many as there are */
    bool keys_only;
    bool descending;
    bool serializable; /* as the asked member knows it: cheaper, perhaps late */
};

struct etcd_txn {
    struct json_out w;
    int part; /* 0: conditions, 1: then, 2: else */
};

void etcd_txn_begin(struct etcd_txn *t, struct strbuf *out);
/* The key exists since that revision; 0: it does not exist. */
void etcd_if_created(struct etcd_txn *t, const char *key, int64_t revision);
/* It was last written at that revision; 0: it does not exist. */
void etcd_if_modified(struct etcd_txn *t, const char *key, int64_t revision);
void etcd_if_exists(struct etcd_txn *t, const char *key);
void etcd_if_leased(struct etcd_txn *t, const char *key, int64_t lease);
void etcd_then(struct etcd_txn *t);
void etcd_else(struct etcd_txn *t);
void etcd_put(struct etcd_txn *t, const char *key, const char *value, size_t n, int64_t lease);
void etcd_delete(struct etcd_txn *t, const char *key);
void etcd_delete_below(struct etcd_txn *t, const char *prefix); /* all keys that begin with it */
void etcd_get(struct etcd_txn *t, const char *key);
void etcd_get_range(struct etcd_txn *t, const struct etcd_range *range);
void etcd_txn_end(struct etcd_txn *t);

void etcd_write_range(const struct etcd_range *range, struct strbuf *out);
void etcd_write_grant(int64_t seconds, struct strbuf *out);
void etcd_write_lease(int64_t lease, struct strbuf *out); /* of keepalive and revoke */
void etcd_write_leased_keys(int64_t lease, struct strbuf *out);
void etcd_write_authenticate(const char *user, const char *password, struct strbuf *out);

enum etcd_watched {
    ETCD_WATCH_ALL = 0,
    ETCD_WATCH_PUTS,
    ETCD_WATCH_DELETES,
};

/* From that revision on. */
void etcd_write_watch(const char *key, bool below, enum etcd_watched which, int64_t revision,
                      struct strbuf *out);

#endif
