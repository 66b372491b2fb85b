/*
 * denials.h - the supervisor's end of the filter's listener: every denied call is noted and answered at once.
 *
 * A process that makes a denied call sleeps until it is answered, so nothing here waits for anything. With `learn` every
 * call comes here, is noted and goes on.
 */
#ifndef SUPERVISOR_DENIALS_H
#define SUPERVISOR_DENIALS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "record/exit_record.h"

/* Distinct pairs of call and command that are kept; more are counted only. */
#define DENIALS_MAX 32
/* Numbers of system calls that learning can note. */
#define CALL_NUMBERS_MAX 1024

struct denial {
    int number; /* of the system call */
    pid_t pid;  /* of the first, in the supervisor's pid namespace */
    char command[COMMAND_TEXT_MAX];
    int64_t count;
};

struct denials {
    int fd; /* owned: the listener; -1: there is none */
    bool learn;
    void *request, *answer; /* owned: as large as this kernel's */
    size_t request_size, answer_size;
    struct denial item[DENIALS_MAX];
    size_t count;
    int64_t not_kept;
    uint8_t seen[CALL_NUMBERS_MAX / 8]; /* with learn */
};

#define DENIALS_INIT                                                                                         \
    (struct denials)                                                                                         \
    {                                                                                                        \
        .fd = -1                                                                                             \
    }

/* Takes over the listener. 0 or -errno; without memory for it nothing is taken and denied calls fail unexplained. */
int denials_open(struct denials *d, int listener_fd, bool learn);

/* Answers what waits, at most a batch. Returns the first denial that was new in it, or NULL; call again for the next
 * while it is not. */
const struct denial *denials_answer(struct denials *d);

/* With learn: the smallest profile, as `systemCalls: [...]` of a job document. 0, -E2BIG or -ENOMEM. */
int denials_profile(const struct denials *d, struct strbuf *out);

void denials_close(struct denials *d);

#endif
