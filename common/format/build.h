/*
 * build.h - how the JSON and YAML readers grow a tree. Private to this folder.
 */
#ifndef FORMAT_BUILD_H
#define FORMAT_BUILD_H

#include "format/node.h"

/* A new node without children, or NULL without memory. */
struct node *node_new(enum node_kind kind, int line, int column);

/* Appends the child to a list or map and takes it over. 0 or -ENOMEM (the child is freed). */
int node_append(struct node *parent, struct node *child);

/* As node_append, under a copy of key. */
int node_append_keyed(struct node *parent, const char *key, int key_line, int key_column, struct node *child);

/* The first child of the map whose key an earlier child has too; NULL when all differ. -ENOMEM or 0. */
int node_find_duplicate(const struct node *map, const struct node **ret);

#endif
