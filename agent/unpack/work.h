/*
 * work.h - the whole order, carried out: placements, then variables, then the entry file.
 */
#ifndef UNPACK_WORK_H
#define UNPACK_WORK_H

#include "base/err.h"
#include "unpack/order.h"
#include "unpack/runtime.h"

struct outcome {
    struct unpack_usage usage;
    struct jobruntime runtime;
    char *main_class; /* owned; "com/acme/Main" when the entry file is a Java class; else NULL */
    char *entry_file; /* owned; below decompressed_artifact, for a single file below the home */
};

void outcome_free(struct outcome *o);
#define outcome_auto outcome_free

/* Places fds[i] as the order's placement i says, below home. *ret must be zero; it is freed on failure. */
int work_do(const struct order *o, int home, const int *fds, struct outcome *ret, struct err *e);

#endif
