/*
 * storage_room.h - the process that does everything with a run's storage that could block, beside the supervisor.
 *
 * A device that does not answer and a file server that is gone hold whoever touches them. So the supervisor touches neither: it
 * forks this process, which prepares the volume and mounts what the run asks for, one step after the other, in the mount
 * namespace that both share and that the host's does not see; then it stays, looks at times whether the servers answer, and
 * takes all of it down in the end. It is told to end by a word or by the end of its connection, so nothing stays mounted when
 * the supervisor is killed. What holds it holds nobody else: the supervisor leaves it behind and names it.
 */
#ifndef SUPERVISOR_STORAGE_ROOM_H
#define SUPERVISOR_STORAGE_ROOM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/err.h"
#include "supervisor/helper.h"
#include "supervisor/policy.h"
#include "supervisor/run_directory.h"
#include "sys/run_group.h"

#define STORAGE_STEP_MAX   24
#define STORAGE_OBJECT_MAX 256
#define STORAGE_DETAIL_MAX 160

enum storage_word_kind {
    STORAGE_BEGINS = 1, /* a step, which takes at most limit_ms */
    STORAGE_DONE,       /* it is done: took_ms, detail */
    STORAGE_IGNORED,    /* it failed, and the policy goes on without: error */
    STORAGE_FAILED,     /* it failed, and so does the run: error */
    STORAGE_READY,      /* all is mounted */
    STORAGE_LOST,       /* a server does not answer any more: object, error */
    STORAGE_BACK,       /* it does again: took_ms */
    STORAGE_SAVING,     /* after the job: detail tells how much is on its way */
    STORAGE_UNSAVED,    /* a step of that failed: error */
    STORAGE_SAVED,      /* that has ended; error is the first one, or none */
    STORAGE_CLEARED,    /* all is taken down; detail names what would not go */
};

/* Between two processes of one program. */
struct storage_word {
    enum storage_word_kind kind;
    char step[STORAGE_STEP_MAX];     /* "find", "look", "format", "check", "grow", "mount" */
    char object[STORAGE_OBJECT_MAX]; /* the device, or the source */
    char detail[STORAGE_DETAIL_MAX];
    int64_t took_ms, limit_ms;
    struct err error;
};

/* What the supervisor tells the room, one byte each. */
#define STORAGE_SAY_FORCE                                                                                    \
    'F' /* processes of the run do not end: after a while give up what servers still owe */
#define STORAGE_SAY_SAVE                                                                                     \
    'S' /* nothing of it lives any more, and it succeeded: bring to the servers what it wrote */
#define STORAGE_SAY_KEEP 'K' /* the same, and it did not succeed */
#define STORAGE_SAY_END  'E' /* nothing of the run lives any more */

struct storage_room {
    const struct policy *policy;
    const struct plan *plan;
    const struct run_directory *run;
    const struct run_group *group; /* of helpers; may be NULL */
    char run_path[RUN_PATH_MAX];
    int control_fd; /* to the supervisor */
    int signal_fd;  /* SIGCHLD */
    int home_fd;    /* once all is mounted; kept, since the mount may be detached before the end */
    char saving;    /* the word that told to bring to the servers what the run wrote; 0: none */
    bool ending;    /* told to, or the supervisor is gone */
    bool deserted;  /* the supervisor is gone */
    boot_ms_t step_began;
    struct storage_word step; /* the one that is being done */
    boot_ms_t told_at;        /* how far that is */
};

/* Never returns: the process is the room's. `room` has all but the last four members. */
_Noreturn void storage_room_main(struct storage_room *room);

/* ---- for the steps ---- */

/* Tells that a step begins. */
void room_begin(struct storage_room *room, const char *step, const char *object, int64_t limit_ms);

/* Tells that it is done. */
void room_done(struct storage_room *room, const char *detail);

/* Tells how far it is, when that has changed and not more than once a second. */
void room_progress(struct storage_room *room, const char *detail);

/* Tells that a step of saving failed. */
void room_not_saved(struct storage_room *room, const struct err *e);

/* Tells anything. */
void room_say(struct storage_room *room, const struct storage_word *word);

/* Waits up to ms for a word, or the end of a child. False when the room is told to end. */
bool room_wait(struct storage_room *room, int64_t ms);

/* A program of a step: argv[0] is its name in one of the system's folders for programs. */
struct room_program {
    char *const *argv;
    const char *package; /* which has it, for the message that it is missing */
    int fd;              /* has the number 3 in it; -1: none */
    int output_fd;       /* where its output goes instead of the error; -1: nowhere */
    const struct user_ids *user;
    uint64_t capabilities;
    int64_t budget_ms;
};

/* Waits for a helper that the caller started, until it has ended or is left behind; ends it when the room is told to end. */
void room_attend(struct storage_room *room, struct helper *h);

/* Runs it to its end. 0, or negative with *e: -ECANCELED when the room is told to end, else as helper_result. ret_status (may
 * be NULL) gets its exit status, 0 when it has none. */
int room_run(struct storage_room *room, const struct room_program *program, int *ret_status, struct err *e);

#endif
