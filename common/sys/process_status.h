/*
 * process_status.h - /proc/PID/status: what the kernel says of a process's identity and privileges.
 */
#ifndef SYS_PROCESS_STATUS_H
#define SYS_PROCESS_STATUS_H

#include <stddef.h>

#include "base/err.h"

#define PROCESS_STATUS_MAX (64U * 1024)

/* The words after "name:" in the text of the file, not terminated; "" when it has no such line. */
const char *process_status_value(const char *status, const char *name, size_t *ret_size);

/* Whether they are the expected ones: 0, or -ENOTSUP with both in *e. */
int process_status_expect(const char *status, const char *name, const char *expected, struct err *e);

#endif
