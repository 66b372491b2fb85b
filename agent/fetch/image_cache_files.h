/*
 * image_cache_files.h - names in the cache of images. Private to image_cache*.c.
 */
#ifndef FETCH_IMAGE_CACHE_FILES_H
#define FETCH_IMAGE_CACHE_FILES_H

/* The folders that are always there. */
static const char *const IMAGE_CACHE_FOLDERS[] = {"blobs", "layouts"};

struct image_name {
    char text[128];
};

/* prefix, the digits of the digest, suffix. */
struct image_name image_name(const char *prefix, const char *digest, const char *suffix);

#endif
