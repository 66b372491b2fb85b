/* health_probe.c - see health_probe.h. */
#include "daemon/health_probe.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>

#include "base/auto.h"
#include "sys/fd.h"
#include "sys/mounts.h"
#include "sys/run_group.h"

/* A run's records, its logs and an archive of some size unpacked. */
#define INODES_WANTED 1000
/* Of a disk on which reserve.disk would be a large part, this part must be free. */
#define SMALL_DISK_PART 10
#define MOUNTINFO_MAX   (4U << 20)
#define CONTROLLERS_MAX 4096

static bool mounted(const char *path, size_t n, const char *mountinfo)
{
    struct mount_entry m;

    while (n > 1 && path[n - 1] == '/')
        n--;
    for (const char *at = mountinfo; mount_next(&at, &m);)
        if (strlen(m.point) == n && memcmp(m.point, path, n) == 0)
            return true;
    return false;
}

void health_mounts_missing(const char *wanted, const char *mountinfo, char *ret, size_t size)
{
    size_t used = 0;

    ret[0] = '\0';
    for (const char *at = wanted; *(at += strspn(at, " ")) != '\0'; at += strcspn(at, " ")) {
        int length = (int)strcspn(at, " "), n;
        if (mounted(at, (size_t)length, mountinfo))
            continue;
        n = snprintf(ret + used, size - used, "%s%.*s", used > 0 ? " " : "", length, at);
        if (n < 0 || (size_t)n >= size - used)
            return;
        used += (size_t)n;
    }
}

static void probe_mounts(const char *wanted, struct health_facts *f)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(MOUNTINFO_MAX);

    f->mounts_wanted = wanted[0] != '\0';
    /* A list that cannot be read has nothing in it. */
    if (f->mounts_wanted && file_read(AT_FDCWD, "/proc/self/mountinfo", &text) < 0)
        strbuf_reset(&text);
    health_mounts_missing(wanted, strbuf_str(&text), f->mounts_missing, sizeof(f->mounts_missing));
}

static void probe_disk(const struct agent *a, struct health_facts *f)
{
    struct statvfs runs, agent;

    if (fstatvfs(a->launcher.runs_fd, &runs) < 0 || fstatvfs(a->agent_fd, &agent) < 0) {
        f->read_only = true;
        return;
    }
    f->disk_free = (uint64_t)runs.f_bavail * runs.f_frsize;
    f->disk_wanted = (uint64_t)runs.f_blocks * runs.f_frsize / SMALL_DISK_PART;
    if (f->disk_wanted > (uint64_t)a->config->reserve_disk_bytes)
        f->disk_wanted = (uint64_t)a->config->reserve_disk_bytes;
    f->inodes_free = runs.f_favail;
    f->inodes_wanted = runs.f_files > 0 ? INODES_WANTED : 0;
    f->read_only = ((runs.f_flag | agent.f_flag) & ST_RDONLY) != 0;
}

static bool has_word(const char *text, const char *word)
{
    size_t n = strlen(word);

    for (const char *at = text; *(at += strspn(at, " \n")) != '\0'; at += strcspn(at, " \n"))
        if (strcspn(at, " \n") == n && memcmp(at, word, n) == 0)
            return true;
    return false;
}

/* Controllers of version 2 are the machine's, as its top group lists them; those of version 1 are where they are mounted. */
static void probe_cgroup(struct health_facts *f)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(CONTROLLERS_MAX);
    struct cgroup_places places = {0};
    AUTO_CLOSE int top = -1;

    cgroup_places_read(&places);
    f->cgroup_memory = places.v1_own[CONTROLLER_MEMORY][0] != '\0';
    f->cgroup_pids = places.v1_own[CONTROLLER_PIDS][0] != '\0';
    if (places.unified_top[0] == '\0')
        return;
    top = dir_open(AT_FDCWD, places.unified_top);
    if (top < 0 || file_read(top, "cgroup.controllers", &text) < 0)
        return;
    f->cgroup_memory = f->cgroup_memory || has_word(strbuf_str(&text), "memory");
    f->cgroup_pids = f->cgroup_pids || has_word(strbuf_str(&text), "pids");
}

static bool synchronised(void)
{
    struct timex t = {0};
    int state = adjtimex(&t);

    return state >= 0 && state != TIME_ERROR && (t.status & STA_UNSYNC) == 0;
}

void health_probe(const struct agent *a, struct health_facts *ret)
{
    AUTO_CLOSE int proc = dir_open(AT_FDCWD, "/proc"), dev = dir_open(AT_FDCWD, "/dev");

    *ret = (struct health_facts){.now = clock_wall(),
                                 .clock_synchronised = synchronised(),
                                 .gpus_wanted = a->config->health_gpus,
                                 .gpus = node_gpu_count(proc, dev)};
    probe_disk(a, ret);
    probe_mounts(a->config->health_mounts, ret);
    probe_cgroup(ret);
}
