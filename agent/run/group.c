/* group.c - see group.h. */
#include "run/group.h"

size_t group_size(const struct group_plan *plan)
{
    size_t sum = 0;

    for (size_t i = 0; i < plan->count; i++)
        sum += plan->group[i].replicas;
    return sum;
}

size_t group_of_rank(const struct group_plan *plan, size_t rank)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (rank < plan->group[i].replicas)
            return i;
        rank -= plan->group[i].replicas;
    }
    return plan->count;
}

struct counts {
    size_t waiting, started, succeeded, failed;
};

static struct counts count(const enum member_state *state, size_t n)
{
    struct counts c = {0};

    for (size_t i = 0; i < n; i++) {
        c.waiting += state[i] == MEMBER_WAITING;
        c.started += state[i] == MEMBER_STARTED;
        c.succeeded += state[i] == MEMBER_SUCCEEDED;
        c.failed += state[i] == MEMBER_FAILED;
    }
    return c;
}

struct group_decision group_decide(const struct group_plan *plan, const enum member_state *state,
                                   bool stopping)
{
    struct group_decision d = {.succeeded = true};
    const struct counts all = count(state, group_size(plan));
    bool may_start = true;
    size_t first = 0;

    for (size_t i = 0; i < plan->count; first += plan->group[i++].replicas) {
        const struct group_shape *g = &plan->group[i];
        const struct counts c = count(state + first, g->replicas);
        if (may_start)
            d.start_to = first + g->replicas;
        may_start = may_start && (!plan->in_order || c.waiting + c.started == 0);
        if (!d.failed && g->replicas - c.failed < g->least) {
            d.failed = true;
            d.failed_group = i;
        }
        d.succeeded = d.succeeded && c.succeeded >= g->least;
    }
    if (d.failed || stopping)
        d.start_to = 0;
    d.ended = all.succeeded + all.failed + (d.failed || stopping ? all.waiting : 0) == group_size(plan);
    return d;
}

/* Whether a says more about why the run failed than b. */
static bool says_more(const struct member_end *a, const struct member_end *b)
{
    if (a->left_something != b->left_something)
        return a->left_something;
    if (a->consequence != b->consequence)
        return b->consequence;
    return a->at.ms < b->at.ms;
}

/* Whether the group has failed by itself: those that were stopped for the others' sake would have gone on. */
static bool has_failed(const struct group_shape *g, const struct member_end *end)
{
    size_t failed = 0;

    for (size_t i = 0; i < g->replicas; i++)
        failed += end[i].failed && !end[i].consequence;
    return g->replicas - failed < g->least;
}

size_t group_deciding(const struct group_plan *plan, const struct member_end *end)
{
    size_t size = group_size(plan), best = size, first = 0;

    for (size_t i = 0; i < plan->count; first += plan->group[i++].replicas) {
        bool counts = has_failed(&plan->group[i], end + first);
        for (size_t k = first; k < first + plan->group[i].replicas; k++)
            if (end[k].failed && (counts || end[k].left_something) &&
                (best == size || says_more(&end[k], &end[best])))
                best = k;
    }
    for (size_t k = 0; best == size && k < size; k++)
        if (end[k].failed)
            best = k;
    return best;
}
