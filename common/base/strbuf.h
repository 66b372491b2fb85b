/*
 * strbuf.h - a growing byte buffer with a stated maximum.
 *
 * Every buffer says at creation how large it may become. The first append that fails (no memory, or over the
 * maximum) makes the buffer fail for good: later appends do nothing, so that a series of appends needs one
 * check at its end. The content is always NUL-terminated, though it may hold NULs itself.
 */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stdarg.h>
#include <stddef.h>

struct strbuf {
    char *data; /* owned; NULL while empty */
    size_t len;
    size_t cap;
    size_t max; /* bytes of content, without the terminator */
    int failed; /* 0, -ENOMEM or -E2BIG */
};

#define STRBUF_INIT(max_bytes)                                                                               \
    (struct strbuf)                                                                                          \
    {                                                                                                        \
        .max = (max_bytes)                                                                                   \
    }

void strbuf_free(struct strbuf *b);
#define strbuf_auto strbuf_free

/* Empties the buffer, keeps its memory, clears a failure. */
void strbuf_reset(struct strbuf *b);

/* Each append returns 0, or the buffer's failure. */
int strbuf_add(struct strbuf *b, const void *bytes, size_t n);
int strbuf_addstr(struct strbuf *b, const char *s);
int strbuf_addch(struct strbuf *b, char c);
int strbuf_addf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int strbuf_vaddf(struct strbuf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Removes the first n bytes (all when n is larger). */
void strbuf_consume(struct strbuf *b, size_t n);

/* The content as a C string; "" while empty. Owned by the buffer. */
const char *strbuf_str(const struct strbuf *b);

/* Hands the content over as a malloc'd C string and empties the buffer. NULL if the buffer failed. */
char *strbuf_take(struct strbuf *b);

#endif
