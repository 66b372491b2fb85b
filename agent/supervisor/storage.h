/*
 * storage.h - a run's storage as the supervisor sees it: a process that prepares it (storage_room.h), and what that says.
 */
#ifndef SUPERVISOR_STORAGE_H
#define SUPERVISOR_STORAGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/err.h"
#include "supervisor/storage_room.h"

struct storage {
    pid_t pid;       /* of the room; 0: there is none */
    int control_fd;  /* owned */
    boot_ms_t until; /* when a step that has not ended counts as hung; INT64_MAX: none is being done */
    struct storage_word step; /* the one that is being done */
    bool forced;
};

#define STORAGE_INIT                                                                                         \
    (struct storage)                                                                                         \
    {                                                                                                        \
        .control_fd = -1, .until = { INT64_MAX }                                                             \
    }

/* Whether the run has storage that must be prepared. */
bool storage_wanted(const struct policy *policy, const struct plan *plan);

/* Whether something that the job wrote must reach a server after its end. */
bool storage_saves(const struct plan *plan);

/* Leaves the host's mount namespace and starts the room. `group` (may be NULL) is for its programs. 0 or negative with *e. */
int storage_start(const struct policy *policy, const struct plan *plan, const struct run_directory *run,
                  const struct run_group *group, struct storage *ret, struct err *e);

/* Takes the next word up. 1, 0 when there is none now, or -EPIPE when the room has gone. */
int storage_hear(struct storage *s, struct storage_word *ret);

/* Whether the step that is being done has hung: *e tells which. */
bool storage_hung(const struct storage *s, boot_ms_t now, struct err *e);

/* Nothing of the run lives any more: has what it wrote brought to the servers. STORAGE_SAVED tells the end. */
void storage_save(struct storage *s, bool success);

/* Ends what is being prepared: it says soon that it failed, or has hung. */
void storage_cancel(struct storage *s, boot_ms_t now);

/* Processes of the run do not end although they were killed: what servers owe them is given up after a while. */
void storage_force(struct storage *s);

/*
 * Nothing of the run lives any more, or nothing ever did: has everything taken down and waits for that, for a bounded time.
 * 0; or negative when something is left, which `left` names.
 */
int storage_end(struct storage *s, char *left, size_t size);

#endif
