/*
 * style.h - emphasis on a terminal, and nothing anywhere else.
 */
#ifndef CLI_STYLE_H
#define CLI_STYLE_H

#include <stdbool.h>
#include <stdio.h>

enum style {
    STYLE_PLAIN = 0,
    STYLE_TITLE,
    STYLE_GOOD,
    STYLE_BAD,
    STYLE_FAINT,
    STYLE_COUNT,
};

/* Whether out is a terminal that shows colours and NO_COLOR is unset (or empty). */
bool style_wanted(FILE *out);

/* Writes text in the style; as it is when `wanted` is false. */
void style_put(FILE *out, bool wanted, enum style style, const char *text);

#endif
