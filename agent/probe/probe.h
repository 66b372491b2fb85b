/*
 * probe.h - what a volume holds, by its bytes. Runs without privilege: the bytes are anybody's.
 */
#ifndef PROBE_PROBE_H
#define PROBE_PROBE_H

#include "base/err.h"
#include "wire/volume.h"

/* Looks at the open device or file. 0 or negative with *e. */
int probe(int fd, struct volume_facts *ret, struct err *e);

/* The size that the superblock of ext2, ext3, ext4 or XFS tells, from the first bytes of the volume; 0 when it makes no sense.
 * ret_unfinished: XFS notes that its mkfs did not end. Pure. */
int64_t probe_system_bytes(const char *signature, const unsigned char *head, size_t n, bool *ret_unfinished);

#endif
