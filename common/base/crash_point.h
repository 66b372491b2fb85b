/*
 * crash_point.h - numbered places at which a test ends this process at once, as a crash would.
 *
 * A point stands before or after everything that lasts: a write, an fsync, a rename, a mount, a message, a fork. Built
 * with RUNLET_CRASH_POINTS (the dev presets; never a release) and with RUNLET_CRASH_FILE in the environment, a process
 * maps that file, appends each point it passes, and dies at the one that the file names - once, however many processes
 * reach it. The mapping outlives changes of root, user, namespace and descriptors, so a point needs no system call
 * and works below any filter. tests/faults/crash_points.py makes the file and reads it. Without RUNLET_CRASH_POINTS
 * nothing of this is compiled, not even the arguments.
 */
#ifndef BASE_CRASH_POINT_H
#define BASE_CRASH_POINT_H

#include <stddef.h>

#define CRASH_VARIABLE "RUNLET_CRASH_FILE"

#ifdef RUNLET_CRASH_POINTS

/* The process does another part from here on (a fork, an exec): its points are counted anew. Borrows the name for good. */
void crash_role(const char *role);

/* Passes a point, or does not return. `detail` may be NULL; of a fact's line ("{...") its kind alone is taken. */
void crash_point(const char *name, const char *detail);

/* "RUNLET_CRASH_FILE=..." for an environment made by hand, or NULL. Lives as long as the process. */
char *crash_environment(void);

#define CRASH_ROLE(role)             crash_role(role)
#define CRASH_POINT(name)            crash_point(name, NULL)
#define CRASH_POINT_OF(name, detail) crash_point(name, detail)

#else

static inline char *crash_environment(void)
{
    return NULL;
}

#define CRASH_ROLE(role)             ((void)0)
#define CRASH_POINT(name)            ((void)0)
#define CRASH_POINT_OF(name, detail) ((void)0)

#endif
#endif
