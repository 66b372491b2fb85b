/* limits.c - see limits.h. */
#include "supervisor/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/parse.h"
#include "sys/fd.h"

/* However large the reserve: a run gets at least this share of the machine's memory. */
#define MEMORY_SHARE_MIN_PERCENT 80
/* The kernel rounds memory limits down to whole pages, the largest of which this is. */
#define PAGE_BYTES_MAX 65536

/* ---- what holds ---- */

void node_size_read(const struct run_group *group, struct node_size *ret)
{
    struct sysinfo info;
    int64_t memory, cpu;
    cpu_set_t cpus;

    *ret = (struct node_size){0};
    if (sysinfo(&info) == 0) {
        ret->memory_bytes = (int64_t)info.totalram * info.mem_unit;
        ret->swap_bytes = (int64_t)info.totalswap * info.mem_unit;
    }
    ret->cpus_milli = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) * 1000LL
                                                                     : sysconf(_SC_NPROCESSORS_ONLN) * 1000;
    run_group_room(group, &memory, &cpu);
    ret->memory_bytes = memory < ret->memory_bytes ? memory : ret->memory_bytes;
    ret->cpus_milli = cpu < ret->cpus_milli ? cpu : ret->cpus_milli;
}

static int64_t memory_ceiling(const struct policy *policy, const struct node_size *node)
{
    int64_t least = node->memory_bytes / 100 * MEMORY_SHARE_MIN_PERCENT;
    int64_t rest = node->memory_bytes - policy->memory_reserve_bytes;

    return rest > least ? rest : least;
}

static void cap(struct effective_limits *l, enum run_limit limit, int64_t ceiling)
{
    if (ceiling <= 0 || l->limits.value[limit] <= ceiling)
        return;
    l->limits.value[limit] = ceiling;
    l->capped[limit] = true;
}

void limits_effective(const struct run_limits *asked, const struct policy *policy,
                      const struct node_size *node, struct effective_limits *ret)
{
    struct effective_limits l = {.limits = *asked};
    int64_t ceiling = memory_ceiling(policy, node);

    for (unsigned i = 0; i < LIMIT_COUNT; i++)
        l.required[i] = asked->value[i] != LIMIT_UNSET && !asked->by_shape[i] && !policy->limits_best_effort;
    l.cpuset_required = asked->cpuset[0] != '\0' && !policy->limits_best_effort;
    cap(&l, LIMIT_MEMORY, ceiling);
    cap(&l, LIMIT_CPU, node->cpus_milli);
    if (l.limits.value[LIMIT_MEMORY] == LIMIT_UNSET && ceiling > 0)
        l.limits.value[LIMIT_MEMORY] = ceiling;
    /* A run over its memory is ended, instead of being slowed down, and the machine with it, by swapping. */
    if (l.limits.value[LIMIT_SWAP] == LIMIT_UNSET && node->swap_bytes > 0)
        l.limits.value[LIMIT_SWAP] = 0;
    if (l.limits.value[LIMIT_PIDS] == LIMIT_UNSET)
        l.limits.value[LIMIT_PIDS] = policy->pids_default;
    if (l.limits.value[LIMIT_CORE_SIZE] == LIMIT_UNSET)
        l.limits.value[LIMIT_CORE_SIZE] = 0;
    *ret = l;
}

/* ---- by control group ---- */

dev_t limits_disk_of(int fd)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(64);
    char path[96], number[16];
    uint64_t major_number, minor_number;
    struct stat st;
    size_t colon;

    if (fstat(fd, &st) < 0)
        return 0;
    (void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/partition", major(st.st_dev), minor(st.st_dev));
    if (access(path, F_OK) < 0)
        return st.st_dev;
    (void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/../dev", major(st.st_dev), minor(st.st_dev));
    if (file_read(AT_FDCWD, path, &text) < 0)
        return st.st_dev;
    colon = strcspn(strbuf_str(&text), ":");
    if (colon >= sizeof(number) || text.len <= colon + 1)
        return st.st_dev;
    memcpy(number, text.data, colon);
    number[colon] = '\0';
    text.data[strcspn(text.data, "\n")] = '\0';
    if (parse_u64(number, UINT32_MAX, &major_number) < 0 ||
        parse_u64(text.data + colon + 1, UINT32_MAX, &minor_number) < 0)
        return st.st_dev;
    return makedev((unsigned)major_number, (unsigned)minor_number);
}

/* Whether what was read back is what was asked for, as exactly as the kernel keeps it. */
static bool took(enum run_limit limit, int64_t asked, int64_t found)
{
    if (run_limit_info(limit)->unit == LIMIT_UNIT_BYTES)
        return found <= asked && found > asked - PAGE_BYTES_MAX;
    if (limit == LIMIT_CPU_WEIGHT)
        return llabs(found - asked) <= 1 + asked / 100;
    return found == asked;
}

static int refuse(const char *name, const char *asked, const char *found, struct err *e)
{
    return err_set(
        e, -ENOTSUP, BLAME_NODE,
        "%s: %s was asked for, %s; take the limit out of the job, run it on a machine that can, or "
        "set limits.bestEffort on this node",
        name, asked, found);
}

int limits_missing(const char *name, const char *asked, bool required, const char *found,
                   struct containment_list *list, struct err *e)
{
    char text[CONTAINMENT_TEXT_MAX];

    if (required)
        return refuse(name, asked, found, e);
    (void)snprintf(text, sizeof(text), "%s: %s", asked, found);
    return containment_add(list, name, CONTAINMENT_MISSING, text, "") < 0 ? err_oom(e) : 0;
}

static int apply_one(const struct effective_limits *l, enum run_limit limit, const struct run_group *group,
                     dev_t disk, struct containment_list *list, struct err *e)
{
    const char *name = run_limit_info(limit)->name;
    const char *backend = run_group_backend(group, limit_controller(limit));
    int64_t asked = l->limits.value[limit], found = 0;
    char text[LIMIT_TEXT_MAX], reason[64], back[LIMIT_TEXT_MAX];
    int r;

    run_limit_format(limit, asked, text);
    if (backend == NULL)
        return limits_missing(name, text, l->required[limit], "and this machine has no control group for it",
                              list, e);
    r = run_group_limit(group, limit, asked, disk);
    if (r == 0)
        r = run_group_limit_read(group, limit, disk, &found);
    if (r < 0) {
        (void)snprintf(reason, sizeof(reason), "and %s says: %s", backend, strerror(-r));
        return limits_missing(name, text, l->required[limit], reason, list, e);
    }
    if (!took(limit, asked, found)) {
        run_limit_format(limit, found, back);
        (void)snprintf(reason, sizeof(reason), "and %s holds %s", backend, back);
        return limits_missing(name, text, l->required[limit], reason, list, e);
    }
    r = containment_add(list, name, l->capped[limit] ? CONTAINMENT_CAPPED : CONTAINMENT_APPLIED, text,
                        backend);
    return r < 0 ? err_oom(e) : 0;
}

/* The list, which cpuset_valid has checked, as a mask. CPUs beyond the mask are not set, and so missed when it is read
 * back. */
static void cpuset_mask(const char *text, cpu_set_t *ret)
{
    CPU_ZERO(ret);
    for (uint64_t from, to; parse_leading_u64(text, &from, &text) == 0; text += *text == ',') {
        to = from;
        if (*text == '-' && parse_leading_u64(text + 1, &to, &text) < 0)
            return;
        for (; from <= to && from < CPU_SETSIZE; from++)
            CPU_SET(from, ret);
    }
}

static bool same_cpus(const char *a, const char *b)
{
    cpu_set_t x, y;

    if (!cpuset_valid(a) || !cpuset_valid(b))
        return false;
    cpuset_mask(a, &x);
    cpuset_mask(b, &y);
    return CPU_EQUAL(&x, &y);
}

static int apply_cpuset(const struct effective_limits *l, const struct run_group *group,
                        struct containment_list *list, struct err *e)
{
    char found[CPUSET_TEXT_MAX] = "";
    int r;

    if (l->limits.cpuset[0] == '\0' || run_group_backend(group, CONTROLLER_CPUSET) == NULL)
        return 0; /* by the process's affinity */
    r = run_group_cpuset(group, l->limits.cpuset);
    if (r == 0)
        r = run_group_cpuset_read(group, found);
    if (r < 0)
        return limits_missing("cpuset", l->limits.cpuset, l->cpuset_required, strerror(-r), list, e);
    if (!same_cpus(found, l->limits.cpuset))
        return limits_missing("cpuset", l->limits.cpuset, l->cpuset_required,
                              found[0] != '\0' ? "and the machine gives other ones" : "and none is left",
                              list, e);
    return containment_add(list, "cpuset", CONTAINMENT_APPLIED, found,
                           run_group_backend(group, CONTROLLER_CPUSET)) < 0
               ? err_oom(e)
               : 0;
}

int limits_apply(const struct effective_limits *effective, const struct run_group *group, dev_t disk,
                 struct containment_list *list, struct err *e)
{
    for (unsigned i = 0; i < LIMIT_COUNT; i++)
        if (effective->limits.value[i] != LIMIT_UNSET &&
            limit_controller((enum run_limit)i) != CONTROLLER_COUNT &&
            apply_one(effective, (enum run_limit)i, group, disk, list, e) < 0)
            return e->code;
    return apply_cpuset(effective, group, list, e);
}

/* ---- by the process itself ---- */

static int apply_rlimit(const struct effective_limits *l, enum run_limit limit, __rlimit_resource_t resource,
                        struct containment_list *list, struct err *e)
{
    const char *name = run_limit_info(limit)->name;
    int64_t asked = l->limits.value[limit];
    struct rlimit want = {(rlim_t)asked, (rlim_t)asked}, got;
    char text[LIMIT_TEXT_MAX];

    if (asked == LIMIT_UNSET)
        return 0;
    run_limit_format(limit, asked, text);
    if (setrlimit(resource, &want) < 0)
        return limits_missing(name, text, l->required[limit], strerror(errno), list, e);
    if (getrlimit(resource, &got) < 0 || got.rlim_cur != want.rlim_cur || got.rlim_max != want.rlim_max)
        return limits_missing(name, text, l->required[limit], "and the kernel holds another value", list, e);
    return containment_add(list, name, CONTAINMENT_APPLIED, text, "rlimit") < 0 ? err_oom(e) : 0;
}

static int apply_affinity(const struct effective_limits *l, struct containment_list *list, struct err *e)
{
    const char *asked = l->limits.cpuset;
    cpu_set_t want, got;

    if (asked[0] == '\0')
        return 0;
    cpuset_mask(asked, &want);
    if (sched_setaffinity(0, sizeof(want), &want) < 0)
        return limits_missing("cpuset", asked, l->cpuset_required, strerror(errno), list, e);
    if (sched_getaffinity(0, sizeof(got), &got) < 0 || !CPU_EQUAL(&want, &got))
        return limits_missing("cpuset", asked, l->cpuset_required, "and the machine gives other ones", list,
                              e);
    return containment_add(list, "cpuset", CONTAINMENT_APPLIED, asked, "affinity") < 0 ? err_oom(e) : 0;
}

int limits_apply_own(const struct effective_limits *effective, bool cpuset_by_group,
                     struct containment_list *list, struct err *e)
{
    static const struct {
        enum run_limit limit;
        __rlimit_resource_t resource;
    } OWN[] = {
        {LIMIT_CORE_SIZE, RLIMIT_CORE}, {LIMIT_FILE_SIZE, RLIMIT_FSIZE}, {LIMIT_OPEN_FILES, RLIMIT_NOFILE}};

    for (size_t i = 0; i < ARRAY_SIZE(OWN); i++)
        if (apply_rlimit(effective, OWN[i].limit, OWN[i].resource, list, e) < 0)
            return e->code;
    return cpuset_by_group ? 0 : apply_affinity(effective, list, e);
}
