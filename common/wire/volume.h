/*
 * volume.h - what runlet-probe tells the supervisor about a volume, and the mark of an unfinished mkfs.
 *
 * The bytes of a volume come from whoever wrote it last. runlet-probe looks at them without any privilege and answers with
 * one fact; the supervisor decides by that fact alone.
 */
#ifndef WIRE_VOLUME_H
#define WIRE_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"

#define VOLUME_WORD_MAX  32
#define VOLUME_LABEL_MAX 64
#define VOLUME_UUID_MAX  40

/* Before a blank volume is formatted, it gets this mark with the UUID that the file system will have, a MiB before its end:
 * there no mkfs writes or clears anything. When the file system is complete and on the disk, the mark is cleared. So a mkfs
 * that a power cut ended is known for ours. */
#define VOLUME_MARK_BYTES 4096
#define VOLUME_EDGE_BYTES (1LL << 20)

/* The label of the file systems that we make: an XFS whose mkfs did not end may have cleared the mark already. */
#define VOLUME_LABEL "runlet-home"

/* What there is to know of a volume. Texts are "" when there is nothing. */
struct volume_facts {
    int64_t bytes;
    char signature[VOLUME_WORD_MAX]; /* the name of what it holds: "ext4", "LVM2_member", "dos", ... */
    char usage[VOLUME_WORD_MAX];     /* "filesystem", "raid", "crypto", "partitions", "other" */
    char label[VOLUME_LABEL_MAX];
    char uuid[VOLUME_UUID_MAX];
    char mark[VOLUME_UUID_MAX]; /* of an unfinished mkfs of ours: the UUID it was to have */
    int64_t system_bytes;       /* the size of the file system; 0: not known */
    bool ambiguous;             /* more than one thing */
    bool empty;                 /* its first and its last MiB are zero, but for the mark */
    bool unfinished;            /* the file system says of itself that it was never completed */
};

/* Appends the fact. 0 or negative. */
int volume_facts_encode(const struct volume_facts *facts, struct strbuf *out);

/* Reads it, strictly. 0 or negative with *e. */
int volume_facts_decode(const char *text, size_t n, struct volume_facts *ret, struct err *e);

/* Where the mark is; -1: the volume is too small for one. Pure. */
int64_t volume_mark_offset(int64_t volume_bytes);

/* Fills the buffer with the mark. */
void volume_mark_make(const char *uuid, char ret[VOLUME_MARK_BYTES]);

/* Whether the bytes are exactly such a mark, and its UUID. */
bool volume_mark_read(const char bytes[VOLUME_MARK_BYTES], char ret_uuid[VOLUME_UUID_MAX]);

#endif
