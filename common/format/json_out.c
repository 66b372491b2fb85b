/* json_out.c - see json_out.h. */
#include "format/json_out.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fact.h"

static void put_key(struct json_out *w, const char *key)
{
    if (w->comma)
        strbuf_addch(w->out, ',');
    w->comma = true;
    if (key != NULL) {
        json_put_string(w->out, key, strlen(key));
        strbuf_addch(w->out, ':');
    }
}

void json_out_open(struct json_out *w, const char *key, char bracket)
{
    put_key(w, key);
    strbuf_addch(w->out, bracket);
    w->comma = false;
}

void json_out_close(struct json_out *w, char bracket)
{
    strbuf_addch(w->out, bracket);
    w->comma = true;
}

void json_out_string(struct json_out *w, const char *key, const char *value)
{
    if (value == NULL)
        return;
    put_key(w, key);
    json_put_string(w->out, value, strlen(value));
}

void json_out_int(struct json_out *w, const char *key, int64_t value)
{
    put_key(w, key);
    strbuf_addf(w->out, "%lld", (long long)value);
}

void json_out_real(struct json_out *w, const char *key, double value)
{
    put_key(w, key);
    strbuf_addf(w->out, "%.17g", value);
}

void json_out_bool(struct json_out *w, const char *key, bool value)
{
    put_key(w, key);
    strbuf_addstr(w->out, value ? "true" : "false");
}

/* Whether the text is a number in JSON's own grammar: no '+', no leading zeros, no bare dots, no 0x. */
static bool json_number(const char *text)
{
    const char *p = text + (*text == '-');

    if (*p == '0' && isdigit((unsigned char)p[1]))
        return false;
    if (!isdigit((unsigned char)*p))
        return false;
    while (isdigit((unsigned char)*p))
        p++;
    if (*p == '.') {
        if (!isdigit((unsigned char)*++p))
            return false;
        while (isdigit((unsigned char)*p))
            p++;
    }
    if (*p == 'e' || *p == 'E') {
        p += 1 + (p[1] == '+' || p[1] == '-');
        if (!isdigit((unsigned char)*p))
            return false;
        while (isdigit((unsigned char)*p))
            p++;
    }
    return *p == '\0';
}

static void put_scalar(struct strbuf *out, const struct node *n)
{
    bool number = n->kind == NODE_INT || n->kind == NODE_REAL;

    if (n->kind == NODE_NULL)
        strbuf_addstr(out, "null");
    else if (n->kind == NODE_BOOL)
        strbuf_addstr(out, n->integer != 0 ? "true" : "false");
    else if (number && json_number(n->text))
        strbuf_addstr(out, n->text);
    else if (n->kind == NODE_REAL && isfinite(n->real))
        strbuf_addf(out, "%.17g", n->real);
    else if (n->kind == NODE_INT)
        strbuf_addf(out, "%lld", (long long)n->integer);
    else
        json_put_string(out, n->text, strlen(n->text));
}

void json_out_node(struct strbuf *out, const struct node *n)
{
    bool map = n->kind == NODE_MAP;

    if (!map && n->kind != NODE_SEQ) {
        put_scalar(out, n);
        return;
    }
    strbuf_addch(out, map ? '{' : '[');
    for (size_t i = 0; i < n->count; i++) {
        if (i > 0)
            strbuf_addstr(out, ", ");
        if (map) {
            json_put_string(out, n->item[i]->key, strlen(n->item[i]->key));
            strbuf_addstr(out, ": ");
        }
        json_out_node(out, n->item[i]);
    }
    strbuf_addch(out, map ? '}' : ']');
}

void json_out_ms(struct json_out *w, const char *key, int64_t ms)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%lldms", (long long)ms);
    json_out_string(w, key, text);
}
