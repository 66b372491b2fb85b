/* json.c - see read.h: JSON by jansson, turned into the node tree. */
#include "format/read.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "format/build.h"

struct json_walk {
    struct diag_list *diags;
    size_t nodes;
    bool failed; /* a diagnostic was given, or there is no memory: the tree is not used */
};

static void give_up(struct json_walk *w, const struct node *at, const char *why)
{
    if (!w->failed)
        diag_error(w->diags, at != NULL ? node_where(at) : (struct diag_where){0}, "%s", why);
    w->failed = true;
}

static enum node_kind kind_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: return NODE_MAP;
    case JSON_ARRAY: return NODE_SEQ;
    case JSON_STRING: return NODE_STRING;
    case JSON_INTEGER: return NODE_INT;
    case JSON_REAL: return NODE_REAL;
    case JSON_TRUE:
    case JSON_FALSE: return NODE_BOOL;
    case JSON_NULL: break;
    }
    return NODE_NULL;
}

static char *canonical_text(const json_t *value)
{
    char number[40];

    switch (json_typeof(value)) {
    case JSON_STRING: return strdup(json_string_value(value));
    case JSON_TRUE: return strdup("true");
    case JSON_FALSE: return strdup("false");
    case JSON_NULL: return strdup("null");
    case JSON_INTEGER:
        (void)snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
        return strdup(number);
    case JSON_REAL:
        /* The shortest form that reads back as the same number. */
        for (int digits = 15; digits <= 17; digits++) {
            (void)snprintf(number, sizeof(number), "%.*g", digits, json_real_value(value));
            if (strtod(number, NULL) == json_real_value(value))
                break;
        }
        return strdup(number);
    case JSON_OBJECT:
    case JSON_ARRAY: break;
    }
    return NULL;
}

static struct node *convert(struct json_walk *w, const json_t *value, const struct node *parent,
                            unsigned depth);

static void convert_children(struct json_walk *w, const json_t *value, struct node *n, unsigned depth)
{
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value) && !w->failed; i++) {
            struct node *child = convert(w, json_array_get(value, i), n, depth + 1);
            if (child != NULL && node_append(n, child) < 0)
                give_up(w, n, "out of memory");
        }
    } else if (json_is_object(value)) {
        const char *key;
        json_t *member;
        json_object_foreach((json_t *)value, key, member)
        {
            struct node *child = w->failed ? NULL : convert(w, member, n, depth + 1);
            if (child != NULL && node_append_keyed(n, key, 0, 0, child) < 0)
                give_up(w, n, "out of memory");
        }
    }
}

static struct node *convert(struct json_walk *w, const json_t *value, const struct node *parent,
                            unsigned depth)
{
    struct node *n;

    if (depth > DOCUMENT_DEPTH_MAX || ++w->nodes > DOCUMENT_NODES_MAX) {
        give_up(w, parent,
                depth > DOCUMENT_DEPTH_MAX ? "nested too deep" : "too many values in the document");
        return NULL;
    }
    n = node_new(kind_of(value), 0, 0);
    if (n == NULL) {
        give_up(w, parent, "out of memory");
        return NULL;
    }
    n->integer = json_is_boolean(value) ? json_is_true(value) : json_integer_value(value);
    n->real = json_real_value(value);
    if (n->kind == NODE_INT)
        n->real = (double)n->integer;
    n->quoted = n->kind == NODE_STRING;
    n->text = canonical_text(value);
    if (n->text == NULL && n->kind != NODE_SEQ && n->kind != NODE_MAP)
        give_up(w, parent, "out of memory");
    convert_children(w, value, n, depth);
    return n;
}

struct node *json_read(const char *text, size_t n, struct diag_list *diags)
{
    struct json_walk walk = {.diags = diags};
    struct node *root;
    json_error_t error;
    json_t *value;

    if (n > DOCUMENT_BYTES_MAX) {
        diag_error(diags, (struct diag_where){0}, "a document of %zu bytes is over the limit of %u", n,
                   DOCUMENT_BYTES_MAX);
        return NULL;
    }
    value = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (value == NULL) {
        struct diag_where where = {.line = error.line > 0 ? error.line : 1,
                                   .column = error.column > 0 ? error.column : 1};
        diag_error(diags, where, "not valid JSON: %s", error.text);
        return NULL;
    }
    root = convert(&walk, value, NULL, 1);
    json_decref(value);
    if (walk.failed) {
        node_free(root);
        return NULL;
    }
    return root;
}
