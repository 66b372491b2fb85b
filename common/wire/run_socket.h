/*
 * run_socket.h - where a live run's supervisor can be reached: one place that knows the socket's name.
 */
#ifndef WIRE_RUN_SOCKET_H
#define WIRE_RUN_SOCKET_H

#include <stddef.h>

#define RUN_SOCKET_PATH_MAX 1024

/* Writes <sockets_dir>/<run id>.sock. */
void run_socket_path(const char *sockets_dir, const char *run_id, char *to, size_t size);

/* Connects to the run's supervisor: fd, or -errno when none listens. */
int run_socket_connect(const char *sockets_dir, const char *run_id);

#endif
