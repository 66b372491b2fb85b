/*
 * sources.h - the sources of this agent: which there are, whose a run is, and what becomes of what they say.
 */
#ifndef DAEMON_SOURCES_H
#define DAEMON_SOURCES_H

#include "daemon/agent.h"

/* Makes the sources that the configuration names; in the foreground only the one that takes a run's reports. 0 or negative with
 * *e. */
int sources_open(struct agent *a, bool foreground, struct err *e);

/* Unfinished runs have been taken up: work is asked for. */
void sources_begin(struct agent *a);

/* Tells every source how many further runs would be started now, when that has changed, or why there is none. */
void sources_room(struct agent *a, size_t room, const char *why_not);

/* A run is in the table, or leaves it. */
void sources_attend(struct agent *a, struct run *run);
void sources_leave(struct agent *a, struct run *run);

/* struct reporter's deliver, with the agent as context: to the source that the run came from. */
void sources_deliver(struct run *run, const struct status_report *report, void *context);

/* Whether the source of the run finds the nodes of a run of several; when not, all are here. */
bool sources_place(const struct agent *a, const struct run *run);
/* Of such a run: as struct source_ops says. */
void sources_place_nodes(struct agent *a, struct run *run);
void sources_begin_nodes(struct agent *a, struct run *run, size_t below);
void sources_stop_nodes(struct agent *a, struct run *run, const char *cause);
void sources_tell_nodes(struct agent *a, struct run *run, const struct directive *d);

void sources_close(struct agent *a);

#endif
