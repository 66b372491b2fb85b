/* measure.c - see measure.h. */
#include "supervisor/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "base/fact.h"
#include "base/strbuf.h"
#include "sys/fd.h"

#define FIRST_INTERVAL_MS 1000
/* Whoever watches a run sees counters no older than this, however far its samples have moved apart. */
#define LOOK_INTERVAL_MS 10000
#define USAGE_BYTES_MAX  (64U * 1024)
#define USAGE_TEMP_NAME  ".usage"

void measure_begin(struct measure *m, boot_ms_t now)
{
    *m = (struct measure){.started_at = now,
                          .interval_ms = FIRST_INTERVAL_MS,
                          .keep_ms = FIRST_INTERVAL_MS,
                          .look_ms = FIRST_INTERVAL_MS};
}

static void look(struct run_usage *u, const struct run_group *group, int64_t wall_ms)
{
    struct run_group_counters c;

    run_group_count(group, &c);
    usage_set(u, USAGE_WALL_MS, wall_ms);
    usage_set(u, USAGE_CPU_USER_US, c.cpu_user);
    usage_set(u, USAGE_CPU_SYSTEM_US, c.cpu_system);
    usage_set(u, USAGE_MEMORY_BYTES, c.memory);
    usage_raise(u, USAGE_MEMORY_PEAK_BYTES, c.memory_peak >= 0 ? c.memory_peak : c.memory);
    usage_raise(u, USAGE_SWAP_PEAK_BYTES, c.swap_peak);
    usage_set(u, USAGE_MAJOR_FAULTS, c.faults_major);
    usage_set(u, USAGE_MINOR_FAULTS, c.faults_minor);
    usage_set(u, USAGE_READ_BYTES, c.io_read);
    usage_set(u, USAGE_WRITTEN_BYTES, c.io_written);
    usage_raise(u, USAGE_PIDS_PEAK, c.pids_peak >= 0 ? c.pids_peak : c.pids);
    usage_set(u, USAGE_THROTTLED_US, c.throttled);
    usage_set(u, USAGE_STALLED_CPU_US, c.stalled_cpu);
    usage_set(u, USAGE_STALLED_MEMORY_US, c.stalled_memory);
    usage_set(u, USAGE_STALLED_IO_US, c.stalled_io);
}

static void keep_sample(struct measure *m)
{
    if (m->count == MEASURE_SAMPLES_MAX) {
        for (size_t i = 0; i < MEASURE_SAMPLES_MAX / 2; i++)
            m->sample[i] = m->sample[2 * i + 1];
        m->count = MEASURE_SAMPLES_MAX / 2;
        m->interval_ms *= 2;
    }
    m->sample[m->count++] = m->usage;
}

bool measure_look(struct measure *m, const struct run_group *group, boot_ms_t now)
{
    int64_t wall_ms = now.ms - m->started_at.ms;

    if (wall_ms < m->look_ms)
        return false;
    look(&m->usage, group, wall_ms);
    if (wall_ms >= m->keep_ms) {
        keep_sample(m);
        m->keep_ms = wall_ms + m->interval_ms;
    }
    m->look_ms = wall_ms + LOOK_INTERVAL_MS;
    if (m->look_ms > m->keep_ms)
        m->look_ms = m->keep_ms;
    return true;
}

static int64_t microseconds(struct timeval t)
{
    return t.tv_sec * 1000000LL + t.tv_usec;
}

static void set_unknown(struct run_usage *u, enum usage_counter counter, int64_t value)
{
    int64_t known;

    if (!usage_get(u, counter, &known))
        usage_set(u, counter, value);
}

void measure_end(struct measure *m, const struct run_group *group, const struct rusage *ended, boot_ms_t now)
{
    struct run_usage *u = &m->usage;

    look(u, group, now.ms - m->started_at.ms);
    set_unknown(u, USAGE_CPU_USER_US, microseconds(ended->ru_utime));
    set_unknown(u, USAGE_CPU_SYSTEM_US, microseconds(ended->ru_stime));
    set_unknown(u, USAGE_MEMORY_PEAK_BYTES, ended->ru_maxrss * 1024LL); /* of the largest process */
    set_unknown(u, USAGE_MAJOR_FAULTS, ended->ru_majflt);
    set_unknown(u, USAGE_MINOR_FAULTS, ended->ru_minflt);
    set_unknown(u, USAGE_READ_BYTES, ended->ru_inblock * 512LL);
    set_unknown(u, USAGE_WRITTEN_BYTES, ended->ru_oublock * 512LL);
}

static int put(struct strbuf *text, const struct run_usage *usage)
{
    struct fact_writer w = fact_begin(text);

    usage_put(&w, usage);
    return fact_end(&w);
}

int measure_write(const struct measure *m, int run_fd)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(USAGE_BYTES_MAX);
    AUTO_CLOSE int fd = -1;
    int64_t latest = 0, kept = 0;
    int r = 0;

    if (m->count == 0)
        return 0;
    for (size_t i = 0; i < m->count && r == 0; i++)
        r = put(&text, &m->sample[i]);
    (void)usage_get(&m->usage, USAGE_WALL_MS, &latest);
    (void)usage_get(&m->sample[m->count - 1], USAGE_WALL_MS, &kept);
    if (r == 0 && latest > kept)
        r = put(&text, &m->usage);
    if (r < 0)
        return r;
    (void)unlinkat(run_fd, USAGE_TEMP_NAME, 0);
    fd = openat(run_fd, USAGE_TEMP_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0)
        return -errno;
    r = fd_write_all(fd, text.data, text.len);
    CRASH_POINT("usage-written");
    if (r == 0 && renameat(run_fd, USAGE_TEMP_NAME, run_fd, USAGE_NAME) < 0)
        r = -errno;
    return r;
}

static int64_t disk_floor(int64_t free_at_start, int64_t reserve)
{
    return reserve < free_at_start / 2 ? reserve : free_at_start / 2;
}

bool disk_exhausted(int64_t free_bytes, int64_t free_at_start, int64_t reserve)
{
    return free_bytes >= 0 && free_at_start >= 0 && free_bytes < disk_floor(free_at_start, reserve);
}

bool disk_must_go(int64_t free_bytes, int64_t free_at_start, int64_t reserve, int64_t own_bytes)
{
    int64_t taken = free_at_start - free_bytes;

    return own_bytes >= taken - own_bytes || free_bytes < disk_floor(free_at_start, reserve) / 8;
}

int64_t disk_free(int fd)
{
    struct statvfs st;

    if (fstatvfs(fd, &st) < 0 || st.f_blocks == 0)
        return -1;
    return (int64_t)(st.f_bavail * st.f_frsize);
}
