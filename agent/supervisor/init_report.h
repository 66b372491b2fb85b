/*
 * init_report.h - init's words on the wire and in the witness file. Private to init.c and init_report.c.
 */
#ifndef SUPERVISOR_INIT_REPORT_H
#define SUPERVISOR_INIT_REPORT_H

#include "supervisor/init.h"

/* Appends the report as a fact. 0 or -errno. */
int init_report_encode(const struct init_report *report, struct strbuf *out);

#endif
