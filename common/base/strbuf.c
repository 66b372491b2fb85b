/* strbuf.c - see strbuf.h. */
#include "base/strbuf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void strbuf_free(struct strbuf *b)
{
    free(b->data);
    b->data = NULL;
    b->len = 0;
    b->cap = 0;
}

void strbuf_reset(struct strbuf *b)
{
    b->len = 0;
    b->failed = 0;
    if (b->data != NULL)
        b->data[0] = '\0';
}

static int reserve(struct strbuf *b, size_t more)
{
    size_t want, cap;
    char *grown;

    if (b->failed != 0)
        return b->failed;
    if (more > b->max || b->len > b->max - more)
        return b->failed = -E2BIG;
    want = b->len + more + 1;
    if (want <= b->cap)
        return 0;
    cap = b->cap < 64 ? 64 : b->cap;
    while (cap < want)
        cap *= 2;
    grown = realloc(b->data, cap);
    if (grown == NULL)
        return b->failed = -ENOMEM;
    b->data = grown;
    b->cap = cap;
    return 0;
}

int strbuf_add(struct strbuf *b, const void *bytes, size_t n)
{
    int r = reserve(b, n);

    if (r < 0)
        return r;
    if (n > 0)
        memcpy(b->data + b->len, bytes, n);
    b->len += n;
    b->data[b->len] = '\0';
    return 0;
}

int strbuf_addstr(struct strbuf *b, const char *s)
{
    return strbuf_add(b, s, strlen(s));
}

int strbuf_addch(struct strbuf *b, char c)
{
    return strbuf_add(b, &c, 1);
}

int strbuf_vaddf(struct strbuf *b, const char *fmt, va_list ap)
{
    va_list again;
    int n, r;

    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0)
        return b->failed = -EINVAL;
    r = reserve(b, (size_t)n);
    if (r < 0)
        return r;
    (void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
    b->len += (size_t)n;
    return 0;
}

int strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
    va_list ap;
    int r;

    va_start(ap, fmt);
    r = strbuf_vaddf(b, fmt, ap);
    va_end(ap);
    return r;
}

void strbuf_consume(struct strbuf *b, size_t n)
{
    if (n >= b->len) {
        b->len = 0;
    } else {
        memmove(b->data, b->data + n, b->len - n);
        b->len -= n;
    }
    if (b->data != NULL)
        b->data[b->len] = '\0';
}

const char *strbuf_str(const struct strbuf *b)
{
    return b->data != NULL ? b->data : "";
}

char *strbuf_take(struct strbuf *b)
{
    char *s;

    if (b->failed != 0) {
        strbuf_free(b);
        return NULL;
    }
    s = b->data != NULL ? b->data : strdup("");
    b->data = NULL;
    b->len = 0;
    b->cap = 0;
    return s;
}
