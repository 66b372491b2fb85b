/*
 * scratch_disk.h - the limit on what a run may write: its home and its temporary folders on a disk of that size; the temporary folders alone where the home is on a
 * volume (volume.h).
 *
 * The disk is a sparse file home.img in the run directory, with a file system of its own, mounted in the supervisor's own
 * mount namespace alone: no mount of it is ever seen on the machine, and however the supervisor ends, the kernel
 * unmounts it and frees the loop device. Once the job's view has its own mounts of it, the supervisor detaches its own and
 * holds the disk by a descriptor, whose closing unmounts it: at the end it may not unmount any more. The file stays when the run has ended, as home/ does without such a limit.
 */
#ifndef SUPERVISOR_SCRATCH_DISK_H
#define SUPERVISOR_SCRATCH_DISK_H

#include <stdbool.h>

#include "record/containment.h"
#include "supervisor/policy.h"
#include "supervisor/run_directory.h"

#define HOME_IMAGE_NAME   "home.img"
#define SCRATCH_DISK_INIT ((struct scratch_disk){.fd = -1})

struct scratch_disk {
    bool mounted;            /* in the supervisor's namespace */
    int fd;                  /* owned: the root of the disk; -1: the run has none of its own */
    bool without_home;       /* that lies on a volume of its own */
    char base[RUN_PATH_MAX]; /* the run directory */
};

/* Makes and mounts the disk if the plan asks for one, and reads its size back; run->home_fd is then the home on it. 0, or
 * negative with *e when the limit is required and does not take. */
int scratch_disk_make(const struct policy *policy, const struct plan *plan, struct run_directory *run,
                      struct scratch_disk *ret, struct containment_list *list, struct err *e);

/* Takes the disk out of the supervisor's mounts, while it still may. run->home_fd is closed then, where it is on it. 0 or
 * -errno. */
int scratch_disk_detach(struct scratch_disk *d, struct run_directory *run);

/* Nothing of the run lives any more: empties the temporary folders and unmounts. run->home_fd is closed then. Without
 * such a disk nothing happens. 0 or -errno. */
int scratch_disk_end(struct scratch_disk *d, struct run_directory *run);

/* The home is measured for the node's retention; nothing waits for a million files. */
#define HOME_ENTRIES_MAX 20000

/* Bytes that the home takes: of its image, or of everything in it, looking at no more than max_entries files. */
uint64_t home_bytes(const struct run_directory *run, size_t max_entries);

/* The same with the temporary folders. What a job has of the node's disk, beside its log. */
uint64_t run_bytes(const struct run_directory *run, size_t max_entries);

#endif
