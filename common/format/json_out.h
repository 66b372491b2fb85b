/*
 * json_out.h - writing nested JSON straight into a buffer.
 *
 *     struct json_out w = {.out = &buf};
 *     json_out_open(&w, NULL, '{');
 *     json_out_string(&w, "name", name);
 *     json_out_close(&w, '}');
 *
 * `key` is NULL inside a list and at the root. Failures stay in the buffer (strbuf.h): check it once, at the
 * end.
 */
#ifndef FORMAT_JSON_OUT_H
#define FORMAT_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "format/node.h"

struct json_out {
    struct strbuf *out;
    bool comma; /* a value stands before the next one */
};

/* '{' or '[', and the bracket that closes it. */
void json_out_open(struct json_out *w, const char *key, char bracket);
void json_out_close(struct json_out *w, char bracket);

/* A NULL value writes nothing at all: absent. */
void json_out_string(struct json_out *w, const char *key, const char *value);
void json_out_int(struct json_out *w, const char *key, int64_t value);
void json_out_real(struct json_out *w, const char *key, double value);
/* A length of time as text: "1500ms". */
void json_out_ms(struct json_out *w, const char *key, int64_t ms);
void json_out_bool(struct json_out *w, const char *key, bool value);

/* A tree as one line of JSON, with blanks after ',' and ':' as Python's json.dumps writes them. Plain numbers
 * keep the text of the document. */
void json_out_node(struct strbuf *out, const struct node *n);

#endif
