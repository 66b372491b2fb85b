/*
 * run_view.h - a run as it lies on disk, for status displays: works with the daemon down.
 *
 * Put together from agent/<run>/ (assignment, journal) and runs/<run>/ (supervisor's journal, spool, exit
 * record). Readers see a consistent picture because every file has one writer and only grows.
 */
#ifndef DAEMON_RUN_VIEW_H
#define DAEMON_RUN_VIEW_H

#include <stdio.h>

#include "base/limits.h"
#include "base/strlist.h"
#include "daemon/layout.h"
#include "record/exit_record.h"
#include "record/verdict.h"
#include "run/history.h"

#define STORING_TEXT_MAX 512

struct run_view {
    char id[RUN_ID_BYTES];
    char name[260]; /* of the run, or else of the job, or else of the artifact; may be empty */
    bool known_to_agent;
    bool attended; /* a process is responsible for it right now */
    struct run_history history;
    enum phase phase;
    enum lifecycle_state state;
    char details[640];
    enum cause cause;
    bool ended; /* record and verdict are valid */
    struct exit_record record;
    struct verdict verdict;
    wall_ms_t started_at; /* 0: not yet */
    boot_ms_t deadline;   /* 0: not running */
    int64_t main_pid;
    uint64_t log_bytes;
    size_t nodes;  /* of a run of several: how many have folders here, from rank 0 on; 0 for any other */
    bool fetching; /* the rest of `fetch` holds: what the agent noted last */
    struct {
        char name[256], source[256];
        int64_t bytes, total, rate, left_ms, attempt; /* -1: not known */
        bool waiting;                                 /* for another run, which fetches the same */
    } fetch;
    char missing
        [256]; /* limits and walls that this machine could not give it: "memoryHigh, seccomp"; "" : none */
    char uploading[STORING_TEXT_MAX];    /* after the job: what is on its way, and how far; "": nothing */
    char not_uploaded[STORING_TEXT_MAX]; /* what the last failure of that was; "": none */
};

/* Lists the ids of all runs, oldest acceptance last. 0 or negative with *e. */
int run_view_list(const struct layout *layout, struct strlist *ret, struct err *e);

/* Ids of submissions that no agent has accepted yet. */
int run_view_list_queued(const struct layout *layout, struct strlist *ret, struct err *e);

/* Reads one run. -ENOENT when there is none of that id. */
/* The name of the run's node of that rank. */
void run_view_node(const char *id, size_t rank, char ret[RUN_ID_BYTES]);

int run_view_read(const struct layout *layout, const char *id, struct run_view *ret, struct err *e);

/* Appends it as one JSON object without a newline. */
void run_view_json(const struct run_view *v, const struct layout *layout, struct strbuf *out);

/* Reads and prints it as a line of JSON. 0 or negative. */
int run_view_print_json(const struct layout *layout, const char *id, FILE *out);

#endif
