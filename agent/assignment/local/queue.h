/*
 * queue.h - the embedded source: a folder into which runs are submitted, and a ledger into which their
 * statuses go.
 *
 * No server: `runlet submit` makes a complete folder in the queue; the agent moves it to its own directory,
 * which is the acceptance. Reports are appended to the run's reports.jsonl, once per (epoch, sequence).
 */
#ifndef ASSIGNMENT_LOCAL_QUEUE_H
#define ASSIGNMENT_LOCAL_QUEUE_H

#include "base/err.h"
#include "base/limits.h"
#include "engine/engine.h"
#include "engine/status_report.h"

#define LOCAL_LEDGER_NAME "reports.jsonl"

struct local_queue;

/* Called on the loop when something may have arrived. */
typedef void (*queue_arrival)(void *context);

/* Watches the queue folder open as queue_fd (borrowed). NULL with *e on failure. */
struct local_queue *local_queue_open(struct loop *loop, int queue_fd, const char *queue_path,
                                     queue_arrival arrival, void *context, struct err *e);
void local_queue_close(struct local_queue *q);

/* Moves the oldest submission to agent_fd. 1 with its id in ret_id, 0 when the queue is empty, negative with
 * *e. What is not a complete submission (a name with a dot before it, a plain file) is left alone. */
int local_queue_take(const struct local_queue *q, int agent_fd, char ret_id[RUN_ID_BYTES], struct err *e);

/* Takes a report: appends it to the run's ledger unless it is there already, and answers. retried_as is the attempt that follows
 * this end; NULL: none. */
void local_ledger_deliver(struct run *run, const struct status_report *report, const char *retried_as);

#endif
