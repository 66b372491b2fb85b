/*
 * beneath.h - opens a path below a folder and nowhere else, whatever links lie on the way.
 *
 * openat2(2) decides it in the kernel. Where there is none (before Linux 5.6) the path is walked part by part; that is as good
 * while nobody else writes in the tree, which holds for the unpacker: no other process of the run exists yet.
 */
#ifndef UNPACK_BENEATH_H
#define UNPACK_BENEATH_H

#include <stdbool.h>
#include <sys/types.h>

/* A descriptor, close-on-exec, owned by the caller; or -errno: -EXDEV when the path leads out of dir, -ELOOP when it needs a
 * symbolic link and may not, or too many. `flags` and `mode` as openat(2). A link as the last part is followed as well. */
int beneath_open(int dir, const char *path, int flags, mode_t mode, bool through_links);

/* The same by walking: what beneath_open does without openat2. */
int beneath_walk(int dir, const char *path, int flags, mode_t mode, bool through_links);

#endif
