/*
 * objects_cache.h - what rclone has in its folder that is not uploaded yet. In the room's process (storage_room.h).
 *
 * rclone notes of each file in its cache, on disk and before anything else, that it was changed; and when the server has it and
 * says so by its size and checksum, that it no longer is. What else the note says, such as the size, is written when the file is
 * closed. So of files that were open when rclone was killed nobody knows what is missing.
 */
#ifndef SUPERVISOR_OBJECTS_CACHE_H
#define SUPERVISOR_OBJECTS_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "sys/process.h"

#define OBJECTS_NAMES_MAX 200

struct objects_pending {
    int64_t files, bytes;
    int64_t
        open; /* of them, those that were being written when rclone ended: what it noted of them is not true any more */
    char names[OBJECTS_NAMES_MAX]; /* of the first ones: "a, b/c, ..." */
};

/*
 * Looks through the folder, as its owner in a process of its own, since the names in it are the job's. `shown_from`: how many
 * folders below that of the remote the names begin. 0 or negative with *e.
 */
int objects_pending_read(int cache_fd, const struct user_ids *owner, size_t shown_from,
                         struct objects_pending *ret, struct err *e);

/* Whether what rclone noted of a file says that the server has it, by its last bytes. Pure. */
int objects_note_is_clean(const char *text, size_t n);

/* The size that rclone noted, by the first bytes of its note; -1 when it is not there. Pure. */
int64_t objects_note_size(const char *text, size_t n);

/* "3 files, 1.2 GB". */
void objects_pending_text(const struct objects_pending *p, char *ret, size_t size);

#endif
