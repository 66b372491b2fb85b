/*
 * seccomp_filter.h - from the table of system calls and the job's wishes to the filter the kernel runs. Pure: no privilege, and nothing
 * is loaded.
 *
 * The same decisions come in two forms: as a program for the kernel, and as call_decide() for the supervisor, who
 * explains a denial and answers the calls of a run that learns.
 */
#ifndef SUPERVISOR_SECCOMP_FILTER_H
#define SUPERVISOR_SECCOMP_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/run_sandbox.h"
#include "supervisor/seccomp_table.h"

/* Numbers of system calls on both machines are below. */
#define CALL_NUMBERS_MAX 512
#define CALL_ARGUMENTS   6

struct call_filter {
    struct {
        enum call_action action;
        const char *rule;                       /* from the table */
        const struct call_argument_rule *first; /* its rows, or NULL */
        unsigned rows;
    } call[CALL_NUMBERS_MAX];
    unsigned beyond; /* one more than the highest number in the table */
    bool learn;
    bool user_namespace;
};

struct call_decision {
    enum call_action action;
    const char *rule; /* why it is denied */
};

/* Builds the filter for what the job asks. 0, or -EINVAL blaming the assignment for a name that no machine has. */
int call_filter_build(const struct run_sandbox *asked, struct call_filter *ret, struct err *e);

/* What the filter does with one call of this machine's own kind. */
struct call_decision call_decide(const struct call_filter *f, long number,
                                 const uint64_t argument[CALL_ARGUMENTS]);

/* How a decision is told to the kernel. */
enum call_denial {
    DENIAL_NOTIFIED, /* the supervisor is asked, and explains */
    DENIAL_PLAIN,    /* EPERM: nobody listens */
};

/* Writes the program into ret (room for BPF_MAXINSNS). Returns its length or -E2BIG. A learning filter has to be notified. */
int call_filter_program(const struct call_filter *f, enum call_denial denial,
                        struct sock_filter ret[BPF_MAXINSNS]);

/* The name of a call of this machine, or "system call 999"; ret has room for size bytes. */
void call_name(long number, char *ret, size_t size);

#endif
