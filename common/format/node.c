/* node.c - see node.h: the tree, its lookups and its positions. */
#include "format/node.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/strbuf.h"
#include "format/build.h"

/* A pointer holds keys of the document itself, so a document bounds it. */
#define POINTER_MAX (4U * DOCUMENT_BYTES_MAX)

void node_free(struct node *n)
{
    if (n == NULL)
        return;
    for (size_t i = 0; i < n->count; i++)
        node_free(n->item[i]);
    free(n->item);
    free(n->text);
    free((void *)n->key);
    free(n);
}

struct node *node_new(enum node_kind kind, int line, int column)
{
    struct node *n = calloc(1, sizeof(*n));

    if (n != NULL) {
        n->kind = kind;
        n->line = line;
        n->column = column;
    }
    return n;
}

int node_append(struct node *parent, struct node *child)
{
    /* Full at zero and at each power of two: the capacity needs no member of its own. */
    if ((parent->count & (parent->count - 1)) == 0) {
        size_t cap = parent->count == 0 ? 1 : parent->count * 2;
        struct node **grown = realloc(parent->item, cap * sizeof(struct node *));
        if (grown == NULL) {
            node_free(child);
            return -ENOMEM;
        }
        parent->item = grown;
    }
    child->parent = parent;
    child->index = parent->count;
    parent->item[parent->count++] = child;
    return 0;
}

int node_append_keyed(struct node *parent, const char *key, int key_line, int key_column, struct node *child)
{
    child->key = strdup(key);
    if (child->key == NULL) {
        node_free(child);
        return -ENOMEM;
    }
    child->key_line = key_line;
    child->key_column = key_column;
    return node_append(parent, child);
}

static int by_key_then_place(const void *a, const void *b)
{
    const struct node *x = *(const struct node *const *)a;
    const struct node *y = *(const struct node *const *)b;
    int order = strcmp(x->key, y->key);

    if (order != 0)
        return order;
    return x->index < y->index ? -1 : 1;
}

int node_find_duplicate(const struct node *map, const struct node **ret)
{
    AUTO_FREE const struct node **sorted = NULL;
    const struct node *first = NULL;

    *ret = NULL;
    if (map->count < 2)
        return 0;
    sorted = malloc(map->count * sizeof(struct node *));
    if (sorted == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < map->count; i++)
        sorted[i] = map->item[i];
    qsort(sorted, map->count, sizeof(struct node *), by_key_then_place);
    for (size_t i = 1; i < map->count; i++)
        if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0 &&
            (first == NULL || sorted[i]->index < first->index))
            first = sorted[i];
    *ret = first;
    return 0;
}

const struct node *node_get(const struct node *n, const char *key)
{
    if (n == NULL || n->kind != NODE_MAP)
        return NULL;
    for (size_t i = 0; i < n->count; i++)
        if (strcmp(n->item[i]->key, key) == 0)
            return n->item[i];
    return NULL;
}

const struct node *node_get_loose(const struct node *n, const char *key)
{
    const struct node *exact = node_get(n, key);

    if (exact != NULL || n == NULL || n->kind != NODE_MAP || key[0] == '\0')
        return exact;
    for (size_t i = 0; i < n->count; i++) {
        const char *k = n->item[i]->key;
        if (tolower((unsigned char)k[0]) == tolower((unsigned char)key[0]) && strcmp(k + 1, key + 1) == 0)
            return n->item[i];
    }
    return NULL;
}

const char *node_kind_name(enum node_kind kind)
{
    static const char *const NAMES[] = {
        [NODE_NULL] = "null",     [NODE_BOOL] = "boolean", [NODE_INT] = "integer", [NODE_REAL] = "number",
        [NODE_STRING] = "string", [NODE_SEQ] = "list",     [NODE_MAP] = "mapping",
    };

    return (unsigned)kind < ARRAY_SIZE(NAMES) ? NAMES[kind] : "unknown";
}

static void add_step(struct strbuf *out, const struct node *n)
{
    strbuf_addch(out, '/');
    if (n->key == NULL) {
        strbuf_addf(out, "%zu", n->index);
        return;
    }
    for (const char *p = n->key; *p != '\0'; p++) {
        if (*p == '~')
            strbuf_addstr(out, "~0");
        else if (*p == '/')
            strbuf_addstr(out, "~1");
        else
            strbuf_addch(out, *p);
    }
}

char *node_pointer(const struct node *n)
{
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(POINTER_MAX);
    const struct node *path[DOCUMENT_DEPTH_MAX + 1];
    size_t depth = 0;

    for (; n != NULL && n->parent != NULL && depth < ARRAY_SIZE(path); n = n->parent)
        path[depth++] = n;
    while (depth > 0)
        add_step(&out, path[--depth]);
    return strbuf_take(&out);
}

static struct diag_where place(const struct node *n, int line, int column)
{
    struct diag_where where = {.line = line, .column = column};

    if (line == 0) {
        AUTO_FREE char *pointer = node_pointer(n);
        (void)snprintf(where.pointer, sizeof(where.pointer), "%s", pointer != NULL ? pointer : "");
    }
    return where;
}

struct diag_where node_where(const struct node *n)
{
    return place(n, n->line, n->column);
}

struct diag_where node_key_where(const struct node *n)
{
    return n->key_line != 0 ? place(n, n->key_line, n->key_column) : node_where(n);
}
