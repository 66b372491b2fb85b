/* run_name.c - see run_name.h. */
#include "cli/run_name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "daemon/run_view.h"

bool run_name_matches(const char *id, const char *word)
{
    size_t n = strlen(word);
    const char *last = strrchr(id, '.');

    return strncmp(id, word, n) == 0 || (last != NULL && strncmp(last + 1, word, n) == 0);
}

struct search {
    const char *word;
    size_t found;
    char candidates[200];
};

/* Returns whether an id is the word itself. */
static bool look(struct search *s, const struct strlist *ids, bool queued, struct named_run *name)
{
    for (size_t i = 0; i < ids->count; i++) {
        size_t used = strlen(s->candidates);
        bool exact = strcmp(ids->item[i], s->word) == 0;
        /* Whoever means one node of several says which. */
        if (!exact && (strchr(s->word, '+') == NULL && strchr(ids->item[i], '+') != NULL))
            continue;
        if (!exact && !run_name_matches(ids->item[i], s->word))
            continue;
        (void)snprintf(name->id, sizeof(name->id), "%.215s", ids->item[i]);
        name->queued = queued;
        if (exact)
            return true;
        s->found++;
        (void)snprintf(s->candidates + used, sizeof(s->candidates) - used, "%s%s", used > 0 ? ", " : "",
                       ids->item[i]);
    }
    return false;
}

int run_name_find(const struct layout *layout, const char *word, struct named_run *ret, struct err *e)
{
    AUTO(strlist) struct strlist ids = {0};
    AUTO(strlist) struct strlist queued = {0};
    struct search s = {.word = word};
    struct named_run name = {0};

    if (run_view_list(layout, &ids, e) < 0 || run_view_list_queued(layout, &queued, e) < 0)
        return e->code;
    if (!look(&s, &ids, false, &name) && !look(&s, &queued, true, &name) && s.found != 1)
        return s.found == 0
                   ? err_set(e, -ENOENT, BLAME_ASSIGNMENT, "there is no run '%.100s' on this machine", word)
                   : err_set(e, -ENOTUNIQ, BLAME_ASSIGNMENT, "'%.100s' can be any of: %s", word,
                             s.candidates);
    *ret = name;
    return 0;
}
