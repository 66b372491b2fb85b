/*
 * base64.h - base64 of RFC 4648 with its padding, and bytes as hexadecimal digits.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

/* Appends the n bytes as base64. 0, or the buffer's failure. */
int base64_encode(const void *bytes, size_t n, struct strbuf *out);

/* Appends what the n characters stand for. Strict: padding complete, no blanks, no line breaks. 0, -EINVAL, or the
 * buffer's failure (-E2BIG when it is longer than out->max). */
int base64_decode(const char *text, size_t n, struct strbuf *out);

/* Writes 2n lower-case digits and a terminator to `to`. */
void hex_encode(const void *bytes, size_t n, char *to);

/* Whether s is exactly n hexadecimal digits, of either case. */
bool hex_valid(const char *s, size_t n);

#endif
