/*
 * privilege.h - what the supervisor keeps of root once its job is on its way, and what it gives up for good.
 *
 * From then on it copies output, keeps time, talks to the agent, and cleans up. For that it needs no more than to write
 * and remove what belongs to the job's user, and to kill it; and few system calls. Neither it nor anything that takes it
 * over can start a program, mount, trace, or load anything again.
 */
#ifndef SUPERVISOR_PRIVILEGE_H
#define SUPERVISOR_PRIVILEGE_H

#include <stdbool.h>

#include "record/containment.h"

/* Gives the rest up, reads back what is left and notes it in *list. 0, or negative with *e when something did not take and
 * that is not to be tolerated: -ENOTSUP. */
int privilege_shed(bool best_effort, struct containment_list *list, struct err *e);

#endif
