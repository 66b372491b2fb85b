/*
 * download_state.h - a download's own state, for the files that drive it. Private to this folder.
 */
#ifndef FETCH_DOWNLOAD_STATE_H
#define FETCH_DOWNLOAD_STATE_H

#include "base/uri.h"
#include "fetch/answer.h"
#include "fetch/digest.h"
#include "fetch/download.h"
#include "io/worker.h"

#define ERROR_BODY_MAX 2048

struct download {
    struct fetcher *fetcher; /* borrowed */
    struct download_hooks hooks;
    struct uri uri; /* owned */
    char *url;      /* owned: where the next request goes; NULL: not known yet */
    char *bearer;   /* owned; NULL: none */
    char want_sha256[SHA256_HEX_BYTES], want_md5[MD5_HEX_BYTES]; /* "" : not known */
    char key[SHA256_HEX_BYTES];                                  /* of the partial file */
    char known_key[SHA256_HEX_BYTES];                            /* of what the URI led to */
    struct progress progress;
    struct loop_timer *timer; /* owned */
    void (*on_timer)(struct download *d);
    bool stopped; /* nobody listens; freed when the worker comes back */
    bool busy;    /* the worker has it */
    bool waited;  /* another run had the lock */
    wall_ms_t began;

    /* The partial file. */
    int fd; /* owned, locked; -1: not yet */
    struct partial about;
    uint64_t have; /* bytes in it, all of them in the digest */
    struct digest *digest;
    struct cache_known known; /* what a former download got; used when has_known */
    bool has_known;
    bool ignore_known;          /* it is not what is wanted */
    struct cache_object object; /* the result */

    /* Attempts. */
    struct transfer *transfer;
    struct answer answer;
    enum answer_use use;
    bool decided; /* `use` holds for this answer */
    bool foreign; /* a redirect led to another host: no credentials */
    int redirects;
    int64_t failures; /* in a row without a new byte */
    uint64_t best;    /* the most bytes there ever were */
    boot_ms_t failing_since;
    bool mismatched;               /* it was begun anew once because of a wrong digest */
    char reason[256];              /* why the attempt before failed; "": it did not */
    struct err refusal;            /* why a callback ended the transfer */
    char body[ERROR_BODY_MAX + 1]; /* of an error */
    size_t body_len;

    /* The worker's. */
    int source_fd; /* owned: of a file: URI, or of an object being checked; -1 */
    bool source_ended;
};

/* ---- download.c ---- */

/* Looks for it from the beginning. */
void download_begin(struct download *d);

/* Ends it with an object, or with an error. The download is gone afterwards. */
void download_done(struct download *d, enum download_from from);
void download_fail(struct download *d, const struct err *e);

/* Calls back after ms. */
void download_later(struct download *d, int64_t ms, void (*call)(struct download *d));

/* Lets the worker do it. */
void download_work(struct download *d, worker_call call, worker_done done);

/* Whether the worker came back to a download that nobody wants any more; it is gone then. */
bool download_came_back(struct download *d);

/* The object is in the cache: uses it, after a look at its bytes when the node wants that. */
void download_hit(struct download *d);

/* All bytes are here: verifies and commits. */
void download_complete(struct download *d);

/* Forgets the bytes that are here. 0 or -errno. */
int download_drop(struct download *d);

/* The bytes begin anew or go on with `n` more. Returns negative with d->refusal. */
int download_take(struct download *d, const void *bytes, size_t n);

/* The next attempt after a failure, or the end. */
void download_retry(struct download *d, const char *reason, int64_t after_ms, enum blame blame);

/* ---- the kinds of sources ---- */

/* download_http.c */
void download_ask(struct download *d);
/* download_copy.c: a file: URI; bytes that are here already; an object of the cache. */
void download_copy(struct download *d);
void download_reread(struct download *d);
void download_check(struct download *d);

#endif
