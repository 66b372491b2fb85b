/*
 * outbox.h - what is owed to the control plane about a run: durable, in order, delivered until it is
 * acknowledged.
 *
 * Each lifecycle status gets a sequence number and is written to the file `outbox` of the run's directory
 * before it is delivered. Sources deduplicate by (run, epoch, sequence), so delivering twice after a crash is
 * harmless, and exactly one end is ever written: the terminal status is refused a second time.
 */
#ifndef REPORT_OUTBOX_H
#define REPORT_OUTBOX_H

#include "engine/engine.h"
#include "engine/status_report.h"

/* Reports the lifecycle state of the phase the run has just entered, when it differs from the one reported
 * last. */
void report_phase(struct run *run, const struct reporter *reporter);

/* The run's startup probe has succeeded: its state is reported once more, for a source that tells the other nodes of a run. */
void report_ready(struct run *run, const struct reporter *reporter);

/* PHASE_REPORTING: delivers the end, then posts DONE. Tried again until it is acknowledged. */
void report_final(struct run *run, const struct reporter *reporter);

void report_release(struct run *run);

#endif
