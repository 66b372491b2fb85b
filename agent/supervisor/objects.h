/*
 * objects.h - buckets as folders of a run: mounted, served by rclone, uploaded, unmounted. In the room's process (storage_room.h).
 *
 * The room mounts, and gives rclone the other end of the mount. So the program that speaks with the server has no right at all: a
 * user that is neither the job's nor the agent's, no capability, its folder in the run's scratch space and nothing else. The key
 * reaches it as an open descriptor.
 */
#ifndef SUPERVISOR_OBJECTS_H
#define SUPERVISOR_OBJECTS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/object_location.h"
#include "base/strlist.h"
#include "supervisor/helper.h"
#include "supervisor/storage_room.h"

struct objects_mounts {
    struct objects_mount {
        const struct plan_mount *asked; /* borrowed */
        struct object_location location;
        char place[RUN_PATH_MAX + 32];
        int cache_fd;         /* owned */
        struct helper rclone; /* owned */
        bool lost;
    } item[JOB_MOUNTS_MAX];
    size_t count;
};

/* The key, as a sealed memory file for rclone alone. fd or negative with *e. */
int objects_open_key(const struct objects_policy *policy, struct err *e);

/* Makes the folder for rclone, named after the number, in the run's scratch space. fd or negative with *e. */
int objects_open_cache(const struct storage_room *room, const char *name, struct err *e);

/* How rclone is to be started. */
struct objects_order {
    const struct object_location *location;
    const struct strlist *words;
    int cache_fd, fuse_fd, source_fd; /* the last two -1 where there is none */
    uint64_t capabilities;
    int64_t budget_ms;
};

/* Starts it as the user for buckets, among the run's helpers. 0 or negative with *e. */
int objects_start(const struct storage_room *room, const struct objects_order *order, struct helper *ret,
                  struct err *e);

/* Mounts what the plan has at `index`; appends it. 0 or negative with *e. */
int objects_mount(struct storage_room *room, size_t index, struct objects_mounts *list, struct err *e);

/* Fills one for each mount: what its rclone says. */
void objects_pollfds(const struct objects_mounts *list, struct pollfd ret[JOB_MOUNTS_MAX]);

/* Takes up what they said, and tells which ones have ended. */
void objects_look(struct storage_room *room, struct objects_mounts *list);

/* Whoever waits for a bucket gets an error, so that processes can end. What is not uploaded stays in the cache. */
void objects_force(struct objects_mounts *list);

/* Nothing of the run writes any more: waits until the servers have everything, and tells how far that is. 0, or negative with the
 * first *e, when something could not be uploaded: it names what. */
int objects_save(struct storage_room *room, struct objects_mounts *list, struct err *e);

/* Ends rclone and unmounts. What would not end is appended to `left`. */
void objects_end(struct objects_mounts *list, char *left, size_t size);

#endif
