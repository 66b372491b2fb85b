/*
 * order.h - what runlet-image is asked for, and the descriptors it has.
 */
#ifndef IMAGE_ORDER_H
#define IMAGE_ORDER_H

#include <stdint.h>

enum {
    FD_LAYOUT = 3, /* folder with the image as an OCI layout, tagged "image" */
    FD_ANSWER = 4, /* facts for the supervisor */
    FD_STORE = 5,  /* folder of the unpacked images */
    FD_LOCK = 6,   /* the lock file of this image in it; the supervisor keeps it open while the run lives */
};

struct order {
    const char *key;  /* 64 hexadecimal digits: the manifest's digest */
    const char *user; /* as the image says it */
    const char *umoci;
    uint32_t first_id, ids; /* who the image's users are on the node */
    uint64_t max_bytes;     /* of all unpacked images together, but those in use */
    uint64_t reserve_bytes; /* of the disk, for others */
};

#endif
