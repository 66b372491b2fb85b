/*
 * packet.h - local packet sockets (SOCK_SEQPACKET) that carry descriptors, and who is at their other end.
 */
#ifndef SYS_PACKET_H
#define SYS_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* A connected pair, close-on-exec. 0 or -errno. */
int packet_pair(int ret[2]);

/* Listens at `path` (an old socket there is removed) with the given mode and group; non-blocking. fd or
 * negative with *e. */
int packet_listen(const char *path, mode_t mode, gid_t gid, struct err *e);

/* Connects to `path`. fd or -errno. */
int packet_connect(const char *path);

/* Sends one packet with up to MESSAGE_FDS_MAX descriptors. 0 or -errno (-EAGAIN when it would block). Never
 * SIGPIPE. */
int packet_send(int fd, const void *bytes, size_t n, const int *fds, size_t fd_count);

/*
 * Receives one packet. Returns its length (> 0), 0 at the end of the connection, or -errno (-EAGAIN;
 * -EMSGSIZE when the packet or its descriptors did not fit, in which case nothing is kept). Received
 * descriptors are close-on-exec and owned by the caller.
 */
ssize_t packet_receive(int fd, void *buf, size_t size, int *ret_fds, size_t fd_max, size_t *ret_fd_count);

/* As packet_receive without descriptors, for a socket with SO_PASSCRED: *ret_pid is the sender's claimed pid,
 * translated by the kernel into the receiver's pid namespace (0 when none came). */
ssize_t packet_receive_from(int fd, void *buf, size_t size, pid_t *ret_pid);

/* Sends one packet in the name of `pid` (a process in the sender's pid namespace; needs CAP_SYS_ADMIN). */
int packet_send_as(int fd, const void *bytes, size_t n, pid_t pid);

/* Who connected: SO_PEERCRED. 0 or -errno. */
int peer_user(int fd, uid_t *ret_uid, pid_t *ret_pid);

#endif
