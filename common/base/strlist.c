/* strlist.c - see strlist.h. */
#include "base/strlist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void strlist_free(struct strlist *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->item[i]);
    free(l->item);
    *l = (struct strlist){0};
}

int strlist_addn(struct strlist *l, const char *s, size_t n)
{
    char *copy;

    if (l->count + 2 > l->cap) {
        size_t cap = l->cap == 0 ? 8 : l->cap * 2;
        char **grown = realloc(l->item, cap * sizeof(*grown));
        if (grown == NULL)
            return -ENOMEM;
        l->item = grown;
        l->cap = cap;
        l->item[l->count] = NULL;
    }
    copy = strndup(s, n);
    if (copy == NULL)
        return -ENOMEM;
    l->item[l->count++] = copy;
    l->item[l->count] = NULL;
    return 0;
}

int strlist_add(struct strlist *l, const char *s)
{
    return strlist_addn(l, s, strlen(s));
}

int strlist_addall(struct strlist *l, const struct strlist *from)
{
    for (size_t i = 0; i < from->count; i++) {
        int r = strlist_add(l, from->item[i]);
        if (r < 0)
            return r;
    }
    return 0;
}
