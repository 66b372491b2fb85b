/*
 * oom.h - whom the kernel killed for want of memory, in its own words.
 *
 * A counter says that somebody of the run was killed, not who; only the kernel's log names the process. It is read
 * from where it stood when the run began. Without the right to read it (a container) nobody is named, and then a
 * SIGKILL is not called the memory limit's.
 */
#ifndef SUPERVISOR_OOM_H
#define SUPERVISOR_OOM_H

#include <stdbool.h>
#include <sys/types.h>

#include "record/exit_record.h"

struct oom_watch {
    int fd; /* owned: /dev/kmsg, after its last line; -1: it may not be read */
};

void oom_watch_open(struct oom_watch *ret);
void oom_watch_close(struct oom_watch *w);

/* Reads the log up to now. Fills *facts with what it says of the group whose path ends with `suffix`; main_killed when
 * main_pid was among the killed. The counters in *facts are the caller's. */
void oom_watch_collect(struct oom_watch *w, const char *suffix, pid_t main_pid, struct oom_facts *facts);

/* ---- the kernel's lines, for oom.c and tests. Pure. ---- */

/* Follows one report: the table of the processes, then the line that names the killed one. */
struct oom_reader {
    const char *suffix;
    pid_t main_pid;
    bool in_table;
    struct oom_process {
        int64_t pid;
        int64_t pages;
        char command[COMMAND_TEXT_MAX];
    } largest[4]; /* of the latest table; pid 0 for a free place */
};

/* Whether the main process was the one although the log, which may not be readable, named nobody: when it was alone with
 * init. pids_peak is the most processes there ever were, by the kernel's own count; -1 when it keeps none, and then nobody
 * knows, for a sample could have missed a child. */
bool oom_was_main(const struct oom_facts *facts, int64_t pids_peak);

/* One message of the log, without its prefix. */
void oom_reader_take(struct oom_reader *r, const char *line, struct oom_facts *facts);

#endif
