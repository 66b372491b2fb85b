/*
 * image.h - the container image of a run: unpacked by runlet-image, kept while the run lives.
 */
#ifndef SUPERVISOR_IMAGE_H
#define SUPERVISOR_IMAGE_H

#include "supervisor/helper.h"
#include "supervisor/policy.h"

/* Room for the path of an unpacked image. */
#define IMAGE_PATH_MAX 640

struct image {
    struct helper helper; /* owned: runlet-image */
    int answer_fd;        /* owned: what it says */
    int lock_fd;          /* owned: held shared while the run lives, so that nobody removes the image */
};

#define IMAGE_INIT                                                                                           \
    (struct image)                                                                                           \
    {                                                                                                        \
        .helper = HELPER_INIT, .answer_fd = -1, .lock_fd = -1                                                \
    }

/* Starts runlet-image in the group; fds are the placements', and the image's layout after them. 0 or negative with *e. */
int image_start(const struct policy *policy, const struct plan *plan, const int *fds,
                const struct run_group *group, boot_ms_t now, struct image *image, struct err *e);

/* The helper has ended: fills plan->image_uid and image_gid, or says what is wrong with the image (blame assignment) or this
 * node. *ret_unpacked tells whether the image had to be unpacked. 0 or negative with *e. */
int image_result(struct image *image, const struct policy *policy, struct plan *plan, bool *ret_unpacked,
                 struct err *e);

/* The root of the unpacked image. */
void image_path(const struct policy *policy, const struct plan *plan, char ret[IMAGE_PATH_MAX]);

void image_close(struct image *image);

#endif
