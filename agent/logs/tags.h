/*
 * tags.h - the output of several nodes as one: line by line, "[RANK] " before each. Pure.
 *
 * A line is held until it is complete, so that no other node's stands in its middle. One longer than LINE_HELD_MAX is shown in parts.
 */
#ifndef LOGS_TAGS_H
#define LOGS_TAGS_H

#include <stdbool.h>
#include <stddef.h>

#define LINE_HELD_MAX 4096
#define LINE_TAG_MAX  16

/* One stream of one node. Zero to begin with. */
struct tagged_line {
    char text[LINE_TAG_MAX + LINE_HELD_MAX + 1];
    size_t used;
    bool complete; /* text[0 .. used) goes out; then the line is to be reset */
};

/* Takes bytes of the node up to the end of a line; not when one is complete. Returns how many: 1 or more when n is. */
size_t tagged_line_take(struct tagged_line *line, int rank, const char *bytes, size_t n);

/* Nothing more comes: what is held is complete. */
void tagged_line_end(struct tagged_line *line);

void tagged_line_reset(struct tagged_line *line);

#endif
