/*
 * metrics.h - the agent and its runs in numbers, for Prometheus: on the API's socket, and on a port of this machine alone when the
 * configuration names one.
 *
 * Names and units follow https://prometheus.io/docs/practices/naming/; docs/metrics.md lists them, and a test compares.
 */
#ifndef DAEMON_METRICS_H
#define DAEMON_METRICS_H

#include "daemon/agent.h"
#include "daemon/http_server.h"

/* Appends all of them. */
void metrics_put(const struct agent *a, struct strbuf *out);

/* Answers a request for them. */
enum MHD_Result metrics_answer(const struct agent *a, struct MHD_Connection *c);

/* Serves them at http://127.0.0.1:PORT/metrics. *ret is NULL when metrics.port is 0. 0 or negative with *e. */
int metrics_serve(struct agent *a, struct http_server **ret, struct err *e);

#endif
