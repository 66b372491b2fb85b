/* suggest.c - see suggest.h. */
#include "base/suggest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Optimal string alignment, with three rows of the table. */
size_t suggest_distance(const char *a, const char *b)
{
    size_t rows[3][SUGGEST_WORD_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    size_t na = strlen(a), nb = strlen(b);

    if (na > SUGGEST_WORD_MAX || nb > SUGGEST_WORD_MAX)
        return SUGGEST_WORD_MAX;
    for (size_t j = 0; j <= nb; j++) {
        before[j] = j;
        last[j] = j;
    }
    for (size_t i = 1; i <= na; i++) {
        size_t *spare = before;
        now[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            now[j] = last[j - 1] + (same(a[i - 1], b[j - 1]) ? 0 : 1);
            now[j] = min_size(now[j], min_size(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                now[j] = min_size(now[j], before[j - 2] + 1);
        }
        before = last;
        last = now;
        now = spare;
    }
    return last[nb];
}

void suggest_offer(struct suggestion *s, const char *typed, const char *known)
{
    size_t distance = suggest_distance(typed, known);
    size_t longer = strlen(typed) > strlen(known) ? strlen(typed) : strlen(known);

    if (distance > longer / 3 + 1 || distance >= longer)
        return;
    if (s->best != NULL && distance >= s->distance)
        return;
    s->best = known;
    s->distance = distance;
}
