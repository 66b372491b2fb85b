/* run_name.c - see run_name.h. */
#include "cli/run_name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/parse.h"
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

/* The id of a run, without the attempt. */
static void run_of(const char *name, char ret[RUN_ID_BYTES])
{
    (void)snprintf(ret, RUN_ID_BYTES, "%.*s", (int)strcspn(name, "~"), name);
}

/* Looks for the run. Returns whether an id is the word itself. */
static bool look(struct search *s, const struct strlist *ids, char ret[RUN_ID_BYTES])
{
    for (size_t i = 0; i < ids->count; i++) {
        size_t used = strlen(s->candidates);
        char run[RUN_ID_BYTES];
        run_of(ids->item[i], run);
        if (strcmp(run, s->word) == 0) {
            (void)snprintf(ret, RUN_ID_BYTES, "%s", run);
            return true;
        }
        /* Whoever means one node of several says which. */
        if (strchr(s->word, '+') == NULL && strchr(run, '+') != NULL)
            continue;
        if (!run_name_matches(run, s->word) || (s->found > 0 && strcmp(run, ret) == 0))
            continue;
        (void)snprintf(ret, RUN_ID_BYTES, "%s", run);
        s->found++;
        (void)snprintf(s->candidates + used, sizeof(s->candidates) - used, "%s%s", used > 0 ? ", " : "", run);
    }
    return false;
}

/* Takes the attempt of the run, or its last one (attempt 0). false when there is none. */
static bool take(const struct strlist *ids, bool queued, const char *run, int attempt, struct named_run *ret)
{
    int best = 0;

    for (size_t i = 0; i < ids->count; i++) {
        struct run_name name;
        char other[RUN_ID_BYTES];
        run_of(ids->item[i], other);
        if (strcmp(other, run) != 0 || !run_name_parse(ids->item[i], &name) || name.attempt <= best ||
            (attempt > 0 && name.attempt != attempt))
            continue;
        best = name.attempt;
        (void)snprintf(ret->id, sizeof(ret->id), "%s", ids->item[i]);
        ret->queued = queued;
    }
    return best > 0;
}

/* RUN~N names an attempt; the first has no such name on disk. */
static void split(const char *word, char ret_run[RUN_ID_BYTES], int *ret_attempt)
{
    const char *tilde = strrchr(word, '~');
    int64_t attempt = 0;

    (void)snprintf(ret_run, RUN_ID_BYTES, "%s", word);
    if (tilde == NULL || parse_i64(tilde + 1, 1, RUN_ATTEMPT_MAX, &attempt) < 0 ||
        (size_t)(tilde - word) >= RUN_ID_BYTES)
        return;
    ret_run[tilde - word] = '\0';
    *ret_attempt = (int)attempt;
}

int run_name_find(const struct layout *layout, const char *word, struct named_run *ret, struct err *e)
{
    AUTO(strlist) struct strlist ids = {0};
    AUTO(strlist) struct strlist queued = {0};
    char wanted[RUN_ID_BYTES], run[RUN_ID_BYTES] = "";
    struct search s = {.word = wanted};
    int attempt = 0;

    split(word, wanted, &attempt);
    if (run_view_list(layout, &ids, e) < 0 || run_view_list_queued(layout, &queued, e) < 0)
        return e->code;
    if (!look(&s, &ids, run) && !look(&s, &queued, run) && s.found > 1)
        return err_set(e, -ENOTUNIQ, BLAME_ASSIGNMENT, "'%.100s' can be any of: %s", word, s.candidates);
    if (run[0] != '\0' && (take(&ids, false, run, attempt, ret) || take(&queued, true, run, attempt, ret)))
        return 0;
    return err_set(e, -ENOENT, BLAME_ASSIGNMENT, "there is no run '%.100s' on this machine", word);
}
