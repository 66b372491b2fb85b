/* walls.c - see walls.h. */
#include "supervisor/walls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/strbuf.h"
#include "supervisor/seccomp_load.h"
#include "supervisor/view.h"
#include "supervisor/view_dev.h"
#include "sys/fd.h"
#include "sys/landlock.h"
#include "sys/process_status.h"

/* The first ABI with which files can be renamed from folder to folder. */
#define LANDLOCK_ABI_MIN 2
#define WRITABLE         (GRANT_READ | GRANT_EXECUTE | GRANT_WRITE | GRANT_CHANGE)
/* Everybody may write to it, and no job needs to: what fails here fails because of Landlock. */
#define PROBE_DEVICE "/dev/urandom"

static int note(struct containment_list *list, const char *name, enum containment_state state,
                const char *value, const char *by, struct err *e)
{
    return containment_add(list, name, state, value, by) < 0 ? err_oom(e) : 0;
}

/* A wall that this kernel cannot give. */
static int lacking(bool best_effort, const char *name, const char *why, struct containment_list *list,
                   struct err *e)
{
    if (!best_effort)
        return err_set(e, -ENOTSUP, BLAME_NODE,
                       "%s: %s; run on a newer kernel, or set limits.bestEffort on this node", name, why);
    return note(list, name, CONTAINMENT_MISSING, why, "", e);
}

/* ---- files ---- */

static int allow_mounts(int rules, int abi, const struct plan *plan)
{
    int r = 0;

    for (size_t i = 0; plan != NULL && r == 0 && i < plan->mount_count; i++)
        if (!plan->mount[i].read_only)
            r = landlock_allow_path(rules, abi, plan->mount[i].target, WRITABLE);
    return r;
}

static int allow_all(int rules, int abi, bool writable_root, const struct strlist *devices)
{
    unsigned change = writable_root ? GRANT_WRITE | GRANT_CHANGE : 0;
    int r = landlock_allow_path(rules, abi, "/", GRANT_READ | GRANT_EXECUTE | change);

    for (size_t i = 0; r == 0 && VIEW_WRITABLE[i] != NULL; i++)
        r = landlock_allow_path(rules, abi, VIEW_WRITABLE[i], WRITABLE);
    for (size_t i = 0; r == 0 && COMMON_DEVICES[i] != NULL; i++)
        if (strcmp(COMMON_DEVICES[i], PROBE_DEVICE) != 0)
            r = landlock_allow_path(rules, abi, COMMON_DEVICES[i], GRANT_READ | GRANT_WRITE);
    for (size_t i = 0; r == 0 && i < devices->count; i++)
        r = landlock_allow_path(rules, abi, devices->item[i], GRANT_READ | GRANT_WRITE);
    return r;
}

int walls_files(const struct wall_plan *plan, struct containment_list *list, struct err *e)
{
    int abi = landlock_abi();
    AUTO_CLOSE int rules = -1;
    AUTO_CLOSE int probe = -1;
    char value[CONTAINMENT_TEXT_MAX];
    int r;

    /* A second wall behind mounts and users: a kernel without it is older than Linux 5.19, and no reason to refuse. */
    if (abi < LANDLOCK_ABI_MIN)
        return note(list, "landlock", CONTAINMENT_MISSING, "this kernel has none", "", e);
    rules = landlock_begin(abi, true);
    r = rules < 0 ? rules : allow_all(rules, abi, plan->writable_root, plan->devices);
    if (r == 0)
        r = allow_mounts(rules, abi, plan->storage);
    if (r == 0)
        r = landlock_enforce(rules);
    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "landlock");
    /* In an image it is the run's own files that can be written, and nothing is left to be denied. */
    if (plan->writable_root) {
        (void)snprintf(value, sizeof(value), "ABI %d, of the image%s", abi,
                       abi >= 6 ? ", signals and sockets too" : "");
        return note(list, "landlock", CONTAINMENT_APPLIED, value, "landlock", e);
    }
    probe = open(PROBE_DEVICE, O_WRONLY | O_CLOEXEC);
    if (probe >= 0 || errno != EACCES)
        return lacking(plan->best_effort, "landlock", "it is not in force", list, e);
    (void)snprintf(value, sizeof(value), "ABI %d%s", abi, abi >= 6 ? ", signals and sockets too" : "");
    return note(list, "landlock", CONTAINMENT_APPLIED, value, "landlock", e);
}

/* ---- system calls ---- */

int walls_calls(const struct wall_plan *plan, int *ret_listener, struct containment_list *list, struct err *e)
{
    int r;

    *ret_listener = -1;
    if (plan->filter->learn && !call_filter_can_learn())
        return err_set(e, -ENOTSUP, BLAME_NODE, "learning system calls needs Linux 5.5");
    r = call_filter_load(plan->filter, DENIAL_NOTIFIED);
    if (r >= 0)
        *ret_listener = r;
    else if (plan->filter->learn)
        return err_errno(e, -r, BLAME_NODE, "listen to system calls");
    /* A filter with a listener is above us already (a container's engine): denied calls fail without a word. */
    if (r == -EBUSY || r == -ENOSYS)
        r = call_filter_load(plan->filter, DENIAL_PLAIN);
    return r < 0 ? lacking(plan->best_effort, "seccomp", strerror(-r), list, e) : 1;
}

/* ---- read back ---- */

static int verify_capabilities(const char *status, struct err *e)
{
    static const char *const SETS[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};

    for (size_t i = 0; i < ARRAY_SIZE(SETS); i++)
        if (process_status_expect(status, SETS[i], "0000000000000000", e) < 0)
            return e->code;
    return 0;
}

int walls_verify_text(const char *status, const struct wall_plan *plan, struct containment_list *list,
                      struct err *e)
{
    char ids[64], user[48];
    size_t n;

    (void)snprintf(ids, sizeof(ids), "%u\t%u\t%u\t%u", plan->uid, plan->uid, plan->uid, plan->uid);
    if (process_status_expect(status, "Uid", ids, e) < 0)
        return e->code;
    (void)snprintf(ids, sizeof(ids), "%u\t%u\t%u\t%u", plan->gid, plan->gid, plan->gid, plan->gid);
    if (process_status_expect(status, "Gid", ids, e) < 0 || verify_capabilities(status, e) < 0 ||
        process_status_expect(status, "NoNewPrivs", "1", e) < 0)
        return e->code;
    (void)process_status_value(status, "Groups", &n);
    if (n > 0 && !plan->keeps_groups)
        return err_set(e, -ENOTSUP, BLAME_NODE, "it is still in other groups");
    (void)snprintf(user, sizeof(user), "%u:%u, %s", plan->uid, plan->gid,
                   n > 0 ? "and the caller's groups" : "no other group");
    if (note(list, "user", CONTAINMENT_APPLIED, user, "", e) < 0 ||
        note(list, "capabilities", CONTAINMENT_APPLIED, "none", "", e) < 0)
        return e->code;
    return note(list, "no-new-privileges", CONTAINMENT_APPLIED, "", "", e);
}

int walls_verify(const struct wall_plan *plan, struct containment_list *list, struct err *e)
{
    AUTO(strbuf) struct strbuf status = STRBUF_INIT(PROCESS_STATUS_MAX);
    int r = file_read(AT_FDCWD, "/proc/self/status", &status);

    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "read /proc/self/status");
    return walls_verify_text(strbuf_str(&status), plan, list, e);
}

int walls_verify_calls(pid_t pid, bool best_effort, bool explained, struct containment_list *list,
                       struct err *e)
{
    AUTO(strbuf) struct strbuf status = STRBUF_INIT(PROCESS_STATUS_MAX);
    struct err found = ERR_INIT;
    char path[32];

    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    if (file_read(AT_FDCWD, path, &status) < 0 ||
        process_status_expect(strbuf_str(&status), "Seccomp", "2", &found) < 0)
        return lacking(best_effort, "seccomp", "it is not in force", list, e);
    return note(list, "seccomp", CONTAINMENT_APPLIED,
                explained ? "denied calls are explained" : "denied calls are not explained", "seccomp", e);
}
