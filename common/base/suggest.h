/*
 * suggest.h - "did you mean": the known word nearest to one that a person mistyped.
 */
#ifndef BASE_SUGGEST_H
#define BASE_SUGGEST_H

#include <stddef.h>

/* Words longer than this are never compared. */
#define SUGGEST_WORD_MAX 64

/* Edits (insert, delete, replace, swap neighbours) from a to b, capitals ignored; SUGGEST_WORD_MAX when
 * either is too long. */
size_t suggest_distance(const char *a, const char *b);

/* Keeps the best candidate so far. Zero-initialise, offer each known word, then read `best`. */
struct suggestion {
    const char *best; /* borrowed; NULL when nothing offered was near enough to be meant */
    size_t distance;
};

void suggest_offer(struct suggestion *s, const char *typed, const char *known);

#endif
