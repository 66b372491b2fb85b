/*
 * cache.h - objects that were fetched, by the SHA-256 of their content; shared by all agents of a state directory.
 *
 *   objects/<sha256>.<bytes>   whole and verified; never written again
 *   index/<key>                which object a URI led to, and the version that the server called it
 *   partial/<key>              what is being fetched, flock(2)ed by who fetches it
 *   partial/<key>.about        the version those bytes are of
 *
 * An object gets its name only after its bytes are on disk, and the name holds the size: what is shorter was damaged and is
 * removed when it is found. A run holds an object by a hard link in its own folder: an object with more than one name is in
 * use, and stays; no lock is needed, and a crash leaves nothing to undo. Two agents that want the same object meet at the
 * lock of its partial file.
 */
#ifndef FETCH_CACHE_H
#define FETCH_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "fetch/answer.h"
#include "fetch/digest.h"

struct cache {
    int objects_fd, index_fd, partial_fd; /* owned */
    uint64_t max_bytes;
};

#define CACHE_INIT                                                                                           \
    {                                                                                                        \
        .objects_fd = -1, .index_fd = -1, .partial_fd = -1                                                   \
    }

/* Opens the folder `path`, which exists, and makes what is missing in it. 0 or negative with *e. */
int cache_open(const char *path, uint64_t max_bytes, struct cache *ret, struct err *e);
void cache_close(struct cache *c);

struct cache_object {
    char sha256[SHA256_HEX_BYTES];
    uint64_t bytes;
};

/* Finds an object by its digest and notes that it was wanted now. -ENOENT when it is not there, or was damaged. */
int cache_find(const struct cache *c, const char *sha256, struct cache_object *ret);

/* The same, without the note. */
int cache_peek(const struct cache *c, const char *sha256, struct cache_object *ret);

/* Opens it for reading. fd or -errno. */
int cache_read(const struct cache *c, const struct cache_object *object);

/* Gives it a name in another folder of the same file system, in the place of what has the name. 0 or -errno; -ENOENT when it
 * was evicted meanwhile. */
int cache_give(const struct cache *c, const struct cache_object *object, int dir_fd, const char *name);

/* Removes an object whose content is not what its name says. */
void cache_drop(const struct cache *c, const struct cache_object *object);

/* ---- what a URI led to ---- */

struct cache_known {
    struct cache_object object;
    struct validator validator;
    wall_ms_t at; /* when the server last said so */
};

/* 0, or -ENOENT when nothing useful is known. `key` is a digest of the URI: the URI itself may be a secret. */
int cache_known_read(const struct cache *c, const char *key, struct cache_known *ret);
/* The same, without counting as a use of the object. */
int cache_known_peek(const struct cache *c, const char *key, struct cache_known *ret);
int cache_known_write(const struct cache *c, const char *key, const struct cache_known *known);

/* ---- on the way in ---- */

struct partial {
    struct validator validator;
    int64_t total; /* -1: unknown */
    char md5[MD5_HEX_BYTES];
};

/* Opens and locks the partial file. fd (owned by the caller, its end is the lock's end), -EWOULDBLOCK when another run fetches
 * it, else -errno. */
int cache_partial_lock(const struct cache *c, const char *key);

/* How many bytes another run has so far. */
uint64_t cache_partial_bytes(const struct cache *c, const char *key);

/* Of bytes that this boot wrote: after a power failure nobody knows which ones reached the disk. -ENOENT otherwise. */
int cache_partial_read(const struct cache *c, const char *key, struct partial *ret);
int cache_partial_write(const struct cache *c, const char *key, const struct partial *about);

/* Makes the locked partial file, which has object->bytes bytes, the object: fsync, then the name. May wait for the disk. 0 or
 * -errno. */
int cache_commit(const struct cache *c, const char *key, int fd, const struct cache_object *object);

/* Removes what was not wanted for the longest time until at most max_bytes are left, partial files of which nobody has heard
 * for a day, and what is known of objects that are gone. May wait for the disk. */
void cache_evict(const struct cache *c, wall_ms_t now);

#endif
