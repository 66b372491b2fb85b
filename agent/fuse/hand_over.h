/*
 * hand_over.h - a descriptor for whoever asked fusermount for one.
 */
#ifndef FUSE_HAND_OVER_H
#define FUSE_HAND_OVER_H

/* Sends the descriptor as fusermount does, over the socket whose number is in the text. 0, -EINVAL when that is none, or
 * -errno. */
int hand_over(const char *socket, int fd);

#endif
