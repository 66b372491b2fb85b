/* helper_group.c - see helper_group.h. */
#include "supervisor/helper_group.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What was killed goes at once, unless the kernel holds it. */
#define END_WAIT_MS 2000

static int note(struct containment_list *list, const char *name, enum containment_state state,
                const char *value, const char *by, struct err *e)
{
    return containment_add(list, name, state, value, by) < 0 ? err_oom(e) : 0;
}

/* Sets the limit, and *ret_held to what was read back. */
static int apply(const struct run_group *g, enum run_limit limit, int64_t asked, const char *name,
                 int64_t *ret_held, struct containment_list *list, struct err *e)
{
    const char *backend = run_group_backend(g, limit_controller(limit));
    char text[LIMIT_TEXT_MAX], value[CONTAINMENT_TEXT_MAX];
    int r = run_group_limit(g, limit, asked, 0);

    *ret_held = INT64_MAX;
    run_limit_format(limit, asked, text);
    if (r == 0)
        r = run_group_limit_read(g, limit, 0, ret_held);
    if (r == 0 && *ret_held <= asked)
        return note(list, name, CONTAINMENT_APPLIED, text, backend != NULL ? backend : "", e);
    *ret_held = INT64_MAX;
    (void)snprintf(value, sizeof(value), "%s: %s", text,
                   backend == NULL ? "and this machine has no control group for it"
                   : r < 0         ? strerror(-r)
                                   : "and the machine holds more");
    return note(list, name, CONTAINMENT_MISSING, value, "", e);
}

int helper_group_make(const struct cgroup_places *places, const char *run_id, const struct policy *policy,
                      struct helper_group *ret, struct containment_list *list, struct err *e)
{
    struct helper_group g = HELPER_GROUP_INIT;
    int64_t pids;

    if (run_group_create_helpers(places, run_id, &g.group, e) < 0)
        return e->code;
    if (apply(&g.group, LIMIT_MEMORY, policy->helper_memory_bytes, "helpers' memory", &g.memory_bytes, list,
              e) < 0 ||
        apply(&g.group, LIMIT_PIDS, policy->helper_pids, "helpers' pids", &pids, list, e) < 0) {
        (void)run_group_remove(&g.group);
        helper_group_close(&g);
        return e->code;
    }
    /* A helper over its memory is ended, instead of being slowed down by swapping. Where swap is not counted there is none to
     * limit, or nobody who could. */
    (void)run_group_limit(&g.group, LIMIT_SWAP, 0, 0);
    *ret = g;
    return 0;
}

bool helper_group_exhausted(const struct helper_group *g, struct err *e)
{
    struct run_group_counters counters;
    char text[LIMIT_TEXT_MAX];

    run_group_count(&g->group, &counters);
    if (counters.oom_kills <= 0 || g->memory_bytes == INT64_MAX)
        return false;
    run_limit_format(LIMIT_MEMORY, g->memory_bytes, text);
    (void)err_set(e, -ENOMEM, BLAME_ASSIGNMENT,
                  "placing the artifact takes more memory than this node gives it: %s (limits.helperMemory)",
                  text);
    return true;
}

int helper_group_end(const struct helper_group *g)
{
    return run_group_clear(&g->group, END_WAIT_MS);
}

void helper_group_close(struct helper_group *g)
{
    run_group_close(&g->group);
}
