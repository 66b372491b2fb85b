/*
 * image_cache.h - images as registries send them, on disk: OCI layouts that share their blobs.
 *
 *     blobs/HEX        a blob, whole, verified by who fetched it and on disk before it got its name
 *     layouts/KEY/     an OCI layout, complete; its blobs are links to those above. KEY is the digest of the image's manifest
 *     alias.KEY        a list of images: a link whose target is the KEY of the one for this machine
 *     pull.KEY/        being fetched, under the lock of the image
 *     lock.KEY         held by who fetches
 *
 * A layout is in use while somebody holds its folder open and locked shared. What is used least recently goes first. All of it
 * belongs to the agent, and several agents may work on it.
 */
#ifndef FETCH_IMAGE_CACHE_H
#define FETCH_IMAGE_CACHE_H

#include <stdbool.h>

#include "base/err.h"
#include "job/image.h"

struct image_cache {
    int fd;           /* borrowed: its folder */
    const char *path; /* borrowed: of the folder */
};

/* The hexadecimal digits of a digest that is known to be valid. */
const char *image_key(const char *digest);

/* Opens the layout of `digest` (of an image, or of a list) for handing over, locked shared, and reads its configuration. The
 * descriptor; -ENOENT when it is not there, or was damaged and has been removed; or negative with *e. */
int image_cache_open(const struct image_cache *c, const char *digest, struct image_config *ret,
                     struct err *e);

/* Remembers that the list of images `list` has `digest` for this machine. */
void image_cache_alias(const struct image_cache *c, const char *list, const char *digest);

/* The lock of who fetches `digest`: a descriptor, or -EWOULDBLOCK while somebody else has it. */
int image_cache_lock(const struct image_cache *c, const char *digest);

/* Makes pull.KEY with blobs that are here already, and tells how many bytes are missing. 0 or negative with *e. */
int image_cache_prepare(const struct image_cache *c, const char *digest, const struct image_manifest *m,
                        int64_t *ret_missing, struct err *e);

/* Bytes in pull.KEY so far. */
int64_t image_cache_pulled(const struct image_cache *c, const char *digest);

/* What was fetched into pull.KEY becomes a layout, durably. Waits for the disk: call it on a thread of its own. 0 or -errno. */
int image_cache_publish(const struct image_cache *c, const char *digest);

/* Holds the layout as if it was in use: a descriptor, or -errno. */
int image_cache_hold(const struct image_cache *c, const char *digest);

/* Removes what nobody uses until the blobs take no more than max_bytes, and what killed agents left. 0 or -errno. */
int image_cache_evict(const struct image_cache *c, int64_t max_bytes);

/* Removes pull.KEY. */
void image_cache_abandon(const struct image_cache *c, const char *digest);

/* Removes an image whose layers turned out to be damaged, with its blobs. */
void image_cache_discard(const struct image_cache *c, const char *digest);

#endif
