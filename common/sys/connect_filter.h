/*
 * connect_filter.h - addresses that the processes of a control group cannot reach, by BPF programs on the group.
 *
 * connect(2) and sendto(2) to a blocked address fail with EPERM, for IPv4, IPv6 and IPv4 in IPv6. It needs a group of
 * version 2 (controllers are not needed) and the right to load BPF programs.
 */
#ifndef SYS_CONNECT_FILTER_H
#define SYS_CONNECT_FILTER_H

#include <netinet/in.h>

/* Attaches programs to the group that is open as cgroup_fd: they go when it is removed. 0 or -errno; -ENOSYS without
 * BPF. */
int connect_filter_attach(int cgroup_fd, struct in_addr blocked4, struct in6_addr blocked6);

#endif
