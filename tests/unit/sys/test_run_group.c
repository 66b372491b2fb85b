/* test_run_group.c - where a run's control groups go, and each limit and counter in fake trees of both versions. */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/fd.h"
#include "sys/run_group.h"

#define UNIFIED "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
#define HYBRID                                                                                               \
    "29 24 0:25 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n"                                                      \
    "31 29 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"                                      \
    "33 29 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"                            \
    "34 29 0:30 /docker/x /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"                                  \
    "32 29 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"

static void places_of_version_2(void **state)
{
    static const struct {
        const char *mounts, *own, *expect;
    } CASES[] = {
        {UNIFIED, "0::/\n", "/sys/fs/cgroup"},
        {UNIFIED, "0::/system.slice/a.service\n", "/sys/fs/cgroup/system.slice/a.service"},
        {HYBRID, "5:memory:/x\n0::/y\n", "/sys/fs/cgroup/unified/y"},
        {HYBRID, "5:memory:/x\n", ""},
        {"31 29 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n", "0::/\n", ""},
        {"", "0::/\n", ""},
        {"garbage\n", "0::/\n", ""},
        {UNIFIED, "", ""},
        {UNIFIED, "::\n:", ""},
    };
    struct cgroup_places places;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        cgroup_places_parse(CASES[i].mounts, CASES[i].own, &places);
        assert_string_equal(places.unified_own, CASES[i].expect);
    }
}

static void places_of_version_1(void **state)
{
    struct cgroup_places places;

    (void)state;
    cgroup_places_parse(HYBRID, "7:pids:/docker/x/y\n6:cpu,cpuacct:/c\n5:memory:/m\n0::/\n", &places);
    assert_string_equal(places.v1_own[CONTROLLER_MEMORY], "/sys/fs/cgroup/memory/m");
    assert_string_equal(places.v1_own[CONTROLLER_CPU], "/sys/fs/cgroup/cpu,cpuacct/c");
    assert_string_equal(places.v1_own[CONTROLLER_CPUACCT], "/sys/fs/cgroup/cpu,cpuacct/c");
    assert_string_equal(places.v1_own[CONTROLLER_PIDS], "/sys/fs/cgroup/pids/y");
    assert_string_equal(places.v1_own[CONTROLLER_CPUSET], "");
    assert_string_equal(places.unified_top, "/sys/fs/cgroup/unified");
}

/* ---- fake trees ---- */

struct tree {
    char root[64];
    struct run_group group;
};

static void put(int dir, const char *name, const char *text)
{
    AUTO_CLOSE int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

static void expect(int dir, const char *name, const char *text)
{
    AUTO(strbuf) struct strbuf got = STRBUF_INIT(4096);

    assert_int_equal(file_read(dir, name, &got), 0);
    if (strncmp(strbuf_str(&got), text, strlen(text)) != 0)
        fail_msg("%s holds '%s'", name, strbuf_str(&got));
}

/* A tree whose folders are plain ones: `controllers` is what version 2 offers, NULL for one of version 1. */
static struct tree *grow(const char *controllers)
{
    struct tree *t = calloc(1, sizeof(*t));
    struct cgroup_places places = {0};
    struct err e = ERR_INIT;
    char path[128];
    AUTO_CLOSE int top = -1;

    (void)snprintf(t->root, sizeof(t->root), "/tmp/run-group-XXXXXX");
    assert_non_null(mkdtemp(t->root));
    (void)snprintf(path, sizeof(path), "%s/runlet.r1", t->root);
    assert_int_equal(mkdir(path, 0755), 0);
    top = open(path, O_RDONLY | O_DIRECTORY);
    put(top, "cgroup.procs", "");
    if (controllers != NULL) {
        put(top, "cgroup.controllers", controllers);
        (void)snprintf(places.unified_own, sizeof(places.unified_own), "%s", t->root);
        (void)snprintf(places.unified_top, sizeof(places.unified_top), "%s/nowhere", t->root);
    } else {
        for (unsigned c = 0; c < CONTROLLER_COUNT; c++)
            if (c != CONTROLLER_CPUSET)
                (void)snprintf(places.v1_own[c], sizeof(places.v1_own[c]), "%s", t->root);
    }
    t->group = RUN_GROUP_INIT;
    if (run_group_create(&places, "r1", &t->group, &e) < 0)
        fail_msg("%s", e.text);
    return t;
}

static void fell(struct tree *t)
{
    run_group_close(&t->group);
    (void)tree_remove(AT_FDCWD, t->root);
    free(t);
}

/* Helpers have groups of their own, of what limits memory and processes alone. */
static void groups_of_helpers(void **state)
{
    char root[] = "/tmp/run-group-XXXXXX", path[64];
    struct cgroup_places places = {0};
    struct run_group g = RUN_GROUP_INIT;
    struct err e = ERR_INIT;
    AUTO_CLOSE int dir = -1;

    (void)state;
    assert_non_null(mkdtemp(root));
    (void)snprintf(path, sizeof(path), "%s/runlet-helpers.r1", root);
    assert_int_equal(mkdir(path, 0755), 0);
    dir = open(path, O_RDONLY | O_DIRECTORY);
    put(dir, "cgroup.procs", "");
    for (unsigned c = 0; c < CONTROLLER_COUNT; c++)
        (void)snprintf(places.v1_own[c], sizeof(places.v1_own[c]), "%s", root);
    if (run_group_create_helpers(&places, "r1", &g, &e) < 0)
        fail_msg("%s", e.text);
    assert_string_equal(g.suffix, "/runlet-helpers.r1");
    for (unsigned c = 0; c < CONTROLLER_COUNT; c++)
        assert_int_equal(g.v1[c].fd >= 0, c == CONTROLLER_MEMORY || c == CONTROLLER_PIDS);
    run_group_close(&g);
    (void)tree_remove(AT_FDCWD, root);
}

static void limits_of_version_2(void **state)
{
    struct tree *t = grow("cpuset cpu io memory hugetlb pids\n");
    int dir = t->group.unified.fd;
    dev_t disk = makedev(8, 16);
    int64_t value;

    (void)state;
    put(dir, "memory.max", "max\n");
    put(dir, "cpu.max", "max 100000\n");
    put(dir, "pids.max", "max\n");
    put(dir, "io.max", "");
    put(dir, "io.weight", "default 100\n");
    assert_string_equal(run_group_backend(&t->group, CONTROLLER_MEMORY), "cgroup-v2");
    assert_int_equal(run_group_limit_read(&t->group, LIMIT_MEMORY, disk, &value), 0);
    assert_true(value == INT64_MAX);
    assert_int_equal(run_group_limit_read(&t->group, LIMIT_CPU, disk, &value), 0);
    assert_true(value == INT64_MAX);
    assert_int_equal(run_group_limit(&t->group, LIMIT_CPU, 2500, disk), 0);
    expect(dir, "cpu.max", "250000 100000");
    assert_int_equal(run_group_limit_read(&t->group, LIMIT_CPU, disk, &value), 0);
    assert_int_equal(value, 2500);
    assert_int_equal(run_group_limit(&t->group, LIMIT_IO_WRITE, 1048576, disk), 0);
    expect(dir, "io.max", "8:16 wbps=1048576");
    put(dir, "io.max",
        "8:0 rbps=1 wbps=2 riops=max wiops=max\n8:16 rbps=max wbps=1048576 riops=max wiops=max\n");
    assert_int_equal(run_group_limit_read(&t->group, LIMIT_IO_WRITE, disk, &value), 0);
    assert_int_equal(value, 1048576);
    assert_int_equal(run_group_limit_read(&t->group, LIMIT_IO_READ, disk, &value), 0);
    assert_true(value == INT64_MAX);
    assert_int_equal(run_group_limit(&t->group, LIMIT_IO_WEIGHT, 300, disk), 0);
    assert_int_equal(run_group_limit_read(&t->group, LIMIT_IO_WEIGHT, disk, &value), 0);
    assert_int_equal(value, 300);
    /* A file that this kernel does not have. */
    assert_int_equal(run_group_limit(&t->group, LIMIT_SWAP, 0, disk), -ENOTSUP);
    assert_int_equal(run_group_limit(&t->group, LIMIT_OPEN_FILES, 10, disk), -ENOTSUP);
    fell(t);
}

static void limits_of_version_1(void **state)
{
    struct tree *t = grow(NULL);
    int dir = t->group.v1[CONTROLLER_MEMORY].fd;
    int64_t value;

    (void)state;
    put(dir, "memory.limit_in_bytes", "9223372036854771712\n");
    put(dir, "cpu.cfs_quota_us", "-1\n");
    put(dir, "cpu.cfs_period_us", "100000\n");
    put(dir, "cpu.shares", "1024\n");
    assert_string_equal(run_group_backend(&t->group, CONTROLLER_MEMORY), "cgroup-v1");
    assert_null(run_group_backend(&t->group, CONTROLLER_CPUSET));
    assert_int_equal(run_group_limit_read(&t->group, LIMIT_MEMORY, 0, &value), 0);
    assert_true(value == INT64_MAX);
    assert_int_equal(run_group_limit_read(&t->group, LIMIT_CPU, 0, &value), 0);
    assert_true(value == INT64_MAX);
    assert_int_equal(run_group_limit(&t->group, LIMIT_CPU, 500, 0), 0);
    assert_int_equal(run_group_limit_read(&t->group, LIMIT_CPU, 0, &value), 0);
    assert_int_equal(value, 500);
    put(dir, "cpu.shares", ""); /* a plain file keeps what a shorter text does not cover */
    assert_int_equal(run_group_limit(&t->group, LIMIT_CPU_WEIGHT, 50, 0), 0);
    expect(dir, "cpu.shares", "512");
    assert_int_equal(run_group_limit_read(&t->group, LIMIT_CPU_WEIGHT, 0, &value), 0);
    assert_int_equal(value, 50);
    /* Swap is counted with the memory; kernels may be built or started without. */
    assert_int_equal(run_group_limit(&t->group, LIMIT_MEMORY, 1048576, 0), 0);
    put(dir, "memory.limit_in_bytes", "1048576\n");
    assert_int_equal(run_group_limit(&t->group, LIMIT_SWAP, 4096, 0), -ENOTSUP);
    put(dir, "memory.memsw.limit_in_bytes", "9223372036854771712\n");
    assert_int_equal(run_group_limit_read(&t->group, LIMIT_SWAP, 0, &value), 0);
    assert_true(value == INT64_MAX);
    put(dir, "memory.memsw.limit_in_bytes", "");
    assert_int_equal(run_group_limit(&t->group, LIMIT_SWAP, 4096, 0), 0);
    expect(dir, "memory.memsw.limit_in_bytes", "1052672");
    assert_int_equal(run_group_limit_read(&t->group, LIMIT_SWAP, 0, &value), 0);
    assert_int_equal(value, 4096);
    put(dir, "memory.limit_in_bytes", "9223372036854771712\n");
    assert_int_equal(run_group_limit(&t->group, LIMIT_SWAP, INT64_MAX / 2, 0), -ENOTSUP);
    /* Version 1 has no such limits. */
    assert_int_equal(run_group_limit(&t->group, LIMIT_MEMORY_HIGH, 1, 0), -ENOTSUP);
    assert_int_equal(run_group_cpuset(&t->group, "0"), -ENOTSUP);
    fell(t);
}

static void counters_of_version_2(void **state)
{
    struct tree *t = grow("cpu io memory pids\n");
    struct run_group_counters c;
    int dir = t->group.unified.fd;

    (void)state;
    put(dir, "memory.current", "1000\n");
    put(dir, "memory.peak", "2000\n");
    put(dir, "memory.max", "max\n");
    put(dir, "memory.events", "low 0\nhigh 0\nmax 5\noom 2\noom_kill 3\noom_group_kill 1\n");
    put(dir, "memory.stat", "anon 5\npgfault 100\npgmajfault 7\n");
    put(dir, "cpu.stat", "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_throttled 4\nthrottled_usec 5\n");
    put(dir, "pids.peak", "12\n");
    put(dir, "pids.events", "max 9\n");
    put(dir, "io.stat", "8:0 rbytes=100 wbytes=50 rios=1\n8:16 rbytes=11 wbytes=7 rios=1\n");
    put(dir, "io.pressure",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=123\nfull avg10=0.00 avg60=0.00 "
        "avg300=0.00 total=45\n");
    run_group_count(&t->group, &c);
    assert_int_equal(c.memory_peak, 2000);
    assert_true(c.memory_limit == INT64_MAX);
    assert_int_equal(c.oom_kills, 3);
    assert_int_equal(c.faults_minor, 93);
    assert_int_equal(c.faults_major, 7);
    assert_int_equal(c.cpu_user, 20);
    assert_int_equal(c.cpu_system, 10);
    assert_int_equal(c.throttled, 5);
    assert_int_equal(c.pids_peak, 12);
    assert_int_equal(c.pids_refused, 9);
    assert_int_equal(c.io_read, 111);
    assert_int_equal(c.io_written, 57);
    assert_int_equal(c.stalled_io, 123);
    assert_int_equal(c.stalled_cpu, -1);
    assert_int_equal(c.swap_peak, -1);
    fell(t);
}

static void counters_of_version_1(void **state)
{
    struct tree *t = grow(NULL);
    struct run_group_counters c;
    int dir = t->group.v1[CONTROLLER_MEMORY].fd;

    (void)state;
    put(dir, "memory.max_usage_in_bytes", "2000\n");
    put(dir, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n");
    put(dir, "memory.stat", "pgfault 1\ntotal_pgfault 100\ntotal_pgmajfault 7\n");
    put(dir, "cpuacct.usage_user", "20000\n");
    put(dir, "cpuacct.usage_sys", "10999\n");
    put(dir, "cpu.stat", "nr_periods 3\nnr_throttled 2\nthrottled_time 5000\n");
    put(dir, "blkio.throttle.io_service_bytes_recursive",
        "8:0 Read 100\n8:0 Write 50\n8:0 Sync 1\n8:16 Read 11\n8:16 Write 7\nTotal 168\n");
    run_group_count(&t->group, &c);
    assert_int_equal(c.memory_peak, 2000);
    assert_int_equal(c.oom_kills, 4);
    assert_int_equal(c.faults_minor, 93);
    assert_int_equal(c.cpu_user, 20);
    assert_int_equal(c.cpu_system, 10);
    assert_int_equal(c.throttled, 5);
    assert_int_equal(c.io_read, 111);
    assert_int_equal(c.io_written, 57);
    assert_int_equal(c.stalled_memory, -1);
    assert_int_equal(c.pids, -1);
    fell(t);
}

/* ---- where version 2 makes them ---- */

/* A hierarchy of plain folders: top/ with the unit top/unit/, and the groups that the kernel would fill with files. */
struct hierarchy {
    char root[64];
    int top, unit; /* owned */
    struct cgroup_places places;
};

static int make_group(int at, const char *name, const char *controllers)
{
    int dir;

    assert_int_equal(mkdirat(at, name, 0755), 0);
    dir = dir_open(at, name);
    assert_true(dir >= 0);
    put(dir, "cgroup.procs", "");
    put(dir, "cgroup.controllers", controllers);
    put(dir, "cgroup.subtree_control", "");
    return dir;
}

static void plant(struct hierarchy *h)
{
    *h = (struct hierarchy){.root = "/tmp/run-group-XXXXXX"};
    assert_non_null(mkdtemp(h->root));
    h->top = dir_open(AT_FDCWD, h->root);
    put(h->top, "cgroup.controllers", "memory pids\n");
    put(h->top, "cgroup.subtree_control", "");
    h->unit = make_group(h->top, "unit", "memory pids\n");
    (void)snprintf(h->places.unified_top, sizeof(h->places.unified_top), "%s", h->root);
    (void)snprintf(h->places.unified_own, sizeof(h->places.unified_own), "%s/unit", h->root);
}

static void uproot(struct hierarchy *h, struct run_group *g)
{
    run_group_close(g);
    (void)close(h->top);
    (void)close(h->unit);
    assert_int_equal(tree_remove(AT_FDCWD, h->root), 0);
}

static bool is_group(const struct run_group *g, int at, const char *name)
{
    struct stat a, b;

    return g->unified.fd >= 0 && fstat(g->unified.fd, &a) == 0 && fstatat(at, name, &b, 0) == 0 &&
           a.st_ino == b.st_ino;
}

/* A unit of a service manager: the supervisor moves into a group of its own, so that the unit can give controllers to the
 * job's. Each run has its own, also where several share a unit. */
static void in_a_delegated_unit(void **state)
{
    struct run_group g = RUN_GROUP_INIT;
    struct err e = ERR_INIT;
    struct hierarchy h;
    AUTO_CLOSE int supervisor = -1;

    (void)state;
    plant(&h);
    if (fsetxattr(h.unit, "user.delegate", "1", 1, 0) < 0) {
        uproot(&h, &g);
        skip();
    }
    supervisor = make_group(h.unit, "supervisor", "memory pids\n");
    put(supervisor, "cpu.weight", "100\n");
    (void)close(make_group(h.unit, "runlet.r1", "memory pids\n"));
    assert_int_equal(run_group_create(&h.places, "r1", &g, &e), 0);
    assert_true(is_group(&g, h.unit, "runlet.r1"));
    expect(supervisor, "cgroup.procs", "0");
    expect(supervisor, "cpu.weight", "1000");
    assert_string_equal(run_group_backend(&g, CONTROLLER_PIDS), "cgroup-v2");
    assert_string_equal(g.suffix, "/runlet.r1");
    uproot(&h, &g);
}

/* A unit in which others live as well can give its children nothing. */
static void in_a_shared_unit(void **state)
{
    struct run_group g = RUN_GROUP_INIT;
    struct err e = ERR_INIT;
    struct hierarchy h;
    AUTO_CLOSE int own = -1;

    (void)state;
    plant(&h);
    if (fsetxattr(h.unit, "user.delegate", "1", 1, 0) < 0) {
        uproot(&h, &g);
        skip();
    }
    (void)close(make_group(h.unit, "supervisor", ""));
    (void)close(make_group(h.unit, "runlet.r1", ""));
    own = make_group(h.top, "runlet", "memory\n");
    (void)close(make_group(own, "runlet.r1", "memory\n"));
    assert_int_equal(run_group_create(&h.places, "r1", &g, &e), 0);
    assert_true(is_group(&g, own, "runlet.r1"));
    assert_string_equal(run_group_backend(&g, CONTROLLER_MEMORY), "cgroup-v2");
    uproot(&h, &g);
}

/* Without delegation the run goes below a group of our own at the top, never below the caller's. */
static void below_our_own_top(void **state)
{
    struct run_group g = RUN_GROUP_INIT;
    struct err e = ERR_INIT;
    struct hierarchy h;
    AUTO_CLOSE int own = -1;

    (void)state;
    plant(&h);
    own = make_group(h.top, "runlet", "memory pids\n");
    (void)close(make_group(own, "runlet.r1", "memory\n"));
    assert_int_equal(run_group_create(&h.places, "r1", &g, &e), 0);
    assert_true(is_group(&g, own, "runlet.r1"));
    expect(h.top, "cgroup.subtree_control", "+");
    expect(h.unit, "cgroup.procs", "");
    /* A controller that could not be enabled is one that the run does not have. */
    assert_string_equal(run_group_backend(&g, CONTROLLER_MEMORY), "cgroup-v2");
    assert_null(run_group_backend(&g, CONTROLLER_PIDS));
    uproot(&h, &g);
}

/* A run gets no more than the groups around its own: of a container, of a unit. */
static void what_encloses_it(void **state)
{
    struct run_group g = RUN_GROUP_INIT;
    int64_t memory, cpu;
    struct err e = ERR_INIT;
    struct hierarchy h;
    AUTO_CLOSE int own = -1;

    (void)state;
    plant(&h);
    put(h.top, "cgroup.procs", "");
    own = make_group(h.top, "runlet", "memory cpu\n");
    (void)close(make_group(own, "runlet.r1", "memory cpu\n"));
    assert_int_equal(run_group_create(&h.places, "r1", &g, &e), 0);
    run_group_room(&g, &memory, &cpu);
    assert_true(memory == INT64_MAX && cpu == INT64_MAX);
    put(own, "memory.max", "max\n");
    put(own, "cpu.max", "150000 100000\n");
    put(h.top, "memory.max", "1000000\n");
    put(h.top, "cpu.max", "200000 100000\n");
    run_group_room(&g, &memory, &cpu);
    assert_int_equal(memory, 1000000);
    assert_int_equal(cpu, 1500);
    uproot(&h, &g);
}

/* A hybrid machine: memory by version 1, the rest by version 2. */
static void each_controller_where_it_is(void **state)
{
    struct run_group g = RUN_GROUP_INIT;
    struct err e = ERR_INIT;
    struct hierarchy h;
    AUTO_CLOSE int own = -1;

    (void)state;
    plant(&h);
    own = make_group(h.top, "runlet", "pids\n");
    (void)close(make_group(own, "runlet.r1", "pids\n"));
    (void)close(make_group(h.unit, "runlet.r1", ""));
    (void)snprintf(h.places.v1_own[CONTROLLER_MEMORY], sizeof(h.places.v1_own[0]), "%s/unit", h.root);
    (void)snprintf(h.places.v1_own[CONTROLLER_PIDS], sizeof(h.places.v1_own[0]), "%s/unit", h.root);
    assert_int_equal(run_group_create(&h.places, "r1", &g, &e), 0);
    assert_string_equal(run_group_backend(&g, CONTROLLER_MEMORY), "cgroup-v1");
    assert_string_equal(run_group_backend(&g, CONTROLLER_PIDS), "cgroup-v2");
    assert_int_equal(g.v1[CONTROLLER_PIDS].fd, -1);
    uproot(&h, &g);
}

static void no_group_at_all(void **state)
{
    struct run_group g = RUN_GROUP_INIT;
    struct cgroup_places places = {0};
    struct run_group_counters c;
    struct err e = ERR_INIT;
    char text[64];

    (void)state;
    assert_int_equal(run_group_create(&places, "r1", &g, &e), 0);
    assert_int_equal(run_group_join(&g), 0);
    assert_null(run_group_backend(&g, CONTROLLER_PIDS));
    assert_int_equal(run_group_limit(&g, LIMIT_PIDS, 5, 0), -ENOTSUP);
    run_group_count(&g, &c);
    assert_int_equal(c.memory, -1);
    assert_int_equal(c.cpu_user, -1);
    assert_int_equal(run_group_kill(&g), 0);
    run_group_describe(&g, text, sizeof(text));
    assert_string_equal(text, "");
    assert_int_equal(run_group_remove(&g), 0);
    run_group_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_of_version_2),   cmocka_unit_test(places_of_version_1),
        cmocka_unit_test(groups_of_helpers),     cmocka_unit_test(limits_of_version_2),
        cmocka_unit_test(limits_of_version_1),   cmocka_unit_test(counters_of_version_2),
        cmocka_unit_test(counters_of_version_1), cmocka_unit_test(in_a_delegated_unit),
        cmocka_unit_test(in_a_shared_unit),      cmocka_unit_test(below_our_own_top),
        cmocka_unit_test(what_encloses_it),      cmocka_unit_test(each_controller_where_it_is),
        cmocka_unit_test(no_group_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
