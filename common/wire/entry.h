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
 * args, .class -> java -cp ROOT:ROOT/lib/ *:LANDING/lib/ *:CLASSPATH CLASS args (without the blanks), ROOT being the folder where the
 * class's package begins. FILE is absolute in the job's view. main_class is what the class file says it is ("com/acme/Main"); NULL
 * as long as nobody has looked: then the package is taken to begin where the artifact does. Another extension is -EINVAL, blaming
 * the assignment, and names the ones that are known.
 */
int entry_command(const struct plan *p, const char *entry, const char *main_class, struct strlist *ret_argv,
                  struct err *e);

/* The working directory: JOB_HOME for a single file, JOB_HOME/decompressed_artifact for an archive. */
const char *entry_directory(const struct plan *p);

#endif
