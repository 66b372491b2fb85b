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

#include "fuse/hand_over.h"
#include "sys/fuse_fd.h"

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "-u") == 0)
            return 0;
    if (hand_over(getenv("_FUSE_COMMFD"), FUSE_FD) == 0)
        return 0;
    (void)fprintf(stderr, "runlet-fuse is run by rclone, and that by runlet-supervisor\n");
    return 2;
}
