/*
 * transfer.h - HTTP requests on the loop, any number at a time: the body comes in pieces, nothing waits.
 *
 * One request, one answer: redirects, retries and what a status means are the caller's. TLS is verified. Proxies are
 * taken from the environment, as curl does.
 */
#ifndef IO_TRANSFER_H
#define IO_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strlist.h"
#include "io/loop.h"

struct transfers; /* what all requests of a loop share: connections are kept and used again */
struct transfer;

/* The caller owns it and frees it before the loop. NULL with *e. */
struct transfers *transfers_new(struct loop *l, struct err *e);
/* Ends what is under way, without a callback. NULL is fine. */
void transfers_free(struct transfers *t);

enum transfer_end {
    TRANSFER_COMPLETE = 0, /* the whole answer came, whatever its status */
    TRANSFER_REFUSED,      /* a callback wanted no more */
    TRANSFER_CUT,          /* the connection ended in the middle of the answer */
    TRANSFER_STALLED,      /* too slow for too long */
    TRANSFER_UNREACHABLE,  /* no connection, or one that broke before an answer */
    TRANSFER_DISTRUSTED,   /* the server's certificate is not good, or the CA file is none */
    TRANSFER_IMPOSSIBLE,   /* asking again would change nothing */
};

struct transfer_request {
    const char *method; /* NULL: GET */
    const char *url;
    const void *body; /* copied; NULL: none */
    size_t body_size;
    const struct strlist *headers; /* "Name: value"; may be NULL; copied */
    const char *ca_file;           /* NULL: the system's */
    const char *client_cert;       /* PEM file that this side proves itself with; NULL: none */
    const char *client_key;        /* of client_cert */
    const char *aws_sigv4;         /* "aws:amz:REGION:s3": signed with user_password; NULL: not */
    const char *user_password;     /* "key:secret" */
    int64_t connect_ms;            /* the longest that connecting may take */
    int64_t stall_ms;              /* ended when less than stall_bytes a second came for that long */
    int64_t stall_bytes;
    int64_t total_ms; /* the longest that the whole may take; 0: any time */
    bool direct;      /* never by a proxy */
    bool metadata;    /* whether link-local addresses and other metadata services may be connected to */
};

struct transfer_result {
    enum transfer_end end;
    long status;          /* HTTP status; 0: there was none */
    const char *location; /* where a redirect leads, absolute; NULL: nowhere */
    const char *reason;   /* for people when end is not COMPLETE; shows no URL */
};

struct transfer_events {
    /* One line of the answer's head, without its end; status lines too. May be NULL. */
    void (*header)(void *context, const char *line, size_t n);
    /* Part of the body, at most some hundred kilobytes. Negative ends the transfer as REFUSED. */
    int (*bytes)(void *context, const void *bytes, size_t n);
    /* The last callback. The transfer is gone when it is called. */
    void (*done)(void *context, const struct transfer_result *result);
    void *context;
};

/* Whether this libcurl can sign for S3. */
bool transfer_can_sign_s3(void);

/* Starts a request. NULL with *e. Callbacks come from the loop, never from inside this function. */
struct transfer *transfer_start(struct transfers *t, const struct transfer_request *request,
                                const struct transfer_events *events, struct err *e);

/* Ends it now: no further callback. Not from inside one of its own callbacks. */
void transfer_stop(struct transfer *t);

#endif
