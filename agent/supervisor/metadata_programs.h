/*
 * metadata_programs.h - what the kernel runs to keep the sockets of a control group (version 2) from the metadata service.
 *
 * Every connect(2) and sendmsg(2) to it fails with EPERM; packets that do not come by there (MPTCP makes its connections
 * in the kernel) are dropped when they leave. The service's IPv4 address is also the resolver of clouds: port 53 stays
 * open.
 */
#ifndef SUPERVISOR_METADATA_PROGRAMS_H
#define SUPERVISOR_METADATA_PROGRAMS_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

/* The service of every cloud; of OCI and of AWS over IPv6. */
#define METADATA_ADDRESS     "169.254.169.254"
#define METADATA_ADDRESS_OCI "fd00:c1::a9fe:a9fe"
#define METADATA_ADDRESS_AWS "fd00:ec2::254"

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

/* Puts them on the group and reads that back: they go when it is removed. 0 or -errno. */
int metadata_programs_attach(int group_fd);

#endif
