/*
 * fields.h - typed access to the members of a document, complaining at the right place. Private to this
 * folder.
 *
 * A reader carries the diagnostics and whether memory ran out, so that reading goes on after every error and
 * the result is asked for once, at the end. A member that is null counts as absent.
 */
#ifndef JOB_FIELDS_H
#define JOB_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strlist.h"
#include "format/node.h"

/* How keys may be written. */
enum key_style {
    KEYS_EXACT,
    KEYS_API,   /* OCI's: the first letter's case is ignored, as ADS writes some with a capital */
    KEYS_SNAKE, /* ADS's: snake_case is as good as camelCase */
};

struct reader {
    struct diag_list *diags;
    enum key_style style;
    size_t errors_before;
    bool no_memory;
};

struct reader reader_begin(struct diag_list *diags, enum key_style style);

/* 0, -EINVAL when errors were added since reader_begin, -ENOMEM. */
int reader_end(const struct reader *rd);

/* The member, or NULL when it is absent or null. */
const struct node *field(const struct reader *rd, const struct node *map, const char *key);

/* The member if it is of that kind; absent: NULL; another kind: an error and NULL. */
const struct node *field_map(struct reader *rd, const struct node *map, const char *key);
const struct node *field_list(struct reader *rd, const struct node *map, const char *key);

/* Each leaves *ret alone when the member is absent or wrong. A string replaces (frees) what *ret held. */
void field_string(struct reader *rd, const struct node *map, const char *key, char **ret);
/* A string, or a number as it is written. */
void field_text(struct reader *rd, const struct node *map, const char *key, char **ret);
/* Whole numbers, also as a string "100" or 100.0. */
void field_int(struct reader *rd, const struct node *map, const char *key, int64_t min, int64_t max,
               int64_t *ret);
/* A number above zero, also as a string. */
void field_real(struct reader *rd, const struct node *map, const char *key, double *ret);
void field_bool(struct reader *rd, const struct node *map, const char *key, bool *ret);
/* A list of strings (numbers as written). */
void field_strings(struct reader *rd, const struct node *map, const char *key, struct strlist *ret);
/* One of the words; index into words, or -1 when absent or wrong. */
int field_choice(struct reader *rd, const struct node *map, const char *key, const char *const *words,
                 size_t count);

/* The same for an item of the list `key`. */
int item_choice(struct reader *rd, const struct node *n, const char *key, const char *const *words,
                size_t count);

/* Reports keys of the map that are not known (as warnings; as errors for KEYS_EXACT). */
void check_keys(struct reader *rd, const struct node *map, const char *const *known, size_t count);

/* Copies into *ret, freeing what it held. */
void assign(struct reader *rd, char **ret, const char *value);

/* "expected WHAT, found KIND" at the node; names the key when it has one. */
void wrong_kind(struct reader *rd, const struct node *n, const char *what);

/* Unicode characters of UTF-8 text. */
size_t characters(const char *text);

#endif
