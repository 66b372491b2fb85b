/*
 * metadata.h - the instance's metadata service, which hands out the instance's own credentials, out of the job's reach.
 */
#ifndef SUPERVISOR_METADATA_H
#define SUPERVISOR_METADATA_H

#include "record/containment.h"
#include "supervisor/policy.h"
#include "sys/run_group.h"

/* 169.254.169.254 and fd00:c1::a9fe:a9fe (OCI's), for TCP and UDP. Noted in *list. Required unless the policy is best
 * effort or opens it. Without BPF an nftables rule for the job's user does it, where `nft` is. 0 or negative with *e. */
int metadata_block(const struct policy *policy, const struct plan *plan, const struct run_group *group,
                   struct containment_list *list, struct err *e);

#endif
