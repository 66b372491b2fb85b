/*
 * network.h - a run without a network: a network namespace of its own, in which only loopback is up.
 */
#ifndef SUPERVISOR_NETWORK_H
#define SUPERVISOR_NETWORK_H

#include "record/containment.h"

/* In the new network namespace: brings loopback up and reads that back, noted in *list. 0 or negative with *e. */
int network_start_loopback(struct containment_list *list, struct err *e);

#endif
