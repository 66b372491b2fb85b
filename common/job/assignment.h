/*
 * assignment.h - the assignment document: what a source hands to a node, and what the agent keeps as
 * received.
 *
 * JSON: {"job": <OCI Job>, "jobRun": <OCI JobRun>, "runtime": "artifact", "conda": {...},
 *        "artifact": {"fileName": "...", "parts": [{"form": "file", "path": "parts/0", "name": "train.py",
 * "into": ""}]}, "epoch": 1} Paths of parts are relative to the folder that holds the document; what comes from a control plane has none.
 * "epoch" may be absent where the source keeps it apart. A control plane adds "attempt" (1 for the first) and
 * "lease": {"seconds": 60}, which sources read (agent/assignment/).
 */
#ifndef JOB_ASSIGNMENT_H
#define JOB_ASSIGNMENT_H

#include "format/node.h"
#include "job/job.h"

/* The longest time for which a run is given to a node without a further word. */
#define LEASE_SECONDS_MAX (7 * 24 * 3600)

/* Appends the document. Environment values and everything else survive a round trip. 0, -ENOMEM or -E2BIG. */
int assignment_write(const struct job_request *request, int64_t epoch, struct strbuf *out);

/*
 * Appends the document of one node of a run of several: what its group says laid over what the job and the run say, and "member":
 * {"rank": 1, "interface": "eth0", "nodes": [{"group": "...", "address": "...", "fqdn": "..."}]}, all nodes by rank. -EINVAL when
 * there is no such rank.
 */
int assignment_write_member(const struct job_request *request, const struct cluster *cluster, size_t rank,
                            int64_t epoch, struct strbuf *out);

/* The same as a request. Codes as in read.h. */
int assignment_member(const struct job_request *request, const struct cluster *cluster, size_t rank,
                      struct job_request *ret, struct diag_list *diags);

/* Who the nodes are when all run on the machine called `fqdn`. 0 or -ENOMEM. */
int cluster_on_one_machine(const struct job *job, const char *fqdn, struct cluster *ret);

/* Reads it back; strict. Codes as in read.h. */
int assignment_read(const struct node *root, struct job_request *request, int64_t *ret_epoch,
                    struct diag_list *diags);

#endif
