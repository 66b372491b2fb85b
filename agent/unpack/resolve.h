/*
 * resolve.h - which file of the landing folder is started.
 */
#ifndef UNPACK_RESOLVE_H
#define UNPACK_RESOLVE_H

#include "base/err.h"
#include "unpack/runtime.h"

/*
 * Finds the entry file. `entrypoint` is what the job says, relative to the landing folder; NULL:
 * JOB_RUN_ENTRYPOINT of jobruntime.yaml, relative to the landing folder or else to the yaml's own. It must be
 * a regular file, reached without leaving the folder. The result is its normalised path, malloc'd. A refusal
 * blames the assignment and names files that could have been meant.
 */
int entry_resolve(int landing, const char *entrypoint, const struct jobruntime *j, char **ret, struct err *e);

/*
 * The class in the entry file, as "com/acme/Main", malloc'd; NULL when the file is no .class file. A class that does not lie in the
 * folders of its package cannot be started: a refusal, which blames the assignment.
 */
int entry_class(int landing, const char *entry_file, char **ret, struct err *e);

#endif
