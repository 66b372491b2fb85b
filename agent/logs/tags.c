/* tags.c - see tags.h. */
#include "logs/tags.h"

#include <stdio.h>
#include <string.h>

static int *slot(struct line_tags *t, enum spool_stream stream)
{
    return &t->open[stream == SPOOL_STDERR];
}

size_t line_tags_next(const struct line_tags *t, enum spool_stream stream, int rank, const char *bytes,
                      size_t n, char ret_before[LINE_TAG_MAX])
{
    const char *newline = memchr(bytes, '\n', n);
    int open = t->open[stream == SPOOL_STDERR];

    ret_before[0] = '\0';
    if (open != rank + 1)
        (void)snprintf(ret_before, LINE_TAG_MAX, "%s[%d] ", open != 0 ? "\n" : "", rank);
    return newline != NULL ? (size_t)(newline - bytes) + 1 : n;
}

void line_tags_done(struct line_tags *t, enum spool_stream stream, int rank, const char *bytes, size_t n)
{
    if (n > 0)
        *slot(t, stream) = bytes[n - 1] == '\n' ? 0 : rank + 1;
}
