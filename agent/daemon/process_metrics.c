/* process_metrics.c - see process_metrics.h. */
#include "daemon/process_metrics.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/parse.h"
#include "format/exposition.h"
#include "sys/fd.h"
#include "sys/process.h"

#define STATM_MAX 256

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void put_memory(struct strbuf *out)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(STATM_MAX);
    double page = (double)sysconf(_SC_PAGESIZE);
    uint64_t all, resident;
    const char *rest;

    if (file_read(AT_FDCWD, "/proc/self/statm", &text) < 0 ||
        parse_leading_u64(strbuf_str(&text), &all, &rest) < 0 ||
        parse_leading_u64(rest + strspn(rest, " "), &resident, &rest) < 0)
        return;
    exposition_single(out, "process_virtual_memory_bytes", "gauge", "Virtual memory of the agent.",
                      (double)all * page);
    exposition_single(out, "process_resident_memory_bytes", "gauge", "Memory of the agent that is in RAM.",
                      (double)resident * page);
}

static void put_descriptors(struct strbuf *out)
{
    DIR *dir = opendir("/proc/self/fd");
    struct rlimit limit;
    double count = 0;

    if (dir == NULL)
        return;
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        count += entry->d_name[0] != '.';
    (void)closedir(dir);
    /* Without the one that this took. */
    exposition_single(out, "process_open_fds", "gauge", "Open descriptors of the agent.", count - 1);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        exposition_single(out, "process_max_fds", "gauge", "How many it may have open.",
                          (double)limit.rlim_cur);
}

static void put_start(struct strbuf *out)
{
    struct process_identity self;
    double since;

    if (process_identity_of(getpid(), &self) < 0)
        return;
    since = (double)clock_boot().ms / 1000 - (double)self.start_time / (double)sysconf(_SC_CLK_TCK);
    exposition_single(out, "process_start_time_seconds", "gauge",
                      "When the agent was started, in seconds since 1970.",
                      (double)clock_wall().ms / 1000 - since);
}

void process_metrics_put(struct strbuf *out)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) == 0)
        exposition_single(out, "process_cpu_seconds_total", "counter", "CPU time of the agent.",
                          seconds(usage.ru_utime) + seconds(usage.ru_stime));
    put_memory(out);
    put_descriptors(out);
    put_start(out);
}
