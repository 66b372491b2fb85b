/*
 * readiness.h - whether this node takes up another run, and what is in the way: files that outlive the agent, and the state of the
 * machine.
 */
#ifndef DAEMON_READINESS_H
#define DAEMON_READINESS_H

#include "daemon/agent.h"
#include "run/admission.h"

/* What admission decides by, as it is now. */
struct admission agent_admission(const struct agent *a);

/* Notes what a finished run left behind, if anything: the node takes up no run until it is gone. */
void agent_note_attention(const struct agent *a, const struct run *run);

#endif
