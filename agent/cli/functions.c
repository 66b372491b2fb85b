/* functions.c - which function executes which verb. Apart from the table, so that help can be tested without
 * them. */
#include "cli/verbs.h"

#include <string.h>

#include "base/auto.h"

static const struct {
    const char *verb;
    verb_function *function;
} FUNCTIONS[] = {
    {"bootstrap", verb_bootstrap},
    {"cancel", verb_cancel},
    {"config", verb_config},
    {"deadline", verb_deadline},
    {"drain", verb_drain},
    {"gen", verb_gen},
    {"help", verb_help},
    {"leave", verb_leave},
    {"logs", verb_logs},
    {"nodes", verb_nodes},
    {"preempt", verb_preempt},
    {"remove", verb_remove},
    {"run", verb_run},
    {"runs", verb_runs},
    {"status", verb_status},
    {"submit", verb_submit},
    {"undrain", verb_undrain},
    {"validate", verb_validate},
    {"version", verb_version},
    {"wait", verb_wait},
    {"why", verb_why},
};

verb_function *verb_function_of(const struct verb *verb)
{
    for (size_t i = 0; i < ARRAY_SIZE(FUNCTIONS); i++)
        if (strcmp(FUNCTIONS[i].verb, verb->name) == 0)
            return FUNCTIONS[i].function;
    return NULL;
}
