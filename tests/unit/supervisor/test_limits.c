/* test_limits.c - what holds after job, policy and machine have had their say, and when the disk is too full. */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/auto.h"
#include "scratch.h"
#include "supervisor/limits.h"
#include "supervisor/measure.h"

#define GIB (1LL << 30)

static const struct node_size NODE = {.memory_bytes = 16 * GIB, .cpus_milli = 4000};

static struct effective_limits effective(enum run_limit limit, int64_t value, bool best_effort)
{
    struct policy policy = {
        .memory_reserve_bytes = GIB, .pids_default = 500, .limits_best_effort = best_effort};
    struct effective_limits l;
    struct run_limits asked;

    run_limits_init(&asked);
    if (limit != LIMIT_COUNT)
        asked.value[limit] = value;
    limits_effective(&asked, &policy, &NODE, &l);
    return l;
}

static void what_every_run_gets(void **state)
{
    struct effective_limits l = effective(LIMIT_COUNT, 0, false);

    (void)state;
    assert_int_equal(l.limits.value[LIMIT_MEMORY], 15 * GIB);
    assert_int_equal(l.limits.value[LIMIT_PIDS], 500);
    assert_int_equal(l.limits.value[LIMIT_CORE_SIZE], 0);
    assert_int_equal(l.limits.value[LIMIT_CPU], LIMIT_UNSET);
    for (unsigned i = 0; i < LIMIT_COUNT; i++) {
        assert_false(l.required[i]);
        assert_false(l.capped[i]);
    }
}

static void what_is_asked_for_is_required(void **state)
{
    struct effective_limits l = effective(LIMIT_MEMORY, 2 * GIB, false);

    (void)state;
    assert_int_equal(l.limits.value[LIMIT_MEMORY], 2 * GIB);
    assert_true(l.required[LIMIT_MEMORY]);
    assert_false(l.required[LIMIT_PIDS]);
    assert_false(effective(LIMIT_MEMORY, 2 * GIB, true).required[LIMIT_MEMORY]);
}

/* A shape is where a job was meant to run, not a limit that somebody asked for. */
static void what_a_shape_comes_to_is_not_required(void **state)
{
    const struct policy policy = {.memory_reserve_bytes = GIB, .pids_default = 500};
    struct effective_limits l;
    struct run_limits asked;

    (void)state;
    run_limits_init(&asked);
    asked.value[LIMIT_MEMORY] = 2 * GIB;
    asked.by_shape[LIMIT_MEMORY] = true;
    limits_effective(&asked, &policy, &NODE, &l);
    assert_int_equal(l.limits.value[LIMIT_MEMORY], 2 * GIB);
    assert_false(l.required[LIMIT_MEMORY]);
}

/* A job made for a larger machine runs on this one, within what it has. */
static void the_node_caps(void **state)
{
    struct effective_limits l = effective(LIMIT_MEMORY, 240 * GIB, false);

    (void)state;
    assert_int_equal(l.limits.value[LIMIT_MEMORY], 15 * GIB);
    assert_true(l.capped[LIMIT_MEMORY]);
    l = effective(LIMIT_CPU, 32000, false);
    assert_int_equal(l.limits.value[LIMIT_CPU], 4000);
    assert_true(l.capped[LIMIT_CPU]);
}

/* Where there is swap, a run gets some only when it asks for it. */
static void swap(void **state)
{
    const struct node_size swapping = {.memory_bytes = GIB, .cpus_milli = 1000, .swap_bytes = GIB};
    const struct policy policy = {.pids_default = 500};
    struct effective_limits l;
    struct run_limits asked;

    (void)state;
    assert_int_equal(effective(LIMIT_COUNT, 0, false).limits.value[LIMIT_SWAP], LIMIT_UNSET);
    run_limits_init(&asked);
    limits_effective(&asked, &policy, &swapping, &l);
    assert_int_equal(l.limits.value[LIMIT_SWAP], 0);
    assert_false(l.required[LIMIT_SWAP]);
    asked.value[LIMIT_SWAP] = GIB;
    limits_effective(&asked, &policy, &swapping, &l);
    assert_int_equal(l.limits.value[LIMIT_SWAP], GIB);
    assert_true(l.required[LIMIT_SWAP]);
}

/* On a small machine the reserve does not take everything. */
static void a_reserve_larger_than_the_machine(void **state)
{
    const struct node_size small = {.memory_bytes = GIB, .cpus_milli = 1000};
    const struct policy policy = {.memory_reserve_bytes = 4 * GIB, .pids_default = 500};
    struct effective_limits l;
    struct run_limits asked;

    (void)state;
    run_limits_init(&asked);
    limits_effective(&asked, &policy, &small, &l);
    assert_int_equal(l.limits.value[LIMIT_MEMORY], GIB / 100 * 80);
}

/* ---- set and read back, in a fake tree ---- */

struct fake {
    struct scratch scratch;
    struct run_group group;
    struct containment_list list;
    struct err e;
};

static void put(int dir, const char *name, const char *text)
{
    AUTO_CLOSE int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

/* A group of version 2 that holds memory and processes. */
static void fake_make(struct fake *f)
{
    struct cgroup_places places = {0};
    AUTO_CLOSE int dir = -1;

    *f = (struct fake){.group = RUN_GROUP_INIT, .e = ERR_INIT};
    assert_int_equal(scratch_make(&f->scratch), 0);
    assert_int_equal(mkdirat(f->scratch.fd, "runlet.r1", 0755), 0);
    dir = dir_open(f->scratch.fd, "runlet.r1");
    put(dir, "cgroup.procs", "");
    put(dir, "cgroup.controllers", "memory pids\n");
    put(dir, "memory.max", "");
    put(dir, "pids.max", "");
    (void)snprintf(places.unified_own, sizeof(places.unified_own), "%s", f->scratch.path);
    (void)snprintf(places.unified_top, sizeof(places.unified_top), "%s/none", f->scratch.path);
    assert_int_equal(run_group_create(&places, "r1", &f->group, &f->e), 0);
}

static void fake_end(struct fake *f)
{
    containment_free(&f->list);
    run_group_close(&f->group);
    scratch_remove(&f->scratch);
}

static int fake_apply(struct fake *f, const struct effective_limits *l)
{
    containment_free(&f->list);
    f->e = ERR_INIT;
    return limits_apply(l, &f->group, 0, &f->list, &f->e);
}

static enum containment_state state_of(const struct fake *f, const char *name)
{
    for (size_t i = 0; i < f->list.count; i++)
        if (strcmp(f->list.item[i].name, name) == 0)
            return f->list.item[i].state;
    return CONTAINMENT_STATE_COUNT;
}

static void what_was_read_back_is_noted(void **state)
{
    struct effective_limits l = effective(LIMIT_MEMORY, 64 << 20, false);
    struct fake f;

    (void)state;
    fake_make(&f);
    assert_int_equal(fake_apply(&f, &l), 0);
    assert_int_equal(state_of(&f, "memory"), CONTAINMENT_APPLIED);
    assert_int_equal(state_of(&f, "pids"), CONTAINMENT_APPLIED);
    l = effective(LIMIT_MEMORY, 240 * GIB, false);
    assert_int_equal(fake_apply(&f, &l), 0);
    assert_int_equal(state_of(&f, "memory"), CONTAINMENT_CAPPED);
    fake_end(&f);
}

/* A kernel that takes a value and keeps another: the rest of an older one, as a plain file does. */
static void another_value_is_no_limit(void **state)
{
    struct effective_limits l = effective(LIMIT_MEMORY, 64 << 20, false);
    struct fake f;

    (void)state;
    fake_make(&f);
    put(f.group.unified.fd, "memory.max", "999999999999999");
    assert_int_equal(fake_apply(&f, &l), -ENOTSUP);
    assert_non_null(strstr(f.e.text, "memory: 64M was asked for"));
    assert_non_null(strstr(f.e.text, "cgroup-v2 holds 671088649999999"));
    assert_non_null(strstr(f.e.text, "limits.bestEffort"));
    l = effective(LIMIT_MEMORY, 64 << 20, true);
    put(f.group.unified.fd, "memory.max", "999999999999999");
    assert_int_equal(fake_apply(&f, &l), 0);
    assert_int_equal(state_of(&f, "memory"), CONTAINMENT_MISSING);
    fake_end(&f);
}

/* What nobody asked for does not keep a run from starting, and is not passed over in silence either. */
static void what_the_machine_lacks(void **state)
{
    struct effective_limits l = effective(LIMIT_COUNT, 0, false);
    struct fake f;

    (void)state;
    fake_make(&f);
    assert_int_equal(unlinkat(f.group.unified.fd, "pids.max", 0), 0);
    assert_int_equal(fake_apply(&f, &l), 0);
    assert_int_equal(state_of(&f, "memory"), CONTAINMENT_APPLIED);
    assert_int_equal(state_of(&f, "pids"), CONTAINMENT_MISSING);
    l = effective(LIMIT_PIDS, 100, false);
    assert_int_equal(fake_apply(&f, &l), -ENOTSUP);
    assert_non_null(strstr(f.e.text, "pids: 100 was asked for"));
    l = effective(LIMIT_CPU, 1000, false);
    assert_int_equal(fake_apply(&f, &l), -ENOTSUP);
    assert_non_null(strstr(f.e.text, "no control group for it"));
    fake_end(&f);
}

static void when_the_disk_is_too_full(void **state)
{
    static const struct {
        int64_t free, start, reserve;
        bool stop;
    } CASES[] = {
        {600, 1000, 500, false}, {500, 1000, 500, false}, {499, 1000, 500, true}, {0, 1000, 500, true},
        {90, 100, 500, false},   {49, 100, 500, true},    {-1, 1000, 500, false}, {0, -1, 500, false},
        {0, 0, 500, false},      {10, 1000, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
        if (disk_exhausted(CASES[i].free, CASES[i].start, CASES[i].reserve) != CASES[i].stop)
            fail_msg("case %zu", i);
}

static void who_took_the_disk_goes(void **state)
{
    static const struct {
        int64_t free, start, reserve, own;
        bool go;
    } CASES[] = {
        {40, 1000, 50, 960, true},  /* took all of it */
        {40, 1000, 50, 480, true},  /* half of it */
        {40, 1000, 50, 479, false}, /* others took more */
        {40, 1000, 50, 0, false},
        {5, 1000, 50, 0, true},   /* nothing left for anybody */
        {40, 90, 500, 10, false}, /* began when little was left: the floor is half of that */
        {4, 90, 500, 0, true},
        {100, 90, 500, 0, true}, /* it grew meanwhile: whoever asks then has no one else to blame */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
        if (disk_must_go(CASES[i].free, CASES[i].start, CASES[i].reserve, CASES[i].own) != CASES[i].go)
            fail_msg("case %zu", i);
}

/* Thirty days of samples stay a small file, and the latest look is always there. */
static void samples_stay_few(void **state)
{
    const struct run_group none = RUN_GROUP_INIT;
    struct measure m;
    int64_t last = 0;

    (void)state;
    measure_begin(&m, (boot_ms_t){5000});
    for (int64_t s = 1; s <= 30LL * 24 * 3600; s++) {
        bool looked = measure_look(&m, &none, (boot_ms_t){5000 + s * 1000});
        assert_true(m.count <= MEASURE_SAMPLES_MAX);
        if (looked)
            last = s * 1000;
        assert_true(s * 1000 - last < 10000);
        assert_int_equal(m.usage.value[USAGE_WALL_MS], last);
    }
    assert_true(m.count >= MEASURE_SAMPLES_MAX / 2);
    assert_true(m.sample[m.count - 1].value[USAGE_WALL_MS] >= last - m.interval_ms);
    for (size_t i = 1; i < m.count; i++)
        assert_true(m.sample[i].value[USAGE_WALL_MS] > m.sample[i - 1].value[USAGE_WALL_MS]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_every_run_gets),
        cmocka_unit_test(what_is_asked_for_is_required),
        cmocka_unit_test(what_a_shape_comes_to_is_not_required),
        cmocka_unit_test(the_node_caps),
        cmocka_unit_test(swap),
        cmocka_unit_test(a_reserve_larger_than_the_machine),
        cmocka_unit_test(what_was_read_back_is_noted),
        cmocka_unit_test(another_value_is_no_limit),
        cmocka_unit_test(what_the_machine_lacks),
        cmocka_unit_test(when_the_disk_is_too_full),
        cmocka_unit_test(who_took_the_disk_goes),
        cmocka_unit_test(samples_stay_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
