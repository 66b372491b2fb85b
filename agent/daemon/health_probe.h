/*
 * health_probe.h - what run/health.h judges, found on this machine. Nothing here waits: of mounts the kernel's list is read, and no
 * path that a file server could hold up is touched.
 */
#ifndef DAEMON_HEALTH_PROBE_H
#define DAEMON_HEALTH_PROBE_H

#include "daemon/agent.h"
#include "run/health.h"

/* Fills everything but what health.command says. */
void health_probe(const struct agent *a, struct health_facts *ret);

/* The folders in `wanted`, blanks between, at which `mountinfo` (as mountinfo(5)) has nothing mounted: appended to ret, cut when
 * they do not fit. Pure. */
void health_mounts_missing(const char *wanted, const char *mountinfo, char *ret, size_t size);

#endif
