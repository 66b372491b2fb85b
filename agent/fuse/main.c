/*
 * main.c - runlet-fuse: stands where rclone looks for fusermount, and mounts nothing.
 *
 * Whoever mounts needs rights that a program which talks to a server must not have. So runlet-supervisor has mounted already, and
 * rclone, a user without any capability, gets from here what fusermount would have brought it: the descriptor by which the kernel
 * speaks with it, which was open in it all along. Unmounting is the supervisor's as well.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "sys/fuse_fd.h"
#include "sys/packet.h"

int main(int argc, char **argv)
{
    const char *where = getenv("_FUSE_COMMFD");
    const int fuse[] = {FUSE_FD};
    uint64_t to;

    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "-u") == 0)
            return 0;
    if (where == NULL || parse_u64(where, 1024, &to) < 0 || packet_send((int)to, "", 1, fuse, 1) < 0) {
        (void)fprintf(stderr, "runlet-fuse is run by rclone, and that by runlet-supervisor\n");
        return 2;
    }
    return 0;
}
