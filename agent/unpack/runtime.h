/*
 * runtime.h - jobruntime.yaml: the variables that an archive brings along.
 */
#ifndef UNPACK_RUNTIME_H
#define UNPACK_RUNTIME_H

#include "base/env.h"
#include "base/err.h"

#define JOBRUNTIME_NAME "jobruntime.yaml"
/* The service caps a job's variables at 20,000 characters; comments and quotes need some room beside them. */
#define JOBRUNTIME_BYTES_MAX (64U * 1024)

struct jobruntime {
    struct env env; /* layer ENV_JOBRUNTIME, in the file's order */
    char *folder; /* owned; the file's folder below the landing folder, "" for itself; NULL: there is no such
                     file */
};

void jobruntime_free(struct jobruntime *j);
#define jobruntime_auto jobruntime_free

/* Finds the file in the landing folder, or in the one folder that is all it holds, and reads it. No file is
 * no failure. *ret must be zero; it is freed on failure, which blames the assignment with line and column. */
int jobruntime_load(int landing, struct jobruntime *ret, struct err *e);

/* Reads the n bytes of the file `name`: a flat map; scalars are taken as they are written. Pure. */
int jobruntime_parse(const char *name, const char *text, size_t n, struct env *ret_env, struct err *e);

#endif
