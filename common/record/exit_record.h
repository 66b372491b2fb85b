/*
 * exit_record.h - what is known for certain about the end of a run: the facts, not yet the judgement.
 *
 * Written once by the run's supervisor (or, when that was lost, by the one that recovers the run), as one
 * fact in the file `exit` of the run directory: to a temporary name, fsynced, renamed, directory fsynced.
 * Nobody is told before. verdict.h turns it into cause, state and text.
 */
#ifndef RECORD_EXIT_RECORD_H
#define RECORD_EXIT_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/strbuf.h"
#include "record/lifecycle.h"
#include "record/usage.h"

#define EXIT_RECORD_NAME "exit"

/* How the job's main process ended, as the kernel said it. */
enum main_end {
    MAIN_NOT_STARTED = 0, /* the job never ran an instruction of its own */
    MAIN_EXITED,          /* status = exit code */
    MAIN_SIGNALED,        /* status = signal number */
    MAIN_UNKNOWN,         /* it ran; nobody saw its end */
    MAIN_END_COUNT,
};

const char *main_end_name(enum main_end end);       /* "not-started", "exited", "signaled", "unknown" */
enum main_end main_end_from_name(const char *name); /* MAIN_END_COUNT when unknown */

#define COMMAND_TEXT_MAX    32
#define CHECKPOINT_TEXT_MAX 1024
#define NODE_TEXT_MAX       320

/* What the kernel did because the run was at its memory limit. */
struct oom_facts {
    int64_t kills;                  /* processes of the run it killed; 0 also when it does not count them */
    bool main_killed;               /* the main process was among them: this ended the run */
    int64_t pid;                    /* of the last one, on the node; 0: not known */
    char command[COMMAND_TEXT_MAX]; /* of the last one */
    int64_t limit_bytes;            /* the limit that was reached; 0: not known */
    char others[256]; /* the largest processes that were in it as well: "python3 812 MiB, bash 3 MiB" */
};

struct exit_record {
    char run_id[RUN_ID_BYTES];
    enum main_end main_end;
    int status;
    bool core_dumped;
    /* Why the supervisor began to stop the run, or refused to start it; CAUSE_NONE when the job ended by
     * itself. The first reason wins. */
    enum cause stop_cause;
    /* With MAIN_NOT_STARTED: what went wrong, for people, and who is to blame. Empty otherwise. */
    enum blame blame;
    char reason[ERR_TEXT_MAX];
    int launch_errno; /* with CAUSE_LAUNCH_FAILED: the errno of execve, as a positive number; 0 when none */
    bool tree_gone;   /* nothing of the run is alive */
    char left_behind[256]; /* when !tree_gone: pid, command and wait channel of what could not be ended */
    char held_devices
        [256]; /* devices that were the run's alone, and who holds them now that it has ended; "" */
    char node
        [NODE_TEXT_MAX]; /* of a run of several nodes: whose end this is, "rank 1 of node group 'workers'"; "" */
    wall_ms_t accepted_at;
    wall_ms_t started_at; /* job's first instruction; 0 when it never started */
    wall_ms_t ended_at;
    uint64_t log_bytes;
    uint64_t log_lines;
    bool log_complete;   /* all that the job wrote is in the spool; false: its end may be missing */
    uint64_t disk_bytes; /* in the home when the run ended; of a home with very many files, of a part of it */
    struct oom_facts oom;
    int64_t pids_limit;   /* 0: none */
    int64_t pids_refused; /* times that a new process or thread was refused because of it */
    struct run_usage usage;
    char checkpoint
        [CHECKPOINT_TEXT_MAX]; /* where the job says that it saved its work; "" when it said nothing */
    char witness[16];          /* who saw the end: "supervisor", "init", "none" */
};

/*
 * The record as its line, and back. Members that are not known are ignored and the later ones may be missing,
 * since the agent may be older or newer than the supervisor that wrote; a cause or an end with an unknown
 * name is read as unknown, never as none. Texts longer than their field lose their tail. -EBADMSG when it is
 * no exit record.
 */
int exit_record_encode(const struct exit_record *record, struct strbuf *out, struct err *e);
int exit_record_decode(const char *text, size_t n, struct exit_record *ret, struct err *e);

/* Writes the record durably into dir_fd. -EEXIST when there is one already: a run has one end. */
int exit_record_write(int dir_fd, const struct exit_record *record, struct err *e);

/* Reads it. -ENOENT while the run has not ended. */
int exit_record_read(int dir_fd, struct exit_record *ret, struct err *e);

#endif
