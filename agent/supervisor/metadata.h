/*
 * metadata.h - the machine's metadata service is out of a job's reach: it hands out the machine's own credentials.
 *
 * Programs on the run's control group (version 2) look at every connect(2) and sendmsg(2), which fail with EPERM, and
 * at every packet that leaves a socket of the group, for what does not come by there. The service's address is also
 * the resolver of clouds: port 53 stays open.
 */
#ifndef SUPERVISOR_METADATA_H
#define SUPERVISOR_METADATA_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define METADATA_PROGRAMS  5
#define METADATA_CODE_MAX  96
#define METADATA_PORT_OPEN 53

struct metadata_program {
    enum bpf_prog_type type;
    enum bpf_attach_type where;
    struct bpf_insn code[METADATA_CODE_MAX];
    size_t length;
};

/* Writes the programs. Pure. */
void metadata_programs(struct metadata_program ret[METADATA_PROGRAMS]);

/* Puts them on the control group and reads that back. 0, or negative with *e saying what this machine lacks. */
int metadata_block(int group_fd, struct err *e);

#endif
