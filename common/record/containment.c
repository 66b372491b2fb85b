/* containment.c - see containment.h. */
#include "record/containment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const STATE_NAMES[CONTAINMENT_STATE_COUNT] = {
    [CONTAINMENT_APPLIED] = "applied",
    [CONTAINMENT_CAPPED] = "capped",
    [CONTAINMENT_MISSING] = "missing",
};

void containment_free(struct containment_list *list)
{
    free(list->item);
    *list = (struct containment_list){0};
}

const char *containment_state_name(enum containment_state state)
{
    return (unsigned)state < CONTAINMENT_STATE_COUNT ? STATE_NAMES[state] : "?";
}

int containment_add(struct containment_list *list, const char *name, enum containment_state state,
                    const char *value, const char *by)
{
    struct containment_fact *to;

    if (list->count == CONTAINMENT_ITEMS_MAX)
        return -E2BIG;
    if (list->item == NULL) {
        list->item = calloc(CONTAINMENT_ITEMS_MAX, sizeof(*list->item));
        if (list->item == NULL)
            return -ENOMEM;
    }
    to = &list->item[list->count++];
    to->state = state;
    (void)snprintf(to->name, sizeof(to->name), "%s", name);
    (void)snprintf(to->value, sizeof(to->value), "%s", value);
    (void)snprintf(to->by, sizeof(to->by), "%s", by);
    return 0;
}

int containment_note(const struct containment_list *list, struct journal *journal, wall_ms_t now,
                     struct err *e)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct containment_fact *f = &list->item[i];
        struct fact_writer *w = journal_begin(journal, now, CONTAINMENT_EVENT);
        fact_put_string(w, "name", f->name);
        fact_put_string(w, "state", containment_state_name(f->state));
        fact_put_string(w, "value", f->value);
        fact_put_string(w, "by", f->by);
        if (journal_commit(journal, false, e) < 0)
            return e->code;
    }
    return 0;
}

int containment_from_fact(const struct fact *f, struct containment_fact *ret)
{
    const char *state = fact_str(f, "state");
    struct containment_fact to = {0};
    unsigned i = 0;

    if (strcmp(fact_str(f, "event"), CONTAINMENT_EVENT) != 0)
        return -EBADMSG;
    while (i < CONTAINMENT_STATE_COUNT && strcmp(STATE_NAMES[i], state) != 0)
        i++;
    /* A state of a later version: nothing may be read as applied that is not. */
    to.state = i == CONTAINMENT_STATE_COUNT ? CONTAINMENT_MISSING : (enum containment_state)i;
    (void)snprintf(to.name, sizeof(to.name), "%s", fact_str(f, "name"));
    (void)snprintf(to.value, sizeof(to.value), "%s", fact_str(f, "value"));
    (void)snprintf(to.by, sizeof(to.by), "%s", fact_str(f, "by"));
    *ret = to;
    return 0;
}

int containment_take(const struct fact *f, struct containment_list *ret)
{
    struct containment_fact one;

    if (containment_from_fact(f, &one) < 0)
        return 0;
    return containment_add(ret, one.name, one.state, one.value, one.by);
}
