/*
 * attempts.h - what follows the end of an execution that came from the queue: nothing, or another attempt.
 */
#ifndef ASSIGNMENT_LOCAL_ATTEMPTS_H
#define ASSIGNMENT_LOCAL_ATTEMPTS_H

#include "engine/status_report.h"

/*
 * Decides by the run's document (run/retry_policy.h) and makes the folder of the next attempt, ID~N+1, with the same document and
 * parts. Asked again for the same end, also after a crash, it makes nothing twice. 1 with the name in ret_next, 0 when this was the
 * last attempt, negative with *e when the next could not be made.
 */
int local_attempt_after(int agent_fd, const struct run *run, const struct status_report *end,
                        char ret_next[RUN_ID_BYTES], struct err *e);

#endif
