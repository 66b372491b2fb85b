/*
 * metadata.h - the instance's metadata service, which hands out the instance's own credentials, out of the job's reach.
 */
#ifndef SUPERVISOR_METADATA_H
#define SUPERVISOR_METADATA_H

#include "record/containment.h"
#include "supervisor/policy.h"
#include "sys/run_group.h"

/*
 * Its IPv4 address (and that address within IPv6), and the IPv6 ones of OCI and AWS; the resolver on port 53 of the IPv4
 * one stays in reach. Noted in *list. Required unless the policy is best effort or opens it. Without BPF an nftables rule
 * for the job's user does it, where `nft` is. 0 or negative with *e.
 */
int metadata_block(const struct policy *policy, const struct plan *plan, const struct run_group *group,
                   struct containment_list *list, struct err *e);

#endif
