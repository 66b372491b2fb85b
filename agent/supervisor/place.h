/*
 * place.h - the artifact into the run's home, by the helper that parses archives.
 *
 * runlet-unpack gets the home as a descriptor, the placements as descriptors and the work order on its
 * standard input; it gives up every privilege before it reads a byte, becomes the job's user, and answers in
 * facts on a pipe. Nothing of that answer is trusted beyond its syntax and limits.
 */
#ifndef SUPERVISOR_PLACE_H
#define SUPERVISOR_PLACE_H

#include "base/env.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "supervisor/helper.h"
#include "supervisor/policy.h"

#define PLACE_ANSWER_MAX (256U * 1024)

struct place_helper {
    struct helper process; /* owned */
    int answer_fd;         /* owned; -1 once the answer ended */
    struct strbuf answer;  /* owned */
};

#define PLACE_HELPER_INIT                                                                                    \
    (struct place_helper)                                                                                    \
    {                                                                                                        \
        .process = HELPER_INIT, .answer_fd = -1, .answer = STRBUF_INIT(PLACE_ANSWER_MAX)                     \
    }

/* What the helper found. */
struct placed {
    char *entry;      /* owned: the entry file, relative to the folder the artifact landed in */
    char *main_class; /* owned; of an entry file that is a Java class; else NULL */
    struct env env;   /* owned: from jobruntime.yaml */
    int64_t files, bytes;
};

void placed_free(struct placed *p);

/* Starts the helper in `group`, with the policy's time. placement_fds[i] belongs to plan->placement[i]. 0 or negative
 * with *e. */
int place_start(const struct policy *policy, const struct plan *plan, int home_fd, const int *placement_fds,
                const struct run_group *group, boot_ms_t now, struct place_helper *ret, struct err *e);

/* Reads what the helper wrote; closes answer_fd at its end. */
void place_read(struct place_helper *h);

/* The helper has ended, or was abandoned, and what it answered was read: 0 with *ret, or negative with *e
 * telling what is wrong with the artifact (blame assignment), or that the helper failed (blame node or bug).
 */
int place_result(const struct place_helper *h, struct placed *ret, struct err *e);

void place_close(struct place_helper *h);

#endif
