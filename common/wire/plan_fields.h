/*
 * plan_fields.h - the members of a plan's facts, as one table for writing and reading. Private to
 * wire/plan_*.c.
 */
#ifndef WIRE_PLAN_FIELDS_H
#define WIRE_PLAN_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/plan.h"

enum field_kind {
    FIELD_STRING,
    FIELD_STRING_OR_NULL,
    FIELD_I64,
    FIELD_INT,
    FIELD_UNSIGNED,
    FIELD_BOOL,
};

struct plan_field {
    const char *key;
    enum field_kind kind;
    size_t offset;
    int64_t min, max;            /* numbers */
    bool (*valid)(const char *); /* strings */
};

/* The members of the first fact that are plain members of struct plan. */
#define PLAN_FIELD_COUNT 30
extern const struct plan_field PLAN_FIELDS[PLAN_FIELD_COUNT];

#define ENTRY_KIND_COUNT     (ENTRY_IMAGE + 1)
#define PLACEMENT_FORM_COUNT (PLACE_ARCHIVE + 1)
#define MOUNT_KIND_COUNT     (MOUNT_OBJECTS + 1)
extern const char *const ENTRY_KIND_NAMES[ENTRY_KIND_COUNT];
extern const char *const PLACEMENT_FORM_NAMES[PLACEMENT_FORM_COUNT];
extern const char *const MOUNT_KIND_NAMES[MOUNT_KIND_COUNT];

/* The facts that follow are counted in the first one, so that a plan cut short is not taken for a whole one.
 */
enum plan_count {
    COUNT_PLACEMENTS,
    COUNT_ARGS,
    COUNT_VARS,
    COUNT_LIMITS,
    COUNT_DEVICES,
    COUNT_SYSTEM_CALLS,
    COUNT_STOP_SIGNALS,
    COUNT_MOUNTS,
    COUNT_OUTPUTS,
    COUNT_NODES,
    COUNT_PROBE_WORDS,
    COUNT_KINDS,
};
extern const char *const PLAN_COUNT_KEYS[COUNT_KINDS];
extern const int64_t PLAN_COUNT_MAX[COUNT_KINDS];

/* How many of each a plan has. */
void plan_counts(const struct plan *p, size_t ret[COUNT_KINDS]);

#endif
