/*
 * fuse_fd.h - the number of the descriptor by which a file system's program speaks with the kernel; between supervisor and
 * runlet-fuse.
 */
#ifndef SYS_FUSE_FD_H
#define SYS_FUSE_FD_H

#define FUSE_FD 21

#endif
