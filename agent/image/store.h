/*
 * store.h - unpacked images on disk, each once, whoever runs it.
 *
 *     KEY/fs       the image's root; KEY is the digest of its manifest. There only when it is complete and on disk.
 *     KEY/size     what it takes, in bytes
 *     KEY.lock     held shared by whoever uses KEY, exclusively by whoever makes or removes it
 *     .new.KEY     being made
 *     .old.KEY     being removed
 *
 * The time of KEY is that of its last use.
 */
#ifndef IMAGE_STORE_H
#define IMAGE_STORE_H

#include <stdbool.h>

#include "base/err.h"
#include "image/order.h"

/* Makes sure that the image is there; afterwards FD_LOCK is held shared. *ret_made tells whether it had to be unpacked. 0 or
 * negative with *e. */
int store_ensure(const struct order *o, bool *ret_made, struct err *e);

#endif
