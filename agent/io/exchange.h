/*
 * exchange.h - one HTTP request whose answer fits into memory: for services that speak JSON.
 */
#ifndef IO_EXCHANGE_H
#define IO_EXCHANGE_H

#include "io/transfer.h"

#define EXCHANGE_ETAG_MAX 256

/* The texts are valid during the call. */
struct exchange_answer {
    enum transfer_end end; /* TRANSFER_REFUSED: the body was longer than it may be */
    long status;           /* HTTP status; 0: there was none */
    const char *body;      /* NUL-terminated */
    size_t body_size;
    const char *reason;           /* for people when end is not COMPLETE */
    char etag[EXCHANGE_ETAG_MAX]; /* with its quotes; "": none */
    int64_t after_ms;             /* Retry-After; -1: none, or a date */
    char date[64];                /* Date, as the server wrote it; "": none */
    bool json;                    /* Content-Type says so */
};

struct exchange;

typedef void (*exchange_done)(void *context, const struct exchange_answer *answer);

/* Starts it. `done` comes once, from the loop, unless it is stopped before. body_max: bytes of the answer's body that are taken.
 * NULL with *e. */
struct exchange *exchange_start(struct transfers *t, const struct transfer_request *request, size_t body_max,
                                exchange_done done, void *context, struct err *e);

/* Ends it now: `done` does not come. Not from inside `done`. NULL is fine. */
void exchange_stop(struct exchange *x);

#endif
