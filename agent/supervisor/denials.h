/*
 * denials.h - the supervisor's end of the filter's listener: every denied call is noted and answered at once.
 *
 * A process that makes a denied call sleeps until it is answered, so nothing here waits for anything. A run that learns
 * asks here for every call: what the table allows is noted and goes on, what it denies is denied, for no list of the job's
 * could allow it.
 */
#ifndef SUPERVISOR_DENIALS_H
#define SUPERVISOR_DENIALS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "record/exit_record.h"
#include "supervisor/seccomp_filter.h"

/* Distinct pairs of call and command that are kept; more are counted only. */
#define DENIALS_MAX 64
struct denial {
    int number; /* of the system call */
    pid_t pid;  /* of the first, in the supervisor's pid namespace */
    char command[COMMAND_TEXT_MAX];
    const char *rule; /* why */
    int64_t count;
};

struct denials {
    int fd;                           /* owned: the listener; -1: there is none */
    const struct call_filter *filter; /* borrowed */
    void *request, *answer;           /* owned: as large as this kernel's */
    size_t request_size, answer_size;
    struct denial item[DENIALS_MAX];
    size_t count;
    int64_t not_kept;
    uint8_t seen[CALL_NUMBERS_MAX / 8]; /* of a run that learns */
};

#define DENIALS_INIT                                                                                         \
    (struct denials)                                                                                         \
    {                                                                                                        \
        .fd = -1                                                                                             \
    }

/* Takes over the listener. 0 or -errno; without memory for it nothing is taken and denied calls fail unexplained. */
int denials_open(struct denials *d, int listener_fd, const struct call_filter *filter);

/* Answers what waits, at most a batch. Returns the first denial that was new in it, or NULL; call again for the next
 * while it is not. */
const struct denial *denials_answer(struct denials *d);

/* Of a run that learns: the smallest profile, as `systemCalls: [...]` of a job document. 0, -E2BIG or -ENOMEM. */
int denials_profile(const struct denials *d, struct strbuf *out);

void denials_close(struct denials *d);

#endif
