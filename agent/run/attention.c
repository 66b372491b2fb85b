/* attention.c - see attention.h. */
#include "run/attention.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool is_of(const char *line, const char *boot)
{
    size_t n = strlen(boot);

    return n > 0 && strncmp(line, boot, n) == 0 && (line[n] == ' ' || line[n] == '\n' || line[n] == '\0');
}

int attention_add(struct strbuf *text, const char *boot, const char *run, const char *what)
{
    size_t from;

    if (!is_of(strbuf_str(text), boot))
        strbuf_reset(text);
    from = text->len;
    if (from + strlen(boot) + strlen(run) + strlen(what) + 4 > ATTENTION_TEXT_MAX)
        return -E2BIG;
    if (strbuf_addf(text, "%s %s %s", boot, run, what) < 0)
        return text->failed;
    for (size_t i = from; i < text->len; i++)
        if ((unsigned char)text->data[i] < ' ' || text->data[i] == '\x7f')
            text->data[i] = '?';
    return strbuf_addstr(text, "\n");
}

/* "RUN WHAT" of n bytes, as "RUN: WHAT". */
static void put(const char *words, size_t n, char *ret, size_t size)
{
    const char *blank = memchr(words, ' ', n);
    size_t run = blank != NULL ? (size_t)(blank - words) : n;
    size_t used = strlen(ret);

    (void)snprintf(ret + used, size - used, "%s%.*s%s%.*s", used > 0 ? "; " : "", (int)run, words,
                   run + 1 < n ? ": " : "", run + 1 < n ? (int)(n - run - 1) : 0, words + run + 1);
}

bool attention_read(const char *text, const char *boot, char *ret, size_t size)
{
    ret[0] = '\0';
    if (!is_of(text, boot))
        return false;
    while (is_of(text, boot)) {
        size_t n = strcspn(text, "\n"), head = strlen(boot) + 1;
        if (n > head)
            put(text + head, n - head, ret, size);
        text += n + (text[n] == '\n');
    }
    return true;
}
