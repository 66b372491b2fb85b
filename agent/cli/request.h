/*
 * request.h - what the command line asks for, read: FILE, --job and --run as run, submit and validate take
 * them.
 */
#ifndef CLI_REQUEST_H
#define CLI_REQUEST_H

#include "cli/cli.h"
#include "format/diag.h"
#include "job/job.h"

/*
 * Reads the documents and looks at the artifact. FILE may be an ADS job YAML, an OCI document, an assignment (to be validated), or an
 * artifact; with --job it is the artifact. *ret must be zero and is freed by the caller in every case. What
 * is wrong goes to diags, as much as there is. 0 (there may be warnings), -EINVAL or -ENOMEM.
 */
int cli_read_request(const struct cli *cli, struct job_request *ret, struct diag_list *diags);

#endif
