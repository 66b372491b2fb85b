/*
 * api.h - the agent's HTTP API on its unix socket: what it is doing, and requests to it.
 *
 *   GET  /metrics                counters and gauges, for Prometheus (daemon/metrics.h)
 *   GET  /v1/node                the agent: version, uptime, counts, why it takes no run, its sources
 *   POST /v1/node/drain          take up no further run, over restarts too; ?reason=TEXT is for people
 *   POST /v1/node/undrain        take up runs again
 *   GET  /v1/runs/RUN            one run (as `runlet status --json RUN`)
 *   POST /v1/runs/RUN/cancel     ask it to stop; 202 when the request is on disk
 *
 * The socket's mode lets the agent's group in; requests that change something need root or the agent's user.
 */
#ifndef DAEMON_API_H
#define DAEMON_API_H

#include "daemon/agent.h"

struct api;

/* Binds the socket; needs the right to write its folder. fd or negative with *e. */
int api_bind(const struct layout *layout, struct err *e);

/* Serves on the bound socket (taken over) from the agent's loop. NULL with *e on failure. */
struct api *api_start(struct agent *agent, int listen_fd, struct err *e);
void api_stop(struct api *api);

#endif
