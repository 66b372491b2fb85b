/* health.c - see health.h. */
#include "run/health.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* 2026-01-01: this program is younger. A machine that starts without a clock of its own begins in 1970 or at the date of its
 * system's build. */
#define DATE_EARLIEST_MS 1767225600000LL
/* Certificates and leases of a machine so far ahead mean nothing. */
#define DATE_LATEST_MS 4102444800000LL

static const char *const CHECK_NAMES[HEALTH_CHECK_COUNT] = {
    [HEALTH_DISK] = "disk",     [HEALTH_INODES] = "inodes", [HEALTH_READ_ONLY] = "read-only",
    [HEALTH_DATE] = "date",     [HEALTH_CLOCK] = "clock",   [HEALTH_MOUNTS] = "mounts",
    [HEALTH_CGROUP] = "cgroup", [HEALTH_GPU] = "gpu",       [HEALTH_COMMAND] = "command",
};

static const char *const REMEDIES[HEALTH_CHECK_COUNT] = {
    [HEALTH_DISK] = "free space below directories.state, shorten the retention, or lower reserve.disk",
    [HEALTH_INODES] = "remove files below directories.state, or make its file system with more inodes",
    [HEALTH_READ_ONLY] = "the kernel's messages say why; check and remount the file system",
    [HEALTH_DATE] = "set the machine's clock",
    [HEALTH_CLOCK] = "start a time service, such as chrony or systemd-timesyncd",
    [HEALTH_MOUNTS] = "mount it, or correct health.mounts",
    [HEALTH_CGROUP] = "enable the controllers on the kernel's command line, or mount them",
    [HEALTH_GPU] =
        "load the driver and look for the devices in the kernel's messages, or correct health.gpus",
    [HEALTH_COMMAND] = "see what health.command looks at",
};

const char *health_check_name(enum health_check check)
{
    return CHECK_NAMES[check];
}

const char *health_state_name(enum health_state state)
{
    switch (state) {
    case HEALTH_PASSED: return "passed";
    case HEALTH_WARNS: return "warns";
    case HEALTH_BLOCKS: return "blocks";
    case HEALTH_OFF:
    default: return "off";
    }
}

unsigned health_checks_of(const char *words)
{
    unsigned bits = 0;

    for (const char *at = words; *(at += strspn(at, " ")) != '\0'; at += strcspn(at, " "))
        for (unsigned i = 0; i < HEALTH_CHECK_COUNT; i++)
            if (strlen(CHECK_NAMES[i]) == strcspn(at, " ") &&
                strncmp(at, CHECK_NAMES[i], strlen(CHECK_NAMES[i])) == 0)
                bits |= 1U << i;
    return bits;
}

/* Writes what is wrong with one; nothing when it passed. Returns false when nothing is asked of it. */
static bool find(const struct health_facts *f, enum health_check check, char ret[HEALTH_TEXT_MAX])
{
    switch (check) {
    case HEALTH_DISK:
        if (f->disk_free < f->disk_wanted)
            (void)snprintf(ret, HEALTH_TEXT_MAX, "%" PRIu64 " MiB are free, and %" PRIu64 " MiB wanted",
                           f->disk_free >> 20, f->disk_wanted >> 20);
        return true;
    case HEALTH_INODES:
        if (f->inodes_free < f->inodes_wanted)
            (void)snprintf(ret, HEALTH_TEXT_MAX,
                           "the disk takes %" PRIu64 " more files, and %" PRIu64 " are wanted",
                           f->inodes_free, f->inodes_wanted);
        return f->inodes_wanted > 0;
    case HEALTH_READ_ONLY:
        if (f->read_only)
            (void)snprintf(ret, HEALTH_TEXT_MAX, "the disk is read-only");
        return true;
    case HEALTH_DATE:
        if (f->now.ms < DATE_EARLIEST_MS || f->now.ms > DATE_LATEST_MS) {
            char date[RFC3339_MAX];
            wall_format(f->now, date);
            (void)snprintf(ret, HEALTH_TEXT_MAX, "the machine's clock says %s", date);
        }
        return true;
    case HEALTH_CLOCK:
        if (!f->clock_synchronised)
            (void)snprintf(ret, HEALTH_TEXT_MAX, "no time service keeps the machine's clock right");
        return true;
    case HEALTH_MOUNTS:
        if (f->mounts_missing[0] != '\0')
            (void)snprintf(ret, HEALTH_TEXT_MAX, "not mounted: %s", f->mounts_missing);
        return f->mounts_wanted;
    case HEALTH_CGROUP:
        if (!f->cgroup_memory || !f->cgroup_pids)
            (void)snprintf(
                ret, HEALTH_TEXT_MAX, "no control group can limit %s%s%s", f->cgroup_memory ? "" : "memory",
                f->cgroup_memory || f->cgroup_pids ? "" : " and ", f->cgroup_pids ? "" : "processes");
        return true;
    case HEALTH_GPU:
        if (f->gpus < f->gpus_wanted)
            (void)snprintf(ret, HEALTH_TEXT_MAX, "%" PRId64 " of %" PRId64 " GPU devices are there", f->gpus,
                           f->gpus_wanted);
        return f->gpus_wanted > 0;
    case HEALTH_COMMAND:
        if (f->command == HEALTH_COMMAND_NOT_YET)
            (void)snprintf(ret, HEALTH_TEXT_MAX, "health.command has not ended yet");
        else if (f->command == HEALTH_COMMAND_FAILED)
            (void)snprintf(ret, HEALTH_TEXT_MAX, "health.command: %s", f->command_said);
        return f->command != HEALTH_COMMAND_NONE;
    case HEALTH_CHECK_COUNT:
    default: return false;
    }
}

void health_judge(const struct health_facts *f, unsigned blocking,
                  struct health_result ret[HEALTH_CHECK_COUNT])
{
    for (unsigned i = 0; i < HEALTH_CHECK_COUNT; i++) {
        struct health_result *r = &ret[i];
        *r = (struct health_result){.remedy = ""};
        if (!find(f, (enum health_check)i, r->what))
            r->what[0] = '\0';
        else if (r->what[0] == '\0')
            r->state = HEALTH_PASSED;
        else {
            r->state = (blocking & 1U << i) != 0 ? HEALTH_BLOCKS : HEALTH_WARNS;
            r->remedy = REMEDIES[i];
        }
    }
}

void health_blocking_text(const struct health_result results[HEALTH_CHECK_COUNT], char *ret, size_t size)
{
    size_t used = 0;

    ret[0] = '\0';
    for (unsigned i = 0; i < HEALTH_CHECK_COUNT; i++) {
        const struct health_result *r = &results[i];
        int n;
        if (r->state != HEALTH_BLOCKS)
            continue;
        n = snprintf(ret + used, size - used, "%s%s: %s; %s", used > 0 ? "; " : "", CHECK_NAMES[i], r->what,
                     r->remedy);
        if (n < 0 || (size_t)n >= size - used)
            return;
        used += (size_t)n;
    }
}
