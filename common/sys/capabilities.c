/* capabilities.c - see capabilities.h. */
#include "sys/capabilities.h"

#include <errno.h>
#include <stddef.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#define CAPABILITIES_MAX 64

static bool has(uint64_t set, int id)
{
    return id < CAPABILITIES_MAX && (set & CAPABILITY_BIT(id)) != 0;
}

uint64_t capabilities_bounding(void)
{
    uint64_t set = 0;

    for (int id = 0, there; id < CAPABILITIES_MAX && (there = prctl(PR_CAPBSET_READ, id, 0, 0, 0)) >= 0; id++)
        set |= there == 1 ? CAPABILITY_BIT(id) : 0;
    return set;
}

uint64_t capabilities_permitted(void)
{
    cap_t sets = cap_get_proc();
    uint64_t set = 0;

    for (int id = 0; sets != NULL && id < CAPABILITIES_MAX; id++) {
        cap_flag_value_t permitted = CAP_CLEAR;
        if (cap_get_flag(sets, id, CAP_PERMITTED, &permitted) == 0 && permitted == CAP_SET)
            set |= CAPABILITY_BIT(id);
    }
    if (sets != NULL)
        (void)cap_free(sets);
    return set;
}

int capabilities_bound(uint64_t keep)
{
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
        return -errno;
    for (int id = 0, there; (there = prctl(PR_CAPBSET_READ, id, 0, 0, 0)) >= 0; id++)
        if (there == 1 && !has(keep, id) && prctl(PR_CAPBSET_DROP, id, 0, 0, 0) < 0)
            return -errno;
    return 0;
}

static int set(cap_t sets, uint64_t keep, bool inherited)
{
    for (int id = 0; prctl(PR_CAPBSET_READ, id, 0, 0, 0) >= 0; id++) {
        cap_flag_value_t permitted = CAP_CLEAR;
        const cap_value_t one[] = {id};
        if (cap_get_flag(sets, id, CAP_PERMITTED, &permitted) < 0)
            return -errno;
        permitted = permitted == CAP_SET && has(keep, id) ? CAP_SET : CAP_CLEAR;
        if (cap_set_flag(sets, CAP_PERMITTED, 1, one, permitted) < 0 ||
            cap_set_flag(sets, CAP_EFFECTIVE, 1, one, permitted) < 0 ||
            cap_set_flag(sets, CAP_INHERITABLE, 1, one, inherited ? permitted : CAP_CLEAR) < 0)
            return -errno;
    }
    return cap_set_proc(sets) < 0 ? -errno : 0;
}

int capabilities_keep(uint64_t keep, bool inherited)
{
    cap_t sets = cap_get_proc();
    int r = sets != NULL ? set(sets, keep, inherited) : -errno;

    for (int id = 0; r == 0 && inherited && prctl(PR_CAPBSET_READ, id, 0, 0, 0) >= 0; id++) {
        cap_flag_value_t permitted = CAP_CLEAR;
        if (cap_get_flag(sets, id, CAP_PERMITTED, &permitted) == 0 && permitted == CAP_SET &&
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, id, 0, 0) < 0)
            r = -errno;
    }
    if (sets != NULL)
        (void)cap_free(sets);
    return r;
}

int capabilities_become(const struct user_ids *user, uint64_t keep, struct err *e)
{
    bool changes = user != NULL && (user->uid != geteuid() || user->gid != getegid());
    int r;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_errno(e, errno, BLAME_NODE, "forbid new privileges");
    /* Without CAP_SETPCAP the bounding set stays; no_new_privs keeps exec from giving what the permitted set lacks. */
    r = capabilities_bound(keep);
    if (r < 0 && r != -EPERM)
        return err_errno(e, -r, BLAME_NODE, "limit the capabilities that can be had");
    if (changes && keep != 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
        return err_errno(e, errno, BLAME_NODE, "keep capabilities over the change of user");
    if (changes && privilege_drop(*user, e) < 0)
        return e->code;
    /* Root's programs get them by being root's. */
    r = keep == CAPABILITIES_ALL && !changes ? 0 : capabilities_keep(keep, geteuid() != 0);
    return r < 0 ? err_errno(e, -r, BLAME_NODE, "give up capabilities") : 0;
}
