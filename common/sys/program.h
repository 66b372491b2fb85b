/*
 * program.h - a short-lived program of the system, run to its end: bounded in time, with nothing of ours but one
 * descriptor.
 */
#ifndef SYS_PROGRAM_H
#define SYS_PROGRAM_H

#include <stdint.h>

#include "base/err.h"

/* The descriptor `fd` has this number in the program: its arguments can name /proc/self/fd/3. */
#define PROGRAM_FD 3

/*
 * Executes argv[0], an absolute path, and waits for its end, at most limit_ms; then it is killed. Its output is read and
 * goes into the error when it fails. 0, -ENOENT when the program is not there, -ETIMEDOUT, -EIO when it failed, or
 * another negative code, with *e. The caller must not reap all children meanwhile.
 */
int program_run(char *const argv[], int fd, int64_t limit_ms, struct err *e);

#endif
