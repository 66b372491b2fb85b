/*
 * submission.h - a run on its way in: the folder that holds its assignment and artifact, made complete under
 * another name and then moved to its place by one rename.
 *
 *   <parent>/<run id>/   assignment.json   parts/0 parts/1 ...   [agent.journal]
 *
 * The parent is the queue (picked up by runletd) or, for `runlet run`, the agent's own directory.
 */
#ifndef ASSIGNMENT_LOCAL_SUBMISSION_H
#define ASSIGNMENT_LOCAL_SUBMISSION_H

#include "base/err.h"
#include "job/job.h"
#include "run/history.h"

/* Names in the parent that no reader takes for a run: one that is being made, under a lock on the folder itself; and one
 * put aside because its run had been accepted before, followed by the time in ms, a dot and the id. */
#define SUBMISSION_HALF_MADE ".new."
#define SUBMISSION_REPEATED  ".duplicate."

/* A new run id: its kind ("local", "fleet"), the time, and random letters. */
void submission_new_id(const char *kind, wall_ms_t now, char ret[64]);

/*
 * Puts the request into `parent_fd` under request->run.id. parts[i] holds the bytes of artifact part i: a
 * nameless file made with O_TMPFILE on the same file system (it gets its name here), owned by the caller.
 * request->artifact.part[i].path is rewritten to the place in the folder. With `foreground` the journal
 * already says so, and *ret_lock_fd keeps the run's lock: no other agent takes the run up meanwhile. 0 or
 * negative with *e; on failure nothing is left. What a killed submitter left of the same run is removed; -EBUSY when one
 * is at work.
 */
int submission_put(int parent_fd, struct job_request *request, const int *parts, bool foreground,
                   int *ret_lock_fd, struct err *e);

/*
 * Puts an assignment as a control plane sent it, byte by byte, into the agent's directory, under the name of that execution, with the
 * first word of its journal. 0, -EEXIST when it was accepted before, or another negative with *e; then nothing is left.
 */
struct received {
    const char *name; /* base/parse.h: run_name_format */
    const char *text; /* the document */
    size_t size;
    enum run_origin origin;
    int64_t epoch;
};
int submission_put_received(int agent_fd, const struct received *r, struct err *e);

/* Removes what killed submitters left half made in the parent, and what was put aside more than a day ago. Returns how
 * many. */
size_t submission_sweep(int parent_fd, wall_ms_t now);

#endif
