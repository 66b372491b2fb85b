/*
 * volume_decide.h - what becomes of a volume, by what it holds. Pure: the table of the promise that a device with any
 * signature is never formatted.
 */
#ifndef SUPERVISOR_VOLUME_DECIDE_H
#define SUPERVISOR_VOLUME_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/volume.h"

enum volume_action {
    VOLUME_REFUSE = 0,
    VOLUME_FORMAT,      /* it is blank, or our own mkfs of it did not end */
    VOLUME_MOUNT,       /* as it is */
    VOLUME_MOUNT_GROWN, /* and the file system becomes as large as the volume */
};

/* Below this a file system has no room. */
#define VOLUME_BYTES_MIN (32LL << 20)
/* What a file system may leave unused of its volume. */
#define VOLUME_SLACK_BYTES (16LL << 20)

/* `wanted`: bytes that the volume must have at least. With VOLUME_REFUSE *e tells why and what to do, blaming the node. */
enum volume_action volume_decide(const struct volume_facts *facts, int64_t wanted, bool may_grow,
                                 struct err *e);

/* "refuse", "format", "mount", "grow". */
const char *volume_action_name(enum volume_action action);

/* Whether the file system is one of the ext family. */
bool volume_is_ext(const char *signature);

#endif
