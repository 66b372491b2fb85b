/*
 * download.h - one object, from wherever its URI says, into the cache: resumed after a broken transfer, verified, and
 * fetched once when several want it.
 *
 *   look in the cache --> lock the partial file --> take up what is there --> ask (again, with a wait) --> verify --> commit
 */
#ifndef FETCH_DOWNLOAD_H
#define FETCH_DOWNLOAD_H

#include "base/err.h"
#include "fetch/cache.h"
#include "fetch/progress.h"
#include "fetch/settings.h"
#include "io/loop.h"
#include "io/transfer.h"

/* What all downloads of an agent share. */
struct fetcher {
    struct loop *loop;           /* borrowed */
    struct transfers *transfers; /* owned */
    struct fetch_settings settings;
    struct cache cache;       /* owned */
    struct err cache_problem; /* why it could not be opened; code 0: it is */
};

#define FETCHER_INIT                                                                                         \
    {                                                                                                        \
        .cache = CACHE_INIT                                                                                  \
    }

/* Opens the cache in the folder `cache_path`; without it, only downloads fail. 0 or negative with *e. */
int fetcher_open(struct fetcher *f, struct loop *loop, const struct fetch_settings *settings,
                 const char *cache_path, struct err *e);
/* Ends what is under way on the network: before the loop is freed. */
void fetcher_stop(struct fetcher *f);
/* After the loop was freed: nothing reads or writes the cache any more. */
void fetcher_close(struct fetcher *f);

/* Removes from the cache what is too much, on a thread of its own. */
void fetcher_evict(struct fetcher *f);

struct download;

struct download_want {
    const char *uri;
    const char *sha256; /* hexadecimal; NULL: not known */
    const char *md5;    /* hexadecimal; NULL: not known */
    const char *bearer; /* token for http(s); NULL: none */
};

enum download_from {
    DOWNLOAD_CACHED = 0, /* it was here, or another run fetched it */
    DOWNLOAD_FETCHED,
};

struct download_hooks {
    /* The transfer goes on after it broke: from `offset`, because of `reason`. */
    void (*resumed)(void *context, int64_t attempt, int64_t offset, const char *reason);
    /* The last callback. object is NULL when it failed, with *e; then e->text names neither source nor artifact. */
    void (*done)(void *context, const struct cache_object *object, enum download_from from,
                 const struct err *e);
    void *context;
};

/* Starts it; the strings are copied. NULL with *e when the URI is none. Callbacks come from the loop, never from inside
 * this function. After `done` the download is gone. */
struct download *download_start(struct fetcher *f, const struct download_want *want,
                                const struct download_hooks *hooks, struct err *e);

/* Ends it now: no further callback. What is here stays for the next one. NULL is fine. */
void download_stop(struct download *d);

/* Where it is. Borrowed, changes as it goes. */
struct progress *download_progress(struct download *d);

#endif
