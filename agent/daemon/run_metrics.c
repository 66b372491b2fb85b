/* run_metrics.c - see run_metrics.h. */
#include "daemon/run_metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "format/exposition.h"
#include "record/files.h"
#include "record/usage.h"
#include "sys/fd.h"

#define USAGE_FILE_MAX (64U * 1024)

/* Metrics of one run that are counters of its usage. */
static const struct {
    enum usage_counter counter;
    const char *name, *type, *help;
    double per_unit; /* of the metric */
} USED[] = {
    {USAGE_CPU_USER_US, "runlet_run_cpu_user_seconds_total", "counter", "CPU time of the job's own code.",
     1e6},
    {USAGE_CPU_SYSTEM_US, "runlet_run_cpu_system_seconds_total", "counter",
     "CPU time of the kernel for the job.", 1e6},
    {USAGE_THROTTLED_US, "runlet_run_cpu_throttled_seconds_total", "counter",
     "Time for which the CPU quota held the job back, summed over CPUs.", 1e6},
    {USAGE_MEMORY_BYTES, "runlet_run_memory_bytes", "gauge", "Memory of the run's control group.", 1},
    {USAGE_MEMORY_PEAK_BYTES, "runlet_run_memory_peak_bytes", "gauge", "The most that it was.", 1},
    {USAGE_SWAP_PEAK_BYTES, "runlet_run_swap_peak_bytes", "gauge", "The most swap that the run had.", 1},
    {USAGE_MAJOR_FAULTS, "runlet_run_major_faults_total", "counter",
     "Page faults that were read from a disk.", 1},
    {USAGE_READ_BYTES, "runlet_run_disk_read_bytes_total", "counter", "Bytes read from disks.", 1},
    {USAGE_WRITTEN_BYTES, "runlet_run_disk_written_bytes_total", "counter", "Bytes written to disks.", 1},
    {USAGE_PIDS_PEAK, "runlet_run_processes_peak", "gauge", "The most processes and threads at once.", 1},
    {USAGE_STALLED_CPU_US, "runlet_run_cpu_stalled_seconds_total", "counter",
     "Time in which some process waited for a CPU (PSI some).", 1e6},
    {USAGE_STALLED_MEMORY_US, "runlet_run_memory_stalled_seconds_total", "counter",
     "Time in which some process waited for memory (PSI some).", 1e6},
    {USAGE_STALLED_IO_US, "runlet_run_io_stalled_seconds_total", "counter",
     "Time in which some process waited for a disk (PSI some).", 1e6},
};

/* What is read of one run, once for all families. */
struct seen {
    const struct run *run;
    struct run_usage usage;
    int64_t log_bytes; /* -1: none yet */
};

/* The last line of the file is the latest look. */
static void read_usage(int dir_fd, struct run_usage *ret)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(USAGE_FILE_MAX);
    AUTO(fact) struct fact f = {0};
    struct err e = ERR_INIT;
    const char *begin, *at;
    size_t n;

    if (load_file(dir_fd, "usage", &text, &e) < 0 || text.len == 0)
        return;
    begin = strbuf_str(&text);
    n = text.len;
    while (n > 0 && begin[n - 1] == '\n')
        n--;
    at = memrchr(begin, '\n', n);
    at = at != NULL ? at + 1 : begin;
    if (fact_decode(at, n - (size_t)(at - begin), &f, &e) == 0)
        usage_take(&f, ret);
}

static void look(const struct agent *a, const struct run *run, struct seen *ret)
{
    AUTO_CLOSE int dir = dir_open(a->launcher.runs_fd, run->id);
    struct stat st;

    *ret = (struct seen){.run = run, .log_bytes = -1};
    if (dir < 0)
        return;
    read_usage(dir, &ret->usage);
    if (fstatat(dir, "log/output.log", &st, AT_SYMLINK_NOFOLLOW) == 0)
        ret->log_bytes = st.st_size;
}

static void put_phases(const struct agent *a, struct strbuf *out)
{
    size_t count[PHASE_COUNT] = {0};

    for (const struct run *run = engine_first(a->engine); run != NULL; run = run->next)
        count[run->phase]++;
    exposition_family(out, "runlet_runs", "gauge",
                      "Runs that the agent attends, by phase. ACCEPTED ones wait for a place, REPORTING ones "
                      "for their control plane.");
    for (unsigned i = 0; i < PHASE_FINISHED; i++) {
        const struct exposition_label label = {"phase", phase_name((enum phase)i)};
        exposition_sample(out, "runlet_runs", &label, 1, (double)count[i]);
    }
}

static void put_used(const struct seen *seen, size_t count, struct strbuf *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(USED); i++) {
        exposition_family(out, USED[i].name, USED[i].type, USED[i].help);
        for (size_t j = 0; j < count && seen[j].run != NULL; j++) {
            const struct exposition_label label = {"run", seen[j].run->id};
            int64_t value;
            if (usage_get(&seen[j].usage, USED[i].counter, &value))
                exposition_sample(out, USED[i].name, &label, 1, (double)value / USED[i].per_unit);
        }
    }
}

static void put_deadlines(const struct seen *seen, size_t count, struct strbuf *out)
{
    boot_ms_t now = clock_boot();

    exposition_family(out, "runlet_run_deadline_remaining_seconds", "gauge",
                      "Time until the run's maximum runtime is over; negative while it is being stopped.");
    for (size_t i = 0; i < count && seen[i].run != NULL; i++) {
        const struct exposition_label label = {"run", seen[i].run->id};
        if (seen[i].run->deadline.ms > 0)
            exposition_sample(out, "runlet_run_deadline_remaining_seconds", &label, 1,
                              (double)(seen[i].run->deadline.ms - now.ms) / 1000);
    }
}

static void put_logs(const struct seen *seen, size_t count, struct strbuf *out)
{
    exposition_family(out, "runlet_run_log_bytes_total", "counter",
                      "Output of the run that is on the node's disk.");
    for (size_t i = 0; i < count && seen[i].run != NULL; i++) {
        const struct exposition_label label = {"run", seen[i].run->id};
        if (seen[i].log_bytes >= 0)
            exposition_sample(out, "runlet_run_log_bytes_total", &label, 1, (double)seen[i].log_bytes);
    }
}

void run_metrics_put(const struct agent *a, struct strbuf *out)
{
    AUTO_FREE struct seen *seen = NULL;
    size_t count = 0, i = 0;

    put_phases(a, out);
    for (const struct run *run = engine_first(a->engine); run != NULL; run = run->next)
        count += run->phase >= PHASE_LAUNCHING && run->phase < PHASE_REPORTING;
    seen = calloc(count > 0 ? count : 1, sizeof(*seen));
    if (seen == NULL) {
        out->failed = -ENOMEM;
        return;
    }
    for (const struct run *run = engine_first(a->engine); run != NULL; run = run->next)
        if (run->phase >= PHASE_LAUNCHING && run->phase < PHASE_REPORTING)
            look(a, run, &seen[i++]);
    put_used(seen, count, out);
    put_deadlines(seen, count, out);
    put_logs(seen, count, out);
}
