/*
 * known.h - keys that nobody reads: report them, and say which one was probably meant.
 */
#ifndef FORMAT_KNOWN_H
#define FORMAT_KNOWN_H

#include "format/node.h"

/* The known word that `word` is most likely a slip of (case, underscores, one or two letters), or NULL. */
const char *known_nearest(const char *word, const char *const *known, size_t count);

/* Reports the key of one node as unknown, with the nearest known word. */
void known_report(const struct node *child, const char *const *known, size_t count,
                  enum diag_severity severity, struct diag_list *diags);

/* Reports each key of the map that is not among `known`, as errors or as warnings. Anything but a map is
 * ignored. */
void known_check(const struct node *map, const char *const *known, size_t count, enum diag_severity severity,
                 struct diag_list *diags);

#endif
