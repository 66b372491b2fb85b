/*
 * measure.h - what a run uses: sampled while it runs, summed up at its end, and whether its disk is running full.
 */
#ifndef SUPERVISOR_MEASURE_H
#define SUPERVISOR_MEASURE_H

#include <stdbool.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "record/usage.h"
#include "sys/run_group.h"

/* The samples of a run, kept small: when there are too many, every second one goes and the pace halves. */
#define MEASURE_SAMPLES_MAX 48
#define USAGE_NAME          "usage"

struct measure {
    struct run_usage usage; /* the highest and latest of what was seen */
    boot_ms_t started_at;
    int64_t interval_ms;      /* of samples */
    int64_t keep_ms, look_ms; /* the next sample, the next look; after started_at */
    size_t count;
    struct run_usage sample[MEASURE_SAMPLES_MAX];
};

/* Begins with the job's first instruction. */
void measure_begin(struct measure *m, boot_ms_t now);

/* Looks when that is due, and keeps what it saw as a sample when one is. True when it looked: the file is worth writing. */
bool measure_look(struct measure *m, const struct run_group *group, boot_ms_t now);

/* The last look, and what the kernel told of the ended processes: it stands where no group counted. */
void measure_end(struct measure *m, const struct run_group *group, const struct rusage *ended, boot_ms_t now);

/* Replaces the file `usage` in the run directory: one fact for each sample and, last, for the latest look when it is none; no file for
 * a run too short to have one. Not durable. 0 or -errno. */
int measure_write(const struct measure *m, int run_fd);

/* Whether a run must be stopped for the sake of the disk: less than the reserve is left, or, on a disk that had not much
 * more than that when the run began, less than half of what there was. Pure. */
bool disk_exhausted(int64_t free_bytes, int64_t free_at_start, int64_t reserve);

/* Of runs that share an exhausted disk the one that took it goes: whether this one must, having own_bytes there. One that took
 * less than half of what went since it began stays until an eighth of the reserve is left. Pure. */
bool disk_must_go(int64_t free_bytes, int64_t free_at_start, int64_t reserve, int64_t own_bytes);

/* Free bytes, for root, of the file system that holds fd; -1 when it does not say. */
int64_t disk_free(int fd);

#endif
