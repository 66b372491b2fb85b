/*
 * strlist.h - an owned list of C strings, such as argv.
 *
 * `item` always ends in a NULL pointer, so it can be passed to execve(2).
 */
#ifndef BASE_STRLIST_H
#define BASE_STRLIST_H

#include <stddef.h>

struct strlist {
    char **item; /* owned, each owned; item[count] is NULL; NULL while nothing was ever added */
    size_t count;
    size_t cap;
};

void strlist_free(struct strlist *l);
#define strlist_auto strlist_free

/* Appends a copy of s. 0 or -ENOMEM. */
int strlist_add(struct strlist *l, const char *s);

/* Appends a copy of the first n bytes of s. 0 or -ENOMEM. */
int strlist_addn(struct strlist *l, const char *s, size_t n);

/* Appends copies of all of `from`. 0 or -ENOMEM; on failure some may have been added. */
int strlist_addall(struct strlist *l, const struct strlist *from);

#endif
