/*
 * order.h - the work order: what the supervisor asks the unpacker to place, and which file it wants to start.
 *
 *     {"place":"archive","name":"project.zip","into":"decompressed_artifact"}     one line per placement
 *     {"entry":"archive","entrypoint":"pkg/main.py"}                              entrypoint may be missing
 * or ""
 *     {"entry":"image","entrypoint":""}                                           what is started is in an image
 *     {"max-bytes":N,"max-files":N,"max-ratio":N}
 */
#ifndef UNPACK_ORDER_H
#define UNPACK_ORDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "unpack/member.h"
#include "wire/plan.h"

struct order {
    struct placement placement[PLAN_PLACEMENTS_MAX]; /* `into` is normalised */
    size_t placement_count;
    enum entry_kind entry_kind;
    char *entrypoint; /* owned; NULL: JOB_RUN_ENTRYPOINT of jobruntime.yaml */
    struct unpack_limits limits;
};

void order_free(struct order *o);
#define order_auto order_free

/* Reads an order. *ret must be zero; it is freed on failure. A bad order blames runlet itself, with the line.
 */
int order_decode(const char *text, size_t n, struct order *ret, struct err *e);

#endif
