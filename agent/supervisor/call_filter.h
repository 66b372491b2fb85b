/*
 * call_filter.h - the table of system calls as a seccomp filter, and its listener.
 *
 * The supervisor builds the program before there is a job, the job's process only loads it. What is denied waits for
 * the listener's answer, which the supervisor gives after noting the call (denials.h).
 */
#ifndef SUPERVISOR_CALL_FILTER_H
#define SUPERVISOR_CALL_FILTER_H

#include <linux/filter.h>

#include "base/err.h"
#include "base/run_sandbox.h"

struct call_filter {
    struct sock_filter *code; /* owned */
    unsigned short length;    /* instructions */
};

/* Builds the filter. 0, or negative with *e: an unknown name in asked->system_calls blames the assignment. */
int call_filter_build(const struct run_sandbox *asked, struct call_filter *ret, struct err *e);

void call_filter_free(struct call_filter *f);
#define call_filter_auto call_filter_free

/* Loads it into the calling process, which must have no_new_privs. The listener's descriptor, or -errno; where the
 * kernel gives no listener (Linux before 5.0), -ENOSYS, and nothing was loaded. */
int call_filter_load(const struct call_filter *f);

/* The seccomp mode of the calling process is "filter". */
bool call_filter_in_force(void);

/* The name of a system call of this machine; "" when it is not known. */
void call_name(int number, char *ret, size_t size);

#endif
