/* tally.c - see tally.h. */
#include "run/tally.h"

const int64_t TALLY_BOUND_MS[TALLY_CLASSES - 1] = {
    10, 50, 100, 500, 1000, 5000, 15000, 60000, 300000, 1800000, 7200000, 43200000, 86400000, 604800000,
};

void tally_phase(struct tally *t, enum phase phase, int64_t ms)
{
    size_t class = 0;

    if (ms < 0)
        ms = 0;
    while (class < TALLY_CLASSES - 1 && ms > TALLY_BOUND_MS[class])
        class ++;
    t->spent[phase][class]++;
    t->spent_ms[phase] += ms;
}

void tally_end(struct tally *t, enum cause cause, enum lifecycle_state state)
{
    t->ended[cause][state]++;
}
