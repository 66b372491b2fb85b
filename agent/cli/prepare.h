/*
 * prepare.h - what run and submit share: configuration, job and plan, checked before anything is created.
 */
#ifndef CLI_PREPARE_H
#define CLI_PREPARE_H

#include "cli/cli.h"
#include "cli/parts.h"
#include "config/config.h"
#include "daemon/layout.h"
#include "format/diag.h"
#include "job/job.h"
#include "wire/plan.h"

struct prepared {
    struct config config;
    struct layout layout;
    struct job_request request;
    struct run_spec spec;
    struct plan plan; /* as it will be built; shown by --dry-run */
    struct parts parts;
    const char *id_kind; /* what the id of a run that has none begins with */
};

#define PREPARED_INIT                                                                                        \
    (struct prepared)                                                                                        \
    {                                                                                                        \
        .parts = PARTS_INIT, .id_kind = "local"                                                              \
    }

void prepared_free(struct prepared *p);
#define prepared_auto prepared_free

/* Reads and checks everything; findings and errors go to cli->err. Creates nothing. 0, or negative after the
 * errors were written. *p must be PREPARED_INIT and is freed by the caller in every case. */
int prepare(const struct cli *cli, bool quiet, struct prepared *p);

#endif
