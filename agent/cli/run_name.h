/*
 * run_name.h - from what a person types for a run to its id, and whether the agent has it yet.
 */
#ifndef CLI_RUN_NAME_H
#define CLI_RUN_NAME_H

#include "base/err.h"
#include "base/limits.h"
#include "daemon/layout.h"

struct named_run {
    char id[RUN_ID_BYTES];
    bool queued; /* submitted, not yet accepted by an agent */
};

/* Whether a person may mean the run by this word. An id that runlet made is "local.TIME.RANDOM": people copy the random part. */
bool run_name_matches(const char *id, const char *word);

/* Finds the run whose id is `word` or, when just one id begins with it (or its random part does), that one.
 * -ENOENT or -ENOTUNIQ with the candidates in *e. */
int run_name_find(const struct layout *layout, const char *word, struct named_run *ret, struct err *e);

#endif
