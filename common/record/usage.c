/* usage.c - see usage.h. */
#include "record/usage.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"

enum usage_unit { UNIT_NUMBER, UNIT_BYTES, UNIT_MS, UNIT_US, UNIT_US_OF_WALL };

static const struct {
    const char *name;
    const char *title;
    enum usage_unit unit;
} INFO[USAGE_COUNT] = {
    [USAGE_WALL_MS] = {"wall-ms", "wall time", UNIT_MS},
    [USAGE_CPU_USER_US] = {"cpu-user-us", "CPU, own code", UNIT_US},
    [USAGE_CPU_SYSTEM_US] = {"cpu-system-us", "CPU, kernel", UNIT_US},
    [USAGE_MEMORY_BYTES] = {"memory", "memory, now", UNIT_BYTES},
    [USAGE_MEMORY_PEAK_BYTES] = {"memory-peak", "memory, peak", UNIT_BYTES},
    [USAGE_SWAP_PEAK_BYTES] = {"swap-peak", "swap, peak", UNIT_BYTES},
    [USAGE_MAJOR_FAULTS] = {"major-faults", "faults from disk", UNIT_NUMBER},
    [USAGE_MINOR_FAULTS] = {"minor-faults", "other faults", UNIT_NUMBER},
    [USAGE_READ_BYTES] = {"read-bytes", "read from disk", UNIT_BYTES},
    [USAGE_WRITTEN_BYTES] = {"written-bytes", "written to disk", UNIT_BYTES},
    [USAGE_PIDS_PEAK] = {"pids-peak", "processes, peak", UNIT_NUMBER},
    [USAGE_THROTTLED_US] = {"throttled-us", "held back by quota", UNIT_US},
    [USAGE_STALLED_CPU_US] = {"stalled-cpu-us", "stalled on CPU", UNIT_US_OF_WALL},
    [USAGE_STALLED_MEMORY_US] = {"stalled-memory-us", "stalled on memory", UNIT_US_OF_WALL},
    [USAGE_STALLED_IO_US] = {"stalled-io-us", "stalled on io", UNIT_US_OF_WALL},
};

_Static_assert(USAGE_COUNT <= 32, "run_usage.known has a bit for each counter");

const char *usage_name(enum usage_counter counter)
{
    return INFO[counter].name;
}

const char *usage_title(enum usage_counter counter)
{
    return INFO[counter].title;
}

void usage_set(struct run_usage *usage, enum usage_counter counter, int64_t value)
{
    if (value < 0)
        return;
    usage->known |= 1U << counter;
    usage->value[counter] = value;
}

void usage_raise(struct run_usage *usage, enum usage_counter counter, int64_t value)
{
    int64_t before;

    if (!usage_get(usage, counter, &before) || value > before)
        usage_set(usage, counter, value);
}

bool usage_get(const struct run_usage *usage, enum usage_counter counter, int64_t *ret)
{
    if ((usage->known & 1U << counter) == 0)
        return false;
    *ret = usage->value[counter];
    return true;
}

void usage_put(struct fact_writer *w, const struct run_usage *usage)
{
    int64_t value;

    for (unsigned i = 0; i < USAGE_COUNT; i++)
        if (usage_get(usage, (enum usage_counter)i, &value))
            fact_put_int(w, INFO[i].name, value);
}

void usage_take(const struct fact *f, struct run_usage *ret)
{
    int64_t value;

    for (unsigned i = 0; i < USAGE_COUNT; i++)
        if (fact_int(f, INFO[i].name, &value))
            usage_set(ret, (enum usage_counter)i, value);
}

static void format_bytes(int64_t bytes, char ret[USAGE_TEXT_MAX])
{
    static const char *const UNITS[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    unsigned unit = 0;

    for (; value >= 1024 && unit < 6; unit++)
        value /= 1024;
    (void)snprintf(ret, USAGE_TEXT_MAX, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value,
                   UNITS[unit]);
}

static void format_share(const struct run_usage *usage, int64_t us, char ret[USAGE_TEXT_MAX])
{
    char length[DURATION_TEXT_MAX];
    int64_t wall_ms = 0;

    duration_format(us / 1000, length);
    if (usage_get(usage, USAGE_WALL_MS, &wall_ms) && wall_ms > 0)
        (void)snprintf(ret, USAGE_TEXT_MAX, "%s (%d %% of wall time)", length, (int)(us / 10 / wall_ms));
    else
        (void)snprintf(ret, USAGE_TEXT_MAX, "%s", length);
}

void usage_format(const struct run_usage *usage, enum usage_counter counter, char ret[USAGE_TEXT_MAX])
{
    char length[DURATION_TEXT_MAX];
    int64_t value;

    if (!usage_get(usage, counter, &value)) {
        (void)snprintf(ret, USAGE_TEXT_MAX, "not known");
        return;
    }
    switch (INFO[counter].unit) {
    case UNIT_BYTES: format_bytes(value, ret); break;
    case UNIT_US_OF_WALL: format_share(usage, value, ret); break;
    case UNIT_MS:
    case UNIT_US:
        duration_format(INFO[counter].unit == UNIT_US ? value / 1000 : value, length);
        (void)snprintf(ret, USAGE_TEXT_MAX, "%s", length);
        break;
    default: (void)snprintf(ret, USAGE_TEXT_MAX, "%" PRId64, value); break;
    }
}
