/* run_group_limit.c - see run_group.h: each limit as its file, in both versions, and what the groups count. */
#include "sys/run_group.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "sys/fd.h"

#define FILE_MAX      (64U * 1024)
#define CPU_PERIOD_US 100000
/* Groups nest deeper than this nowhere. */
#define DEPTH_MAX 64
/* Version 1 writes "no limit" as the largest number of whole pages. */
#define V1_UNLIMITED (INT64_MAX - 1024 * 1024)
/* The weight 100 of version 2 is 1024 shares of version 1. */
#define SHARES_OF_100 1024

/* How a limit is written in a version of control groups; a NULL file: that version has none. */
enum form {
    FORM_NUMBER,  /* the value */
    FORM_QUOTA,   /* thousandths of a CPU as "quota period" (2) or as two files (1) */
    FORM_SHARES,  /* weight as shares */
    FORM_DEVICE,  /* "major:minor key=value" (2) or "major:minor value" (1) */
    FORM_DEFAULT, /* "default value" (2), the value (1) */
    FORM_BESIDE,  /* of swap (1): the value and the limit of memory together */
};

static const struct limit_file {
    enum cgroup_controller controller;
    const char *v2, *v1;
    enum form v2_form, v1_form;
    const char *key; /* FORM_DEVICE of version 2 */
} FILES[LIMIT_COUNT] = {
    [LIMIT_MEMORY] = {CONTROLLER_MEMORY, "memory.max", "memory.limit_in_bytes", FORM_NUMBER, FORM_NUMBER,
                      NULL},
    [LIMIT_MEMORY_HIGH] = {CONTROLLER_MEMORY, "memory.high", NULL, FORM_NUMBER, FORM_NUMBER, NULL},
    [LIMIT_SWAP] = {CONTROLLER_MEMORY, "memory.swap.max", "memory.memsw.limit_in_bytes", FORM_NUMBER,
                    FORM_BESIDE, NULL},
    [LIMIT_CPU] = {CONTROLLER_CPU, "cpu.max", "cpu.cfs_quota_us", FORM_QUOTA, FORM_QUOTA, NULL},
    [LIMIT_CPU_WEIGHT] = {CONTROLLER_CPU, "cpu.weight", "cpu.shares", FORM_NUMBER, FORM_SHARES, NULL},
    [LIMIT_PIDS] = {CONTROLLER_PIDS, "pids.max", "pids.max", FORM_NUMBER, FORM_NUMBER, NULL},
    [LIMIT_IO_READ] = {CONTROLLER_IO, "io.max", "blkio.throttle.read_bps_device", FORM_DEVICE, FORM_DEVICE,
                       "rbps"},
    [LIMIT_IO_WRITE] = {CONTROLLER_IO, "io.max", "blkio.throttle.write_bps_device", FORM_DEVICE, FORM_DEVICE,
                        "wbps"},
    [LIMIT_IO_WEIGHT] = {CONTROLLER_IO, "io.weight", "blkio.weight", FORM_DEFAULT, FORM_NUMBER, NULL},
    [LIMIT_OPEN_FILES] = {CONTROLLER_COUNT, NULL, NULL, FORM_NUMBER, FORM_NUMBER, NULL},
    [LIMIT_CORE_SIZE] = {CONTROLLER_COUNT, NULL, NULL, FORM_NUMBER, FORM_NUMBER, NULL},
    [LIMIT_FILE_SIZE] = {CONTROLLER_COUNT, NULL, NULL, FORM_NUMBER, FORM_NUMBER, NULL},
    [LIMIT_SCRATCH] = {CONTROLLER_COUNT, NULL, NULL, FORM_NUMBER, FORM_NUMBER, NULL},
};

enum cgroup_controller limit_controller(enum run_limit limit)
{
    return FILES[limit].controller;
}

static int write_text(int dir_fd, const char *file, const char *text)
{
    AUTO_CLOSE int fd = openat(dir_fd, file, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT ? -ENOTSUP : -errno;
    return fd_write_all(fd, text, strlen(text));
}

/* The folder, file and form for the limit on this machine. False when it has none. */
static bool locate(const struct run_group *g, enum run_limit limit, int *ret_dir, const char **ret_file,
                   enum form *ret_form, bool *ret_v2)
{
    const struct limit_file *f = &FILES[limit];

    if (f->controller == CONTROLLER_COUNT)
        return false;
    *ret_v2 = g->v2_has[f->controller];
    *ret_dir = *ret_v2 ? g->unified.fd : g->v1[f->controller].fd;
    *ret_file = *ret_v2 ? f->v2 : f->v1;
    *ret_form = *ret_v2 ? f->v2_form : f->v1_form;
    return *ret_dir >= 0 && *ret_file != NULL;
}

static int64_t shares_of(int64_t weight)
{
    int64_t shares = weight * SHARES_OF_100 / 100;

    return shares < 2 ? 2 : shares > 262144 ? 262144 : shares;
}

static int64_t file_number(int dir_fd, const char *file);

int run_group_limit(const struct run_group *g, enum run_limit limit, int64_t value, dev_t disk)
{
    const char *file;
    char text[96];
    enum form form;
    int64_t memory;
    bool v2;
    int dir;

    if (!locate(g, limit, &dir, &file, &form, &v2))
        return -ENOTSUP;
    switch (form) {
    case FORM_QUOTA:
        (void)snprintf(text, sizeof(text), v2 ? "%" PRId64 " %d" : "%" PRId64, value * (CPU_PERIOD_US / 1000),
                       CPU_PERIOD_US);
        break;
    case FORM_SHARES: (void)snprintf(text, sizeof(text), "%" PRId64, shares_of(value)); break;
    case FORM_DEVICE:
        (void)snprintf(text, sizeof(text), "%u:%u %s%s%" PRId64, major(disk), minor(disk),
                       v2 ? FILES[limit].key : "", v2 ? "=" : "", value);
        break;
    case FORM_DEFAULT: (void)snprintf(text, sizeof(text), "default %" PRId64, value); break;
    case FORM_BESIDE:
        memory = file_number(dir, FILES[LIMIT_MEMORY].v1);
        if (memory < 0 || memory > INT64_MAX - value)
            return -ENOTSUP; /* beside memory without a limit it means nothing */
        (void)snprintf(text, sizeof(text), "%" PRId64, memory + value);
        break;
    default: (void)snprintf(text, sizeof(text), "%" PRId64, value); break;
    }
    return write_text(dir, file, text);
}

/* ---- reading ---- */

/* The whole number at the text's begin, "max" and what stands for it in version 1 as INT64_MAX; -1 when it is none. */
static int64_t number_at(const char *text)
{
    char digits[24];
    size_t n = strspn(text, "-0123456789");
    int64_t value;

    if (strncmp(text, "max", 3) == 0)
        return INT64_MAX;
    if (n == 0 || n >= sizeof(digits))
        return -1;
    memcpy(digits, text, n);
    digits[n] = '\0';
    if (parse_i64(digits, INT64_MIN, INT64_MAX, &value) < 0)
        return -1;
    return value >= V1_UNLIMITED || value < 0 ? INT64_MAX : value;
}

static int64_t file_number(int dir_fd, const char *file)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(FILE_MAX);

    return dir_fd >= 0 && file_read(dir_fd, file, &text) == 0 ? number_at(strbuf_str(&text)) : -1;
}

/* The number after `key` and one of " =" , where the key begins a word. */
static int64_t number_after(const char *text, const char *key)
{
    size_t n = strlen(key);

    for (const char *at = text; (at = strstr(at, key)) != NULL; at += n)
        if ((at == text || strchr(" \n", at[-1]) != NULL) && (at[n] == ' ' || at[n] == '='))
            return number_at(at + n + 1);
    return -1;
}

static int64_t file_keyed(int dir_fd, const char *file, const char *key)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(FILE_MAX);

    return dir_fd >= 0 && file_read(dir_fd, file, &text) == 0 ? number_after(strbuf_str(&text), key) : -1;
}

/* The line of a device in io.max or of a throttle. */
static int64_t device_number(int dir_fd, const char *file, dev_t disk, const char *key)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(FILE_MAX);
    char device[32];
    const char *line;

    (void)snprintf(device, sizeof(device), "%u:%u", major(disk), minor(disk));
    if (file_read(dir_fd, file, &text) < 0)
        return -1;
    line = strbuf_str(&text);
    while (*line != '\0' && (strncmp(line, device, strlen(device)) != 0 || line[strlen(device)] != ' ')) {
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    if (*line == '\0')
        return INT64_MAX; /* no line: no limit */
    return key != NULL ? number_after(line, key) : number_at(line + strlen(device) + 1);
}

/* Thousandths of a CPU from the quota. */
static int64_t read_quota(int dir, bool v2)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(FILE_MAX);
    int64_t quota, period;
    const char *blank;

    if (!v2) {
        quota = file_number(dir, "cpu.cfs_quota_us");
        period = file_number(dir, "cpu.cfs_period_us");
    } else {
        if (file_read(dir, "cpu.max", &text) < 0)
            return -1;
        quota = number_at(strbuf_str(&text));
        blank = strchr(strbuf_str(&text), ' ');
        period = blank != NULL ? number_at(blank + 1) : -1;
    }
    return quota == INT64_MAX || quota < 0 || period <= 0 ? quota : quota * 1000 / period;
}

int run_group_limit_read(const struct run_group *g, enum run_limit limit, dev_t disk, int64_t *ret)
{
    const char *file;
    enum form form;
    int64_t memory;
    bool v2;
    int dir;

    if (!locate(g, limit, &dir, &file, &form, &v2))
        return -ENOTSUP;
    switch (form) {
    case FORM_QUOTA: *ret = read_quota(dir, v2); break;
    case FORM_SHARES:
        *ret = file_number(dir, file);
        *ret = *ret < 0 ? *ret : (*ret * 100 + SHARES_OF_100 / 2) / SHARES_OF_100;
        break;
    case FORM_DEVICE: *ret = device_number(dir, file, disk, v2 ? FILES[limit].key : NULL); break;
    case FORM_DEFAULT: *ret = file_keyed(dir, file, "default"); break;
    case FORM_BESIDE:
        *ret = file_number(dir, file);
        memory = file_number(dir, FILES[LIMIT_MEMORY].v1);
        *ret = *ret < 0 || *ret == INT64_MAX ? *ret : *ret - memory;
        break;
    default: *ret = file_number(dir, file); break;
    }
    return *ret < 0 ? -EIO : 0;
}

static int cpuset_folder(const struct run_group *g)
{
    return g->v2_has[CONTROLLER_CPUSET] ? g->unified.fd : g->v1[CONTROLLER_CPUSET].fd;
}

int run_group_cpuset(const struct run_group *g, const char *cpus)
{
    return cpuset_folder(g) < 0 ? -ENOTSUP : write_text(cpuset_folder(g), "cpuset.cpus", cpus);
}

int run_group_cpuset_read(const struct run_group *g, char ret[CPUSET_TEXT_MAX])
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(FILE_MAX);
    int r;

    if (cpuset_folder(g) < 0)
        return -ENOTSUP;
    r = file_read(cpuset_folder(g),
                  g->v2_has[CONTROLLER_CPUSET] ? "cpuset.cpus.effective" : "cpuset.effective_cpus", &text);
    if (r < 0)
        return r;
    (void)snprintf(ret, CPUSET_TEXT_MAX, "%.*s", (int)strcspn(strbuf_str(&text), "\n"), strbuf_str(&text));
    return 0;
}

/* ---- what encloses the group ---- */

static void lower(int64_t *to, int64_t value)
{
    if (value >= 0 && value < *to)
        *to = value;
}

/* The least of all groups above, up to the top of the hierarchy that this process sees. */
static void lower_by_parents(const struct cgroup *g, bool v2, bool cpu, int64_t *to)
{
    int dir = g->parent_fd >= 0 ? fcntl(g->parent_fd, F_DUPFD_CLOEXEC, 0) : -1;

    for (int depth = 0; dir >= 0 && depth < DEPTH_MAX && faccessat(dir, "cgroup.procs", F_OK, 0) == 0;
         depth++) {
        int above = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (cpu)
            lower(to, read_quota(dir, v2));
        else
            lower(to, file_number(dir, v2 ? FILES[LIMIT_MEMORY].v2 : FILES[LIMIT_MEMORY].v1));
        fd_close(&dir);
        dir = above;
    }
    fd_close(&dir);
}

void run_group_room(const struct run_group *g, int64_t *ret_memory, int64_t *ret_cpu)
{
    bool memory_v2 = g->v2_has[CONTROLLER_MEMORY], cpu_v2 = g->v2_has[CONTROLLER_CPU];

    *ret_memory = *ret_cpu = INT64_MAX;
    lower_by_parents(memory_v2 ? &g->unified : &g->v1[CONTROLLER_MEMORY], memory_v2, false, ret_memory);
    lower_by_parents(cpu_v2 ? &g->unified : &g->v1[CONTROLLER_CPU], cpu_v2, true, ret_cpu);
}

/* ---- counting ---- */

/* "some avg10=... total=N": microseconds in which at least one process waited. */
static int64_t stalled(const struct cgroup *g, const char *file)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(4096);
    const char *total;

    if (g->fd < 0 || file_read(g->fd, file, &text) < 0)
        return -1;
    total = strncmp(strbuf_str(&text), "some ", 5) == 0 ? strstr(strbuf_str(&text), "total=") : NULL;
    return total != NULL ? number_at(total + 6) : -1;
}

/* Sums "key=N" over the devices of io.stat. */
static int64_t io_sum(int dir, const char *key)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(FILE_MAX);
    int64_t sum = 0;

    if (file_read(dir, "io.stat", &text) < 0)
        return -1;
    for (const char *at = strbuf_str(&text); (at = strstr(at, key)) != NULL; at += strlen(key)) {
        int64_t n = number_at(at + strlen(key));
        sum += n > 0 && n < INT64_MAX ? n : 0;
    }
    return sum;
}

/* Sums the lines "major:minor Read N" of version 1. */
static int64_t blkio_sum(int dir, const char *word)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(FILE_MAX);
    int64_t sum = 0;

    if (dir < 0 || file_read(dir, "blkio.throttle.io_service_bytes_recursive", &text) < 0)
        return -1;
    for (const char *at = strbuf_str(&text); (at = strstr(at, word)) != NULL; at += strlen(word)) {
        int64_t n = number_at(at + strlen(word));
        sum += n > 0 && n < INT64_MAX ? n : 0;
    }
    return sum;
}

static int64_t thousandth(int64_t ns)
{
    return ns < 0 ? ns : ns / 1000;
}

static void count_memory(const struct run_group *g, struct run_group_counters *c)
{
    bool v2 = g->v2_has[CONTROLLER_MEMORY];
    int dir = v2 ? g->unified.fd : g->v1[CONTROLLER_MEMORY].fd;

    c->memory = file_number(dir, v2 ? "memory.current" : "memory.usage_in_bytes");
    c->memory_peak = file_number(dir, v2 ? "memory.peak" : "memory.max_usage_in_bytes");
    c->memory_limit = file_number(dir, v2 ? "memory.max" : "memory.limit_in_bytes");
    c->swap_peak = v2 ? file_number(dir, "memory.swap.peak") : -1;
    c->faults_major = file_keyed(dir, "memory.stat", v2 ? "pgmajfault" : "total_pgmajfault");
    c->faults_minor = file_keyed(dir, "memory.stat", v2 ? "pgfault" : "total_pgfault");
    if (c->faults_minor >= 0 && c->faults_major >= 0)
        c->faults_minor -= c->faults_major;
    c->oom_kills = file_keyed(dir, v2 ? "memory.events" : "memory.oom_control", "oom_kill");
}

static void count_cpu(const struct run_group *g, struct run_group_counters *c)
{
    /* cpu.stat of version 2 has the times even without the controller. */
    if (g->v2_has[CONTROLLER_CPU] || g->v1[CONTROLLER_CPUACCT].fd < 0) {
        c->cpu_user = file_keyed(g->unified.fd, "cpu.stat", "user_usec");
        c->cpu_system = file_keyed(g->unified.fd, "cpu.stat", "system_usec");
        c->throttled = file_keyed(g->unified.fd, "cpu.stat", "throttled_usec");
    } else {
        c->cpu_user = thousandth(file_number(g->v1[CONTROLLER_CPUACCT].fd, "cpuacct.usage_user"));
        c->cpu_system = thousandth(file_number(g->v1[CONTROLLER_CPUACCT].fd, "cpuacct.usage_sys"));
    }
    if (g->v1[CONTROLLER_CPU].fd >= 0)
        c->throttled = thousandth(file_keyed(g->v1[CONTROLLER_CPU].fd, "cpu.stat", "throttled_time"));
}

void run_group_count(const struct run_group *g, struct run_group_counters *ret)
{
    int pids = g->v2_has[CONTROLLER_PIDS] ? g->unified.fd : g->v1[CONTROLLER_PIDS].fd;
    bool io_v2 = g->v2_has[CONTROLLER_IO];
    int io = io_v2 ? g->unified.fd : g->v1[CONTROLLER_IO].fd;
    struct run_group_counters c = {.cpu_user = -1, .cpu_system = -1, .throttled = -1};

    count_memory(g, &c);
    count_cpu(g, &c);
    c.pids = file_number(pids, "pids.current");
    c.pids_peak = file_number(pids, "pids.peak");
    c.pids_refused = file_keyed(pids, "pids.events", "max");
    c.io_read = io_v2 ? io_sum(io, "rbytes=") : blkio_sum(io, " Read ");
    c.io_written = io_v2 ? io_sum(io, "wbytes=") : blkio_sum(io, " Write ");
    c.stalled_cpu = stalled(&g->unified, "cpu.pressure");
    c.stalled_memory = stalled(&g->unified, "memory.pressure");
    c.stalled_io = stalled(&g->unified, "io.pressure");
    *ret = c;
}
