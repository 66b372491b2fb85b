/*
 * fleet.h - what the verbs of a fleet share: the cluster that holds its keys, by the configuration and the command line.
 */
#ifndef CLI_FLEET_H
#define CLI_FLEET_H

#include "assignment/etcd/operator.h"
#include "base/strlist.h"
#include "cli/cli.h"
#include "cli/prepare.h"
#include "config/config.h"

struct fleet {
    struct strlist endpoints;
    struct etcd_settings settings; /* borrows from the configuration */
    struct etcd_operator *cluster;
};

void fleet_close(struct fleet *f);
#define fleet_auto fleet_close

/* Whether the verb is about a fleet: --etcd, or --endpoints, which says which. */
bool fleet_wanted(const struct cli *cli);

/* Opens the cluster that --endpoints or etcd.endpoints name. config lives longer. *ret must be zero and is closed by the caller in
 * every case. 0 or negative with *e. */
int fleet_open(const struct cli *cli, const struct config *config, struct fleet *ret, struct err *e);

/* The state of the run that `word` means: its id, or the beginning of one id only, as run_name_find takes it. */
int fleet_find(struct fleet *f, const char *word, struct etcd_state *ret, struct err *e);

/* Whether submit's options go together: some mean nothing without a fleet. 0 or negative with *e. */
int fleet_check(const struct cli *cli, struct err *e);

/* The parts of verbs that are about a fleet; they return the exit status. */
int fleet_submit(struct cli *cli, struct prepared *p);
int fleet_cancel(struct cli *cli, const struct config *config);
int fleet_wait(struct cli *cli, const struct config *config);

#endif
