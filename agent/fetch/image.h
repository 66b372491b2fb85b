/*
 * image.h - the container image of a run, from a registry to an OCI layout on this machine's disk.
 *
 * Part of PREPARING. skopeo speaks to the registry: it is asked for the manifest, which says what the image is called for good
 * and how large it is; and when it is not here, for the image. Both as the unprivileged agent, beside the loop.
 */
#ifndef FETCH_IMAGE_H
#define FETCH_IMAGE_H

#include "engine/engine.h"
#include "fetch/image_cache.h"
#include "fetch/image_words.h"

struct image_service {
    struct image_settings settings;
    struct image_cache cache;
};

/* Whether the run has an image. */
bool image_wanted(const struct run *run);

/* Gets the image of run->spec->container, then calls `done`; or fails the run. `service` is borrowed while the run lives. */
void image_enter(struct run *run, const struct image_service *service,
                 void (*done)(struct run *run, void *context), void *context);

/* An image that was got before a restart of the agent, without asking the registry. 0 or negative with *e. */
int image_reopen(struct run *run, const struct image_service *service, struct err *e);

/* Drops what image_enter has under way. */
void image_release(struct run *run);

/* The run ended because its image was no good: a copy of it that is damaged does not stay. */
void image_forget(struct run *run, const struct image_service *service);

#endif
