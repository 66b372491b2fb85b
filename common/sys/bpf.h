/*
 * bpf.h - small programs that the kernel runs for the sockets and the devices of a control group.
 *
 * Raw bpf(2): the programs are a few instructions, written by hand.
 */
#ifndef SYS_BPF_H
#define SYS_BPF_H

#include <linux/bpf.h>
#include <stddef.h>

/* The program's descriptor, close-on-exec; -EPERM where the machine does not let us, -EINVAL where the kernel is built
 * without the kind, or another -errno. */
int bpf_load(enum bpf_prog_type type, enum bpf_attach_type where, const struct bpf_insn *code, size_t count);

/* Adds the program to the control group (beside those that are there) and reads back that it is. It stays until the
 * group is removed. 0 or -errno; -ENOTSUP when it is not there afterwards. */
int bpf_attach(int group_fd, enum bpf_attach_type where, int program_fd);

#endif
