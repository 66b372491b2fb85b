/*
 * answer.h - what etcd's JSON gateway answers, read strictly: whatever the bytes are, the result is a value or an error that says
 * where. Pure.
 */
#ifndef ASSIGNMENT_ETCD_ANSWER_H
#define ASSIGNMENT_ETCD_ANSWER_H

#include "base/err.h"
#include "base/strlist.h"
#include "format/node.h"

/* Keys that one answer may have. */
#define ETCD_KVS_MAX 4096

struct etcd_kv {
    char *key;   /* owned; never NULL, and has no NUL inside */
    char *value; /* owned; with a terminator; "" when only keys were asked for */
    size_t value_size;
    int64_t created, modified, lease; /* revisions; lease 0: none */
};

struct etcd_kvs {
    struct etcd_kv *item; /* owned */
    size_t count;
    bool more; /* the limit left some out */
};

void etcd_kvs_free(struct etcd_kvs *l);
#define etcd_kvs_auto etcd_kvs_free

/* The answer to anything but a watch. */
struct etcd_reply {
    struct node *root; /* owned */
    int64_t revision;  /* of the store */
    bool succeeded;    /* a transaction's conditions held */
};

void etcd_reply_free(struct etcd_reply *r);
#define etcd_reply_auto etcd_reply_free

int etcd_reply_read(const char *text, size_t n, struct etcd_reply *ret, struct err *e);

/* The keys of a range, or of the range that is number `index` among a transaction's operations; -1: the answer itself. */
int etcd_reply_kvs(const struct etcd_reply *r, int index, struct etcd_kvs *ret, struct err *e);
/* The ID of a lease, and for how many seconds it holds; 0: it has ended. */
int etcd_reply_lease(const struct etcd_reply *r, int64_t *ret_lease, int64_t *ret_seconds, struct err *e);
/* The keys that are under a lease (ETCD_PATH_TIME_TO_LIVE); appended. */
int etcd_reply_leased_keys(const struct etcd_reply *r, struct strlist *ret, struct err *e);
/* Owned by the reply; NULL with *e. */
const char *etcd_reply_token(const struct etcd_reply *r, struct err *e);

/* gRPC's codes, as far as they decide something. */
enum etcd_code {
    ETCD_CODE_OK = 0,
    ETCD_CODE_INVALID = 3,
    ETCD_CODE_NOT_FOUND = 5,
    ETCD_CODE_DENIED = 7,
    ETCD_CODE_PRECONDITION = 9,
    ETCD_CODE_OUT_OF_RANGE = 11,
    ETCD_CODE_UNIMPLEMENTED = 12,
    ETCD_CODE_UNAUTHENTICATED = 16,
};

struct etcd_failure {
    int64_t code;
    char message[256];
};

/* The body of an answer that is an error; whatever it is, something is filled in. */
void etcd_failure_read(const char *text, size_t n, struct etcd_failure *ret);
/* Whether a new token may help. */
bool etcd_failure_of_token(const struct etcd_failure *f);
/* Whether the same request could never succeed. Anything else is worth asking again. */
bool etcd_failure_for_good(const struct etcd_failure *f);

/* One line of a watch's answer. */
struct etcd_news {
    int64_t revision;
    int64_t compacted; /* what was asked for is gone; the oldest revision that is not; 0: nothing is wrong */
    bool canceled;     /* the watch has ended; `failure` says why when it is not compaction */
    bool failed;
    struct etcd_failure failure;
    struct etcd_kvs kvs; /* of events, in their order; a deleted key has no value and created == 0 */
};

void etcd_news_free(struct etcd_news *n);
#define etcd_news_auto etcd_news_free

int etcd_news_read(const char *text, size_t n, struct etcd_news *ret, struct err *e);

#endif
