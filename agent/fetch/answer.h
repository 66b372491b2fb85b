/*
 * answer.h - the head of an HTTP answer, and what it means for bytes that are there already. Pure.
 */
#ifndef FETCH_ANSWER_H
#define FETCH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define VALIDATOR_MAX 256
#define MD5_HEX_BYTES 33

/* What tells one version of an object from another. */
struct validator {
    char etag[VALIDATOR_MAX];          /* with its quotes; "" : none */
    char last_modified[VALIDATOR_MAX]; /* "": none */
};

struct answer {
    long status;
    struct validator validator;
    int64_t length;          /* of the body; -1: not said */
    bool chunked;            /* the body says itself where it ends */
    int64_t range_from;      /* of Content-Range; -1: none */
    int64_t range_total;     /* -1: none, or not known to the server */
    char md5[MD5_HEX_BYTES]; /* of the whole object, as the server has it; "": not said */
    bool etag_opaque;        /* the server says that it encrypts: an ETag that looks like an MD5 is none */
    int64_t after_ms;        /* Retry-After; -1: none */
};

/* Takes one line of the head. A status line begins a new answer: what came before was an interim one. */
void answer_line(struct answer *a, const char *line, size_t n, wall_ms_t now);

/* Whether the answer is known to say where its body ends: otherwise a body that was cut looks like a whole one. */
bool answer_ends(const struct answer *a);

/* The MD5 of the whole object that a complete answer (200) promises: Content-MD5, else an ETag of S3's that is one. ""
 * when there is none. */
void answer_md5(const struct answer *a, bool s3, char ret[MD5_HEX_BYTES]);

/* Whether a part of this version can be continued: by an ETag that is not weak, else by a date. */
bool validator_strong(const struct validator *v);

/* What becomes of `have` bytes of the version `known` (validator and total length, -1: unknown) now that this answer
 * has come to a request for the rest (have > 0) or for the whole. */
enum answer_use {
    ANSWER_APPEND,  /* the body goes on where the bytes end */
    ANSWER_REPLACE, /* the body is the whole object */
    ANSWER_WHOLE,   /* all bytes are there already */
    ANSWER_RESTART, /* the bytes are of no use: ask for the whole */
    ANSWER_CURRENT, /* not modified */
    ANSWER_ERROR,   /* neither */
};
enum answer_use answer_use(const struct answer *a, int64_t have, const struct validator *known,
                           int64_t known_total);

#endif
