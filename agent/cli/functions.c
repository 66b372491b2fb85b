/* functions.c - which function executes which verb. Apart from the table, so that help can be tested without
 * them. */
#include "cli/verbs.h"

#include <string.h>

#include "base/auto.h"

static const struct {
    const char *verb;
    verb_function *function;
} FUNCTIONS[] = {
    {"run", verb_run},         {"submit", verb_submit}, {"status", verb_status},     {"logs", verb_logs},
    {"cancel", verb_cancel},   {"wait", verb_wait},     {"validate", verb_validate}, {"config", verb_config},
    {"preempt", verb_preempt}, {"why", verb_why},       {"version", verb_version},   {"help", verb_help},
    {"gen", verb_gen},         {"drain", verb_drain},   {"undrain", verb_undrain},   {"leave", verb_leave},
};

verb_function *verb_function_of(const struct verb *verb)
{
    for (size_t i = 0; i < ARRAY_SIZE(FUNCTIONS); i++)
        if (strcmp(FUNCTIONS[i].verb, verb->name) == 0)
            return FUNCTIONS[i].function;
    return NULL;
}
