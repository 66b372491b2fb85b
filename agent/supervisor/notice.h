/*
 * notice.h - telling a job how long it still has, and hearing where it saved its work.
 *
 *   runs/<run>/notice/      root 0755, in the job's view at JOB_NOTICE_DIR
 *     notice                the latest notice, as one fact; absent until there is one
 *     cluster-nodes.json    of a run of several nodes: who they are and where (base/cluster.h)
 *     checkpoint            empty, the job's own: it writes one line, the place of its checkpoint
 *
 * The job can write the last file and no other, and the supervisor reads it through the descriptor it made
 * it with, so nothing the job does redirects the supervisor. Both files stay as evidence.
 */
#ifndef SUPERVISOR_NOTICE_H
#define SUPERVISOR_NOTICE_H

#include "base/clock.h"
#include "base/cluster.h"
#include "record/exit_record.h"
#include "record/lifecycle.h"
#include "supervisor/run_directory.h"

#define NOTICE_DIR_NAME "notice"

struct notice_board {
    int dir_fd;        /* owned */
    int checkpoint_fd; /* owned */
    int64_t sequence;  /* notices so far */
};

#define NOTICE_BOARD_INIT                                                                                    \
    (struct notice_board)                                                                                    \
    {                                                                                                        \
        .dir_fd = -1, .checkpoint_fd = -1                                                                    \
    }

/* Opens the folder that was made with the run directory. 0 or negative with *e. */
int notice_open(const struct run_directory *run, struct notice_board *ret, struct err *e);

/* Makes folder and files in the new run directory run_fd, for the job's user. 0 or -errno. */
int notice_create(int run_fd, uid_t uid, gid_t gid);

/* Puts the document about the run's nodes beside them, where the job can read it and not change it. 0 or -errno. */
int notice_put_cluster(int run_fd, const struct cluster *cluster);

/*
 * Posts a notice: the job is asked to stop in `left_ms` from now for `reason`, and killed grace_ms after that. The file is replaced by one rename, so a
 * job never reads half of one; it is not made durable, for nobody reads it after a crash. 0 or -errno.
 */
int notice_post(struct notice_board *board, const char *reason, int64_t left_ms, int64_t grace_ms,
                wall_ms_t now);

/* What the job wrote as its checkpoint: its first line, as far as it is UTF-8 without control characters; else "". */
void notice_checkpoint(const struct notice_board *board, char ret[CHECKPOINT_TEXT_MAX]);

/* Whether `text` can be taken for the place of a checkpoint: one line, not empty, of printable UTF-8. Pure. */
bool checkpoint_valid(const char *text);

void notice_close(struct notice_board *board);

#endif
