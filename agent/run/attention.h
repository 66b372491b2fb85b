/*
 * attention.h - the words of the marker that keeps a node from taking runs: what of which run is left, and since when. Pure.
 *
 * A line for each: "BOOT-ID RUN WHAT". It holds during that boot alone: a restart of the machine ends whatever it was.
 */
#ifndef RUN_ATTENTION_H
#define RUN_ATTENTION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

#define ATTENTION_TEXT_MAX 4096 /* of the marker */

/* Adds a line, and drops those of another boot. Control characters in `what` become '?'. 0, or negative as strbuf has it: a
 * marker that is full stays as it is. */
int attention_add(struct strbuf *text, const char *boot, const char *run, const char *what);

/* Whether the marker holds in this boot. For people: "RUN: WHAT; RUN: WHAT", cut when it does not fit. */
bool attention_read(const char *text, const char *boot, char *ret, size_t size);

#endif
