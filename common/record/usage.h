/*
 * usage.h - what a run used of its machine: counters, their names and units.
 *
 * Taken from the run's control groups where there are any, and from what the kernel tells the parent of every
 * process otherwise. A counter that the machine does not keep is not known, which is not 0.
 */
#ifndef RECORD_USAGE_H
#define RECORD_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fact.h"

enum usage_counter {
    USAGE_WALL_MS = 0, /* from the job's start to its end, or to the sample */
    USAGE_CPU_USER_US,
    USAGE_CPU_SYSTEM_US,
    USAGE_MEMORY_BYTES, /* at the time of the sample */
    USAGE_MEMORY_PEAK_BYTES,
    USAGE_SWAP_PEAK_BYTES,
    USAGE_MAJOR_FAULTS,
    USAGE_MINOR_FAULTS,
    USAGE_READ_BYTES, /* from and to disks */
    USAGE_WRITTEN_BYTES,
    USAGE_PIDS_PEAK,
    USAGE_THROTTLED_US,   /* held back by the CPU quota, summed over CPUs */
    USAGE_STALLED_CPU_US, /* wall time in which some process waited for it (PSI "some") */
    USAGE_STALLED_MEMORY_US,
    USAGE_STALLED_IO_US,
    USAGE_COUNT,
};

struct run_usage {
    uint32_t known; /* bit of each counter */
    int64_t value[USAGE_COUNT];
};

/* "cpu-user-us", ... as in records. */
const char *usage_name(enum usage_counter counter);

/* Sets a counter; a negative value leaves it unknown. */
void usage_set(struct run_usage *usage, enum usage_counter counter, int64_t value);

/* Raises a counter to `value` if that is known and more. */
void usage_raise(struct run_usage *usage, enum usage_counter counter, int64_t value);

/* False when it is not known; *ret is left alone then. */
bool usage_get(const struct run_usage *usage, enum usage_counter counter, int64_t *ret);

/* The known counters as members of a fact, and back. */
void usage_put(struct fact_writer *w, const struct run_usage *usage);
void usage_take(const struct fact *f, struct run_usage *ret);

#define USAGE_TEXT_MAX 64

/* A counter for people: "1.5 GiB", "2 min 3 s", "41 % of wall time", "12". Not known: "not known". */
void usage_format(const struct run_usage *usage, enum usage_counter counter, char ret[USAGE_TEXT_MAX]);

/* What a person calls it: "memory, peak". */
const char *usage_title(enum usage_counter counter);

#endif
