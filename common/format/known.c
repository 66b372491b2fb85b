/* known.c - see known.h: unknown keys and the edit distance behind "did you mean". */
#include "format/known.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX 48

/* Letters and digits in lower case: `block_storage_size` and `blockStorageSize` are the same word. 0 when too
 * long. */
static size_t plain(const char *word, char out[WORD_MAX])
{
    size_t n = 0;

    for (; *word != '\0'; word++) {
        if (*word == '_' || *word == '-')
            continue;
        if (n == WORD_MAX)
            return 0;
        out[n++] = (char)tolower((unsigned char)*word);
    }
    return n;
}

static unsigned min2(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours that lead from a to b. */
static unsigned distance(const char *a, size_t an, const char *b, size_t bn)
{
    unsigned row[3][WORD_MAX + 1];

    for (size_t j = 0; j <= bn; j++)
        row[0][j] = (unsigned)j;
    for (size_t i = 1; i <= an; i++) {
        unsigned *now = row[i % 3];
        const unsigned *last = row[(i + 2) % 3];
        const unsigned *before = row[(i + 1) % 3];
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= bn; j++) {
            now[j] = min2(min2(last[j], now[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = min2(now[j], before[j - 2] + 1);
        }
    }
    return row[an % 3][bn];
}

const char *known_nearest(const char *word, const char *const *known, size_t count)
{
    char w[WORD_MAX];
    char k[WORD_MAX];
    size_t wn = plain(word, w);
    const char *nearest = NULL;
    unsigned best = wn < 3 ? 0 : wn < 6 ? 1 : wn < 10 ? 2 : 3;

    if (wn == 0)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t kn = plain(known[i], k);
        unsigned d = distance(w, wn, k, kn);
        if (kn > 0 && (d < best || (d == best && nearest == NULL))) {
            best = d;
            nearest = known[i];
        }
    }
    return nearest;
}

static bool is_known(const char *key, const char *const *known, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(key, known[i]) == 0)
            return true;
    return false;
}

void known_report(const struct node *child, const char *const *known, size_t count,
                  enum diag_severity severity, struct diag_list *diags)
{
    /* Beyond what is shown, no time is spent on hints. */
    const char *nearest = diags->count < DIAG_MAX ? known_nearest(child->key, known, count) : NULL;
    char hint[WORD_MAX * 2] = "";

    if (nearest != NULL)
        (void)snprintf(hint, sizeof(hint), "; did you mean '%s'?", nearest);
    if (severity == DIAG_ERROR)
        diag_error(diags, node_key_where(child), "unknown key '%.100s'%s", child->key, hint);
    else
        diag_warning(diags, node_key_where(child), "unknown key '%.100s' is ignored%s", child->key, hint);
}

void known_check(const struct node *map, const char *const *known, size_t count, enum diag_severity severity,
                 struct diag_list *diags)
{
    if (map == NULL || map->kind != NODE_MAP)
        return;
    for (size_t i = 0; i < map->count; i++)
        if (!is_known(map->item[i]->key, known, count))
            known_report(map->item[i], known, count, severity, diags);
}
