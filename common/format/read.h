/*
 * read.h - from the bytes of a document to a node tree.
 *
 * A syntax error becomes one entry in `diags` with its line and column, and the result is NULL. Text must be
 * UTF-8.
 */
#ifndef FORMAT_READ_H
#define FORMAT_READ_H

#include <stddef.h>

#include "format/node.h"

/* One JSON value (RFC 8259), duplicate keys refused. The caller owns the tree. */
struct node *json_read(const char *text, size_t n, struct diag_list *diags);

/* One YAML 1.1 document; the core schema's plain scalars (null, bool as true/false only, integers, floats)
 * are typed, everything else is a string. Anchors and aliases are resolved within the node cap; tags other
 * than the standard ones, several documents, and keys that are not scalars are refused. An empty document is
 * a null node. */
struct node *yaml_read(const char *text, size_t n, struct diag_list *diags);

#endif
