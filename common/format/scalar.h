/*
 * scalar.h - what a plain YAML scalar means: the core schema. Private to this folder.
 */
#ifndef FORMAT_SCALAR_H
#define FORMAT_SCALAR_H

#include "format/node.h"

/* Sets kind, integer and real of the node from its text, as an unquoted scalar is read. An integer beyond 64
 * bits is a number without integer value. */
void scalar_resolve(struct node *n);

#endif
