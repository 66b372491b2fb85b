/*
 * conda.h - the conda environment of a run: which pack, where it goes, and what activates it.
 */
#ifndef DAEMON_CONDA_H
#define DAEMON_CONDA_H

#include "config/config.h"
#include "daemon/layout.h"
#include "job/job.h"

/*
 * Adds to the request's artifact what the environment needs that the resolved run names: the pack, unpacked in
 * /home/datascience/conda/<slug>, unless an input goes there already; and the program that activates it, also for an environment of
 * this machine. spec->conda_prefix is then where it lies. Calling it again changes nothing. Containers bring their own. 0, or
 * negative with *e, which says where packs could come from.
 */
int conda_add_parts(struct job_request *request, struct run_spec *spec, const struct config *config,
                    const struct layout *layout, struct err *e);

#endif
