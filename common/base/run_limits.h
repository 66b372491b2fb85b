/*
 * run_limits.h - what one run may use of its machine: the names, units and ranges of its limits.
 *
 * One table for the job document (`x-runlet: limits:`), the plan, the supervisor and the record, so that a
 * limit has one name everywhere. What a limit is applied with (control group, rlimit, file system) is the
 * supervisor's business.
 */
#ifndef BASE_RUN_LIMITS_H
#define BASE_RUN_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

enum run_limit {
    LIMIT_MEMORY = 0,  /* bytes of memory; over it, processes of the run are killed */
    LIMIT_MEMORY_HIGH, /* bytes; over it, the run is slowed down and its memory reclaimed */
    LIMIT_SWAP,        /* bytes of swap, beside the memory */
    LIMIT_CPU,         /* thousandths of a hardware thread, as a quota */
    LIMIT_CPU_WEIGHT,  /* share when others want the CPU as well: 1..10000, 100 is the usual one */
    LIMIT_PIDS,        /* processes and threads */
    LIMIT_IO_READ,     /* bytes a second from the disk of the run's home */
    LIMIT_IO_WRITE,    /* bytes a second to it */
    LIMIT_IO_WEIGHT,   /* share of it: 1..10000 */
    LIMIT_OPEN_FILES,  /* descriptors of one process */
    LIMIT_CORE_SIZE,   /* bytes of a core file */
    LIMIT_FILE_SIZE,   /* bytes of one file */
    LIMIT_SCRATCH,     /* bytes of disk in the home and the temporary folders together */
    LIMIT_COUNT,
};

#define LIMIT_UNSET (-1)

/* A list of CPUs as the kernel writes it: "0-3,8". */
#define CPUSET_TEXT_MAX 256

struct run_limits {
    int64_t value[LIMIT_COUNT]; /* LIMIT_UNSET: none was asked for */
    /* The value is only what the job's shape comes to. A shape says on which machine a job was meant to run; nobody asked
     * for a limit, so a machine that cannot hold one is no reason not to run. */
    bool by_shape[LIMIT_COUNT];
    char cpuset[CPUSET_TEXT_MAX]; /* "" : every CPU */
};

enum limit_unit {
    LIMIT_UNIT_BYTES,     /* "512M", "4G" */
    LIMIT_UNIT_MILLI_CPU, /* "2", "0.5": hardware threads, with up to three decimals */
    LIMIT_UNIT_NUMBER,
};

struct run_limit_info {
    const char *name; /* in documents, the plan, messages and records: "memory", "cpuWeight" */
    enum limit_unit unit;
    int64_t min, max;
};

void run_limits_init(struct run_limits *limits);

const struct run_limit_info *run_limit_info(enum run_limit limit);

/* LIMIT_COUNT when no limit has the name. */
enum run_limit run_limit_from_name(const char *name);

/* Reads a value as people write it, and checks its range. 0, -EINVAL (not such a value), -ERANGE. */
int run_limit_parse(enum run_limit limit, const char *text, int64_t *ret);

#define LIMIT_TEXT_MAX 32

/* The value as people write it, exactly: "4G", "1500000", "2.5". What is written is read back as the same. */
void run_limit_format(enum run_limit limit, int64_t value, char ret[LIMIT_TEXT_MAX]);

/* Whether the text is a list of CPUs, such as "0-3,8": numbers below 8192, ranges upwards. */
bool cpuset_valid(const char *text);

/* The values of `finer` that are set replace those of *limits. */
void run_limits_merge(struct run_limits *limits, const struct run_limits *finer);

#endif
