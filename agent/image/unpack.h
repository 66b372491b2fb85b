/*
 * unpack.h - umoci, behind walls: layers of an image become a tree of files.
 *
 * The layers are a stranger's bytes. What parses them is root in a user namespace of its own and nobody on the node, has no
 * network, sees no other process, can write below one folder only, and has only system calls that files need.
 */
#ifndef IMAGE_UNPACK_H
#define IMAGE_UNPACK_H

#include "base/err.h"
#include "image/order.h"

/* Unpacks the layout's image to `fs` in the folder into_fd, which belongs to first_id. 0; or negative with *e: -ENOSPC when
 * the disk has less left than the reserve. */
int unpack(const struct order *o, int into_fd, struct err *e);

#endif
