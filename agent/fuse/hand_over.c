/* hand_over.c - see hand_over.h. */
#include "fuse/hand_over.h"

#include <errno.h>
#include <stdint.h>

#include "base/parse.h"
#include "sys/packet.h"

#define DESCRIPTORS_MAX 1024

int hand_over(const char *socket, int fd)
{
    uint64_t to;

    if (socket == NULL || parse_u64(socket, DESCRIPTORS_MAX, &to) < 0)
        return -EINVAL;
    return packet_send((int)to, "", 1, &fd, 1);
}
