/*
 * configuration.h - the configuration as a verb needs it: read, with its errors on standard error.
 */
#ifndef CLI_CONFIGURATION_H
#define CLI_CONFIGURATION_H

#include "cli/cli.h"
#include "config/config.h"

/* Loads what --config names, or the default place, into *ret (zero-initialised; the caller frees it in every
 * case). 0, or a negative code after the errors were written to cli->err. */
int cli_load_config(const struct cli *cli, struct config *ret);

#endif
