/*
 * notices.h - hears from the provider that it is about to take the machine away (cloud/provider.h): the node takes up no further run
 * from then on, and its jobs hear how long they have (docs/contract/job-view.md).
 */
#ifndef DAEMON_NOTICES_H
#define DAEMON_NOTICES_H

#include "daemon/agent.h"

struct notices;

/* Asks from now on; a->notices is set, unless there is nobody to ask. 0 or negative with *e. */
int notices_start(struct agent *a, struct err *e);
void notices_stop(struct agent *a);

/* The notice that holds, the earliest if there are several; NULL: none. */
const struct cloud_notice *notices_current(const struct agent *a);

/* Whether everybody who can say so is heard; why not, for people, when not. "" and true without anybody. */
bool notices_heard(const struct agent *a, const char **ret_why, wall_ms_t *ret_since);

#endif
