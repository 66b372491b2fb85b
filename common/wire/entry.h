/*
 * entry.h - from an entry file to the command that runs it. Pure.
 *
 * The interpreter is chosen by extension, never by exec bit or shebang: real archives have neither.
 */
#ifndef WIRE_ENTRY_H
#define WIRE_ENTRY_H

#include "base/err.h"
#include "base/strlist.h"
#include "wire/plan.h"

/*
 * Builds argv for `entry` (relative to the folder the artifact landed in; in an archive relative to
 * decompressed_artifact): .py -> python FILE args, .sh and .bash -> bash FILE args, .jar -> java -jar FILE
 * args. With an image the plan's arguments are all of it. FILE is absolute in the job's view. Another extension is -EINVAL, blaming the assignment, and names
 * the ones that are known.
 */
int entry_command(const struct plan *p, const char *entry, struct strlist *ret_argv, struct err *e);

/* The working directory: the image's, else JOB_HOME for a single file, JOB_HOME/decompressed_artifact for an archive. */
const char *entry_directory(const struct plan *p);

#endif
