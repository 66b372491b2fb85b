/* verb_find.c - a verb by its name, or by what was meant. See verbs.h. */
#include <string.h>

#include "base/suggest.h"
#include "cli/verbs.h"

const struct verb *verb_find(const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (strcmp(VERBS[i].name, name) == 0)
            return &VERBS[i];
    return NULL;
}

const struct verb *verb_suggest(const char *name)
{
    struct suggestion near = {0};

    for (size_t i = 0; i < VERB_COUNT; i++)
        if (!VERBS[i].hidden)
            suggest_offer(&near, name, VERBS[i].name);
    return near.best != NULL ? verb_find(near.best) : NULL;
}
