/*
 * clock.h - time as types, so that units and clocks cannot be mixed up.
 *
 * boot_ms_t   milliseconds of CLOCK_BOOTTIME: deadlines, budgets, ages. Goes on during suspend; NTP cannot
 * move it. wall_ms_t   milliseconds since 1970 UTC: only for records and logs.
 *
 * Code that decides takes the time as an argument; only programs' edges read a clock.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

typedef struct {
    int64_t ms;
} boot_ms_t;

typedef struct {
    int64_t ms;
} wall_ms_t;

boot_ms_t clock_boot(void);
wall_ms_t clock_wall(void);

/* "2026-11-24T06:01:43.123Z" */
#define RFC3339_MAX 32
void wall_format(wall_ms_t t, char out[RFC3339_MAX]);

/* Reads what wall_format wrote. 0 or -EINVAL. */
int wall_parse(const char *text, wall_ms_t *ret);

/* A length of time for people: "850 ms", "42.1 s", "5 min 3 s", "2 h 5 min", "3 d 4 h". */
#define DURATION_TEXT_MAX 32
void duration_format(int64_t ms, char out[DURATION_TEXT_MAX]);

#endif
