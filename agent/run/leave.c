/* leave.c - see leave.h. */
#include "run/leave.h"

#include <string.h>

enum leave_action leave_decide(const struct leave_state *s)
{
    if (s->busy)
        return LEAVE_WAIT;
    if (s->served && s->after_run != LEAVE_WAIT)
        return s->after_run;
    if (s->idle_ms > 0 && s->now.ms - s->idle_since.ms >= s->idle_ms)
        return s->idle_action;
    return LEAVE_WAIT;
}

enum leave_action leave_action_of(const char *name)
{
    if (strcmp(name, "exit") == 0)
        return LEAVE_EXIT;
    if (strcmp(name, "poweroff") == 0)
        return LEAVE_POWEROFF;
    return strcmp(name, "command") == 0 ? LEAVE_COMMAND : LEAVE_WAIT;
}
