/*
 * helper.h - a program that is run for a run, beside its job: started, watched and ended without ever being waited for.
 *
 *     struct helper h = HELPER_INIT;
 *     helper_start(&order, clock_boot(), &h, &e)
 *     in each turn of the loop: poll h.said_fd, then helper_read(&h);
 *                               at SIGCHLD: if (helper_reap(&h)) it has ended: helper_result(&h, &e);
 *                               helper_due(&h, now) tells when to call it again; an abandoned one has ended as well
 *     helper_close(&h)
 *
 * Only before privilege_shed (privilege.h), after which the supervisor can start nothing; one that was started before may go
 * on, be heard, killed and reaped.
 *
 * A helper that does not end in time is killed, and one that even then does not (the kernel holds it) is abandoned: the run
 * goes on to its end without it.
 */
#ifndef SUPERVISOR_HELPER_H
#define SUPERVISOR_HELPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/err.h"
#include "sys/capabilities.h"
#include "sys/process.h"
#include "sys/run_group.h"

/* What of the program's last words is kept. */
#define HELPER_WORDS_MAX 2048
/* What of them goes into an error. */
#define HELPER_ERROR_WORDS_MAX 360
/* How long after SIGKILL a helper is abandoned. */
#define HELPER_ABANDON_MS 10000
#define HELPER_FDS_MAX    48

/* The caller's descriptor `fd` has the number `as` in the program. */
struct helper_fd {
    int fd, as;
};

/* What to run. Nothing of it is needed after the start. */
struct helper_order {
    const char *path;         /* absolute; the name after its last / is used in errors */
    char *const *argv;        /* NULL at the end */
    char *const *environment; /* NULL at the end; NULL: LC_ALL=C.UTF-8 and the system's PATH */
    const struct helper_fd
        *fds; /* `as` ascending; without 0, standard input is empty; without 1, output goes where errors go;
                                  * 2 is the helper's own */
    size_t fd_count;
    const struct user_ids *user;   /* NULL: as the supervisor */
    uint64_t capabilities;         /* that the program keeps, as far as the supervisor has them */
    const struct run_group *group; /* which it joins; NULL: none */
    int64_t budget_ms;
};

enum helper_state {
    HELPER_NONE = 0,  /* never started */
    HELPER_RUNNING,   /* until its deadline */
    HELPER_KILLED,    /* SIGKILL was sent; it has not ended yet */
    HELPER_ENDED,     /* and was reaped */
    HELPER_ABANDONED, /* it did not end after SIGKILL */
};

struct helper {
    enum helper_state state;
    pid_t pid;
    int said_fd;  /* owned; -1 once it said its last */
    int start_fd; /* owned: tells what failed before the program ran */
    boot_ms_t until;
    bool late;       /* the deadline, not the caller, had it killed */
    int wait_status; /* in HELPER_ENDED */
    char name[32];
    size_t words_size;
    char words[HELPER_WORDS_MAX]; /* the last that it said, not terminated */
};

#define HELPER_INIT                                                                                          \
    (struct helper)                                                                                          \
    {                                                                                                        \
        .said_fd = -1, .start_fd = -1                                                                        \
    }

/* Starts it. The caller closes its own descriptors. 0 or negative with *e. */
int helper_start(const struct helper_order *order, boot_ms_t now, struct helper *ret, struct err *e);

/* Whether it runs, or is being ended. */
bool helper_is_active(const struct helper *h);

/* Reads what it said; never blocks. */
void helper_read(struct helper *h);

/* True when it has just ended. */
bool helper_reap(struct helper *h);

/* Kills it, with the processes it started, when it is active. */
void helper_kill(struct helper *h, boot_ms_t now);

/* Kills it at its deadline, and abandons it when that does not help. Returns when to look again, INT64_MAX: never. */
int64_t helper_due(struct helper *h, boot_ms_t now);

/*
 * How it ended: 0 for status 0. Else negative with *e, which blames the node and has its last words:
 *   -ENOENT      the program is not there
 *   -ETIMEDOUT   it was killed at its deadline, or abandoned
 *   -EINTR       another signal ended it
 *   -EIO         it exited with another status
 *   else         what failed before it ran
 */
int helper_result(const struct helper *h, struct err *e);

/* The last line or lines that it said, on one line, with nothing in it but text; "" when it said nothing. */
void helper_last_words(const struct helper *h, char *ret, size_t size);

void helper_close(struct helper *h);

#endif
