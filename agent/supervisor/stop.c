/* stop.c - see stop.h. */
#include "supervisor/stop.h"

static struct stop_step act(enum stop_action action)
{
    return (struct stop_step){.action = action};
}

/* `action` once `due` has come, else wait for it. */
static struct stop_step act_at(enum stop_action action, int64_t due, boot_ms_t now)
{
    if (now.ms >= due)
        return act(action);
    return (struct stop_step){.action = STOP_WAIT, .next_at = {due}};
}

struct stop_step stop_next(const struct stop_policy *policy, const struct stop_progress *so_far,
                           boot_ms_t now)
{
    if (so_far->killed_init)
        return act_at(STOP_GIVE_UP, so_far->killed_at.ms + policy->kill_budget_ms, now);
    if (so_far->killed_tree)
        return act_at(STOP_KILL_INIT, so_far->killed_at.ms + policy->reap_ms, now);
    if (so_far->hurry)
        return act(STOP_KILL_TREE);
    if (so_far->signalled)
        return act_at(STOP_KILL_TREE, so_far->signalled_at.ms + policy->grace_ms, now);
    if (policy->grace_ms == 0)
        return act(STOP_KILL_TREE);
    return act(so_far->main_ended || policy->whole_tree ? STOP_SIGNAL_TREE : STOP_SIGNAL_MAIN);
}
