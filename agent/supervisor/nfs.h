/*
 * nfs.h - file storage of a run: mounted, looked at, forced, unmounted. In the room's process (storage_room.h).
 *
 * Each mount has a connection of its own to the server, so that giving up what one run is owed takes nothing from another.
 */
#ifndef SUPERVISOR_NFS_H
#define SUPERVISOR_NFS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"
#include "supervisor/storage_room.h"

/* Where mount number `index` lies until the job's view is built, in the run directory. */
#define STORAGE_PLACE SCRATCH_NAME "/mount-%zu"

struct nfs_mounts {
    struct nfs_mount {
        const struct plan_mount *asked; /* borrowed */
        char place[RUN_PATH_MAX + 32];
        int fd;          /* owned: keeps it mounted while requests are given up */
        pid_t check_pid; /* a child that asks the server; 0: none */
        boot_ms_t check_began;
        bool lost;
    } item[JOB_MOUNTS_MAX];
    size_t count;
};

/* Mounts what the plan has at `index`; appends it. 0 or negative with *e. */
int nfs_mount(struct storage_room *room, size_t index, struct nfs_mounts *list, struct err *e);

/* Asks each server that was not asked yet, and tells which ones have not answered for too long. */
void nfs_check(struct storage_room *room, struct nfs_mounts *list, boot_ms_t now);

/* Children have ended: which servers answered. */
void nfs_check_ended(struct storage_room *room, struct nfs_mounts *list);

/* Lets every request that waits for a server fail, so that processes can end. */
void nfs_force(struct nfs_mounts *list);

/* Brings to the servers what is left, as long as they take it, and unmounts. What would not end is appended to `left`. */
void nfs_end(struct nfs_mounts *list, char *left, size_t size);

/* The options of a mount. 0 or -ENOMEM, -E2BIG. Pure. */
int nfs_options(const char *configured, bool read_only, struct strbuf *out);

/* What to do about it, by the last words of mount.nfs. Pure. */
const char *nfs_remedy(const char *words);

#endif
