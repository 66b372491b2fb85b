/*
 * tags.h - the output of several nodes in one stream of lines: "[RANK] " before each. Pure.
 */
#ifndef LOGS_TAGS_H
#define LOGS_TAGS_H

#include <stddef.h>

#include "record/spool.h"

#define LINE_TAG_MAX 16

/* By stream: the rank + 1 whose line is not finished; 0: the last line is. Zero to begin with. */
struct line_tags {
    int open[2];
};

/*
 * How much of the node's n bytes goes out next: up to the end of its first line. In ret_before, what goes out before: the tag at the
 * beginning of a line, and a newline when another node's line is not finished; "" within its own line. n is 1 or more.
 */
size_t line_tags_next(const struct line_tags *t, enum spool_stream stream, int rank, const char *bytes,
                      size_t n, char ret_before[LINE_TAG_MAX]);

/* Those bytes have gone out. */
void line_tags_done(struct line_tags *t, enum spool_stream stream, int rank, const char *bytes, size_t n);

#endif
