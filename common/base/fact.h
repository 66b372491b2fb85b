/*
 * fact.h - one fact: a flat JSON object on one line.
 *
 * It is the one encoding of everything that runlet's own programs tell each other or leave on disk: journals,
 * the exit record, the plan, messages. Values are strings, 64-bit integers and booleans; nothing nests. It
 * needs no JSON library, so the privileged supervisor can read it; people read it with less and jq.
 *
 *     {"t":"2026-11-24T06:01:43.123Z","event":"launched","pid":4711}
 *
 * The reader is strict: UTF-8, no duplicate keys, no other types, no text after the object.
 */
#ifndef BASE_FACT_H
#define BASE_FACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/strbuf.h"

enum fact_type {
    FACT_STRING,
    FACT_INT,
    FACT_BOOL,
};

struct fact_member {
    char *key; /* owned */
    enum fact_type type;
    char *string;  /* owned; FACT_STRING */
    int64_t value; /* FACT_INT, FACT_BOOL (0 or 1) */
};

struct fact {
    struct fact_member member[FACT_MEMBERS_MAX];
    size_t count;
};

void fact_free(struct fact *f);
#define fact_auto fact_free

/* Reads one object from the n bytes at text; a final newline is allowed. On failure *f is empty, the code is
 * -EBADMSG (or -ENOMEM, -E2BIG) and the error says at which byte. */
int fact_decode(const char *text, size_t n, struct fact *f, struct err *e);

/* Looks a member up. Each returns false when the key is missing or of another type, leaving *ret alone. The
 * string is owned by the fact. */
bool fact_string(const struct fact *f, const char *key, const char **ret);
bool fact_int(const struct fact *f, const char *key, int64_t *ret);
bool fact_bool(const struct fact *f, const char *key, bool *ret);

/* The string, or "" when missing. */
const char *fact_str(const struct fact *f, const char *key);

/*
 * Writing. A fact is written straight into a buffer:
 *
 *     struct fact_writer w = fact_begin(&line);
 *     fact_put_string(&w, "event", "launched");
 *     fact_put_int(&w, "pid", pid);
 *     r = fact_end(&w);                 appends "}\n"; 0, -E2BIG or -ENOMEM
 *
 * Strings must be UTF-8; bytes that are not are written as U+FFFD, so that a line is always readable.
 */
struct fact_writer {
    struct strbuf *out;
    bool first;
};

struct fact_writer fact_begin(struct strbuf *out);
void fact_put_string(struct fact_writer *w, const char *key, const char *value);
void fact_put_int(struct fact_writer *w, const char *key, int64_t value);
void fact_put_bool(struct fact_writer *w, const char *key, bool value);
int fact_end(struct fact_writer *w);

/* Appends value as a JSON string with its quotes. */
void json_put_string(struct strbuf *out, const char *value, size_t n);

#endif
