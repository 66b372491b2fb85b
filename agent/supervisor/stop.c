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

static struct stop_step after_first_signal(const struct stop_policy *policy,
                                           const struct stop_progress *so_far, boot_ms_t now)
{
    int64_t kill_at = so_far->signalled_at.ms + policy->grace_ms;

    if (so_far->then_sent < policy->then.count) {
        int64_t due = so_far->signalled_at.ms + policy->then.item[so_far->then_sent].after_ms;
        if (due < kill_at && now.ms < kill_at)
            return act_at(STOP_SIGNAL_NEXT, due, now);
    }
    return act_at(STOP_KILL_TREE, kill_at, now);
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
        return after_first_signal(policy, so_far, now);
    if (policy->grace_ms == 0)
        return act(STOP_KILL_TREE);
    return act(so_far->main_ended || policy->whole_tree ? STOP_SIGNAL_TREE : STOP_SIGNAL_MAIN);
}
