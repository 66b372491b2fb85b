/*
 * overrides.h - what the command line lays over the documents.
 */
#ifndef CLI_OVERRIDES_H
#define CLI_OVERRIDES_H

#include "cli/cli.h"
#include "job/job.h"

/* Puts --env, --env-file, --entrypoint, --max-runtime, --name, --conda and the words after "--" into the
 * run's overrides, so that the request says everything by itself. 0, or negative with *e (blame assignment).
 */
int overrides_apply(const struct cli *cli, struct job_request *request, struct err *e);

#endif
