/* run_socket.c - see run_socket.h. */
#include "wire/run_socket.h"

#include <stdio.h>

#include "sys/packet.h"

void run_socket_path(const char *sockets_dir, const char *run_id, char *to, size_t size)
{
    (void)snprintf(to, size, "%s/%s.sock", sockets_dir, run_id);
}

int run_socket_connect(const char *sockets_dir, const char *run_id)
{
    char path[RUN_SOCKET_PATH_MAX];

    run_socket_path(sockets_dir, run_id, path, sizeof(path));
    return packet_connect(path);
}
