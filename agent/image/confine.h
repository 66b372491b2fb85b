/*
 * confine.h - the walls around umoci. Called in its process, before it is executed.
 */
#ifndef IMAGE_CONFINE_H
#define IMAGE_CONFINE_H

#include "base/err.h"

/* Without new privileges, with the capabilities that files need, with Landlock where the kernel has it, and with a filter of
 * system calls. Files are written below into_fd only; `program` may be executed wherever it is. 0 or negative with *e. */
int confine(const char *program, int layout_fd, int into_fd, struct err *e);

#endif
