/*
 * parse.h - strict readers for numbers, lengths of time, sizes and names.
 *
 * All of them take the whole string or refuse it (-EINVAL; -ERANGE when out of bounds): no leading blanks, no
 * trailing text, no octal, no locale. The result is untouched on failure.
 */
#ifndef BASE_PARSE_H
#define BASE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

/* Decimal integer with optional '-'. */
int parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret);

/* Decimal integer without sign. */
int parse_u64(const char *s, uint64_t max, uint64_t *ret);

/* The decimal digits that s begins with; *ret_end is what follows them. -EINVAL when there are none. */
int parse_leading_u64(const char *s, uint64_t *ret, const char **ret_end);

/* Whole number and a unit: "500ms", "90s", "5m", "2h", "30d". "0" alone is accepted. Result in milliseconds.
 */
int parse_duration_ms(const char *s, int64_t *ret);

/* Bytes: "4096", "512K", "64M", "16G", "2T" (powers of 1024; an optional "iB" may follow the letter). */
int parse_size(const char *s, uint64_t *ret);

/* "true" / "false" only. */
int parse_bool(const char *s, bool *ret);

/* Whether the n bytes at s are well-formed UTF-8 (no surrogates, no overlong forms). */
bool utf8_valid(const char *s, size_t n);

/* Whether s can be a run id: [A-Za-z0-9][A-Za-z0-9._-]*, 1..200 bytes. */
bool run_id_valid(const char *s);

#define RUN_RANK_MAX    999
#define RUN_ATTEMPT_MAX 999

/* One execution of a run on this node, by the name that its folders have: ID, for a node of several ID+RANK, and for an attempt
 * after the first with ~ATTEMPT behind it. */
struct run_name {
    char id[RUN_ID_BYTES];
    int rank;    /* -1: the run is of one node */
    int attempt; /* 1 for the first */
};

bool run_name_parse(const char *name, struct run_name *ret);
bool run_name_valid(const char *name);
void run_name_format(const struct run_name *name, char ret[RUN_ID_BYTES]);

/* Whether s is a plain file name: not empty, not "." or "..", no '/', at most 255 bytes, no control
 * characters. */
bool file_name_valid(const char *s);

#endif
