/*
 * node.h - a document (JSON or YAML) as one tree of typed nodes that know where they stand.
 *
 * Readers of job documents and configuration are written once over this tree. Positions: YAML nodes have line
 * and column; JSON nodes have a JSON pointer (jansson gives positions for syntax errors only, and those carry
 * line and column). Size, depth and number of nodes are capped (base/limits.h); duplicate keys are refused.
 */
#ifndef FORMAT_NODE_H
#define FORMAT_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "format/diag.h"

enum node_kind {
    NODE_NULL,
    NODE_BOOL,
    NODE_INT,
    NODE_REAL,
    NODE_STRING,
    NODE_SEQ,
    NODE_MAP,
};

struct node {
    enum node_kind kind;
    int line, column;          /* 1-based; 0 when unknown (JSON values) */
    const struct node *parent; /* NULL at the root */
    const char *key;           /* owned; the key under which a map holds this node; NULL otherwise */
    int key_line, key_column;
    size_t index;       /* position in the parent */
    char *text;         /* owned; scalars: the text as written (YAML) or its canonical form (JSON) */
    bool quoted;        /* YAML scalar written with quotes or as a block: always a string */
    int64_t integer;    /* NODE_INT; NODE_BOOL: 0 or 1 */
    double real;        /* NODE_REAL */
    struct node **item; /* owned; NODE_SEQ and NODE_MAP, in document order */
    size_t count;
};

/* Frees the node and everything below. NULL is fine. */
void node_free(struct node *n);
static inline void node_auto(struct node **n)
{
    node_free(*n);
}

/* The value under key in a map, or NULL (also when n is NULL or not a map). */
const struct node *node_get(const struct node *n, const char *key);

/* As node_get, ignoring the case of the key's first letter: ADS writes some keys of the API with a capital.
 */
const struct node *node_get_loose(const struct node *n, const char *key);

/* "null", "boolean", "integer", "number", "string", "list", "mapping" - for "expected X, found Y". */
const char *node_kind_name(enum node_kind kind);

/* The RFC 6901 pointer of the node, "" for the root, malloc'd; NULL without memory. */
char *node_pointer(const struct node *n);

/* Where the node stands, for a diagnostic: line and column when known, else the pointer. */
struct diag_where node_where(const struct node *n);

/* Where the node's key stands (for an unknown or a duplicate key); as node_where when it has none. */
struct diag_where node_key_where(const struct node *n);

#endif
