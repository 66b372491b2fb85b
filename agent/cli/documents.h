/*
 * documents.h - from what stands on the command line to a job request: the documents, the artifact, the overrides.
 *
 * Shared by run, submit and validate, so that all three read and refuse the same.
 */
#ifndef CLI_DOCUMENTS_H
#define CLI_DOCUMENTS_H

#include "cli/cli.h"
#include "format/diag.h"
#include "job/job.h"

/*
 * Reads FILE, --job and --run into *ret (zero-initialised; freed by the caller in every case). A .yaml or .yml FILE is an ADS job, a
 * .json FILE an OCI Job, anything else (or with --job) the artifact. Findings are added to diags. 0, -EINVAL when there
 * were errors, or another negative code with *e when a document could not be read at all.
 */
int documents_load(const struct cli *cli, struct job_request *ret, struct diag_list *diags, struct err *e);

/* Lays --env, --env-file, --entrypoint, --max-runtime, --name, --conda and the words after "--" over the run's
 * overrides. Codes as above. */
int documents_override(const struct cli *cli, struct job_request *request, struct err *e);

#endif
