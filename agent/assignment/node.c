/* node.c - see node.h. */
#include "assignment/node.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "sys/fd.h"

#define MEMINFO_MAX (64U * 1024)

void node_facts_free(struct node_facts *n)
{
    strlist_free(&n->labels);
}

static int64_t cpus(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : sysconf(_SC_NPROCESSORS_ONLN);
}

/* MemTotal of /proc/meminfo. */
static int64_t memory(int proc_fd)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(MEMINFO_MAX);
    static const char KEY[] = "MemTotal:";
    const char *at, *rest;
    uint64_t kib;

    if (file_read(proc_fd, "meminfo", &text) < 0 || (at = strstr(strbuf_str(&text), KEY)) == NULL)
        return 0;
    at += sizeof(KEY) - 1;
    at += strspn(at, " ");
    return parse_leading_u64(at, &kib, &rest) == 0 && kib < INT64_MAX / 1024 ? (int64_t)kib * 1024 : 0;
}

/* The entries of a folder that begin with `prefix` and a digit. 0 when there is no such folder. */
static int64_t count_entries(int dir_fd, const char *path, const char *prefix)
{
    int copy = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;
    size_t n = strlen(prefix);
    int64_t count = 0;

    if (dir == NULL) {
        if (copy >= 0)
            (void)close(copy);
        return 0;
    }
    while ((entry = readdir(dir)) != NULL)
        count += strncmp(entry->d_name, prefix, n) == 0 && isdigit((unsigned char)entry->d_name[n]);
    (void)closedir(dir);
    return count;
}

/* nvidia0, nvidia1 ...: not nvidiactl and the like. A service manager may keep devices out of the agent's sight, but not the
 * driver's own list, whose entries are called as the PCI devices are. */
int64_t node_gpu_count(int proc_fd, int dev_fd)
{
    int64_t nodes = count_entries(dev_fd, ".", "nvidia");
    int64_t listed = count_entries(proc_fd, "driver/nvidia/gpus", "");

    return nodes > listed ? nodes : listed;
}

int node_facts_read(int proc_fd, int dev_fd, int runs_fd, struct node_facts *ret, struct err *e)
{
    struct utsname name;
    struct statvfs vfs;

    if (uname(&name) < 0)
        return err_errno(e, errno, BLAME_NODE, "read the machine's name");
    (void)snprintf(ret->fqdn, sizeof(ret->fqdn), "%s", name.nodename);
    if (ret->id[0] == '\0')
        (void)snprintf(ret->id, sizeof(ret->id), "%s", name.nodename);
    (void)snprintf(ret->version, sizeof(ret->version), "%s", RUNLET_VERSION);
    (void)snprintf(ret->kernel, sizeof(ret->kernel), "%s", name.release);
    (void)snprintf(ret->architecture, sizeof(ret->architecture), "%s", name.machine);
    boot_id_read(ret->boot_id);
    ret->cpus = cpus();
    ret->memory_bytes = memory(proc_fd);
    ret->disk_bytes = fstatvfs(runs_fd, &vfs) == 0 ? (int64_t)(vfs.f_blocks * vfs.f_frsize) : 0;
    ret->gpus = node_gpu_count(proc_fd, dev_fd);
    return 0;
}
