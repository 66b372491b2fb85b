/*
 * local.h - the embedded source: runs from the queue (queue.h), statuses to the ledger. It has no other end, and no leases.
 */
#ifndef ASSIGNMENT_LOCAL_LOCAL_H
#define ASSIGNMENT_LOCAL_LOCAL_H

#include "assignment/source.h"

/* With a queue to watch: queue_fd (borrowed) and its path; without one (-1, NULL) it only takes reports, for `runlet run`. The
 * caller owns it and frees it by its ops. NULL with *e. */
struct source *local_source_new(const struct source_wiring *wiring, int queue_fd, const char *queue_path,
                                struct err *e);

#endif
