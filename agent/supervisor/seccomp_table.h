/*
 * seccomp_table.h - which system calls a job may make, and why not the others: data.
 *
 * In the manner of the container engines' default profile: everything that programs need, nothing that manages the
 * machine. A call that is in no row does not exist for the job (ENOSYS), so that C libraries fall back from what is
 * newer than this table.
 */
#ifndef SUPERVISOR_SECCOMP_TABLE_H
#define SUPERVISOR_SECCOMP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum call_action {
    CALL_ABSENT = 0, /* ENOSYS, silently: the caller falls back */
    CALL_ALLOWED,
    CALL_DENIED, /* EPERM, and explained */
    CALL_PASSED, /* allowed and never noted: our own last words before the job executes */
};

struct call_group {
    enum call_action action;
    bool by_user_namespace; /* allowed to a run that asked for a user namespace */
    const char *rule;       /* what is denied, or why it is absent; for people */
    const char *calls;      /* names, separated by one space */
};

/* `(argument & mask) == value`, of the low 32 bits: the kernel looks at no more of these arguments. */
struct call_test {
    unsigned argument;
    uint32_t mask; /* 0: no test */
    uint32_t value;
};

#define CALL_TESTS_MAX 3

/* The first row of a call whose tests hold decides; without one, the last row's absence of tests does, or the group. */
struct call_argument_rule {
    const char *call;
    struct call_test test[CALL_TESTS_MAX];
    enum call_action action;
    bool by_user_namespace; /* the row is not there for a run with a user namespace */
    const char *rule;
};

extern const struct call_group CALL_GROUPS[];
extern const size_t CALL_GROUP_COUNT;
/* Rows of one call follow each other. */
extern const struct call_argument_rule CALL_ARGUMENT_RULES[];
extern const size_t CALL_ARGUMENT_RULE_COUNT;

/* Calls that a program needs to start and to end, whatever the job lists. */
extern const char *const CALLS_TO_START;

/* The job's process says its last words before its exec on this descriptor, with these flags and this length: no program
 * makes such a call by accident, and one that does gains nothing. */
#define LAUNCH_FD          3
#define LAUNCH_SEND_FLAGS  0x4800U /* MSG_NOSIGNAL | MSG_CONFIRM */
#define LAUNCH_READ_LENGTH 7919U

#endif
