/* tags.c - see tags.h. */
#include "logs/tags.h"

#include <stdio.h>
#include <string.h>

size_t tagged_line_take(struct tagged_line *line, int rank, const char *bytes, size_t n)
{
    const char *newline = memchr(bytes, '\n', n);
    size_t length = newline != NULL ? (size_t)(newline - bytes) : n;
    size_t room;

    if (line->complete)
        return 0;
    if (line->used == 0)
        line->used = (size_t)snprintf(line->text, LINE_TAG_MAX, "[%d] ", rank);
    room = LINE_TAG_MAX + LINE_HELD_MAX - line->used;
    if (length > room)
        length = room;
    memcpy(line->text + line->used, bytes, length);
    line->used += length;
    if (length == n && length < room)
        return n;
    line->text[line->used++] = '\n';
    line->complete = true;
    return length < n && bytes[length] == '\n' ? length + 1 : length;
}

void tagged_line_end(struct tagged_line *line)
{
    if (line->used > 0 && !line->complete)
        line->text[line->used++] = '\n';
    line->complete = line->used > 0;
}

void tagged_line_reset(struct tagged_line *line)
{
    line->used = 0;
    line->complete = false;
}
