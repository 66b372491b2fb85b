/* reach.c - see reach.h. */
#include "assignment/etcd/reach.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/auto.h"

/* Of a network for documentation: wherever it leads, it is the default route that leads there. */
#define ANYWHERE "192.0.2.1"

/* The address with which this machine would speak to the world. A datagram socket is connected without a word. */
static bool by_route(struct in_addr *ret)
{
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(9)}, here = {0};
    socklen_t size = sizeof(here);
    AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    (void)inet_pton(AF_INET, ANYWHERE, &there.sin_addr);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&there, sizeof(there)) < 0 ||
        getsockname(fd, (struct sockaddr *)&here, &size) < 0)
        return false;
    *ret = here.sin_addr;
    return true;
}

static bool takes(const struct ifaddrs *i, const struct in_addr *wanted)
{
    struct sockaddr_in address;

    if (i->ifa_addr == NULL || i->ifa_addr->sa_family != AF_INET || (i->ifa_flags & IFF_UP) == 0)
        return false;
    memcpy(&address, i->ifa_addr, sizeof(address));
    return wanted != NULL ? address.sin_addr.s_addr == wanted->s_addr : (i->ifa_flags & IFF_LOOPBACK) == 0;
}

void reach_find(struct etcd_reach *ret)
{
    struct ifaddrs *list = NULL;
    struct in_addr routed;
    bool known = by_route(&routed);
    struct sockaddr_in address;

    *ret = (struct etcd_reach){.address = "127.0.0.1", .interface = "lo"};
    if (getifaddrs(&list) < 0)
        return;
    for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
        if (!takes(i, known ? &routed : NULL))
            continue;
        memcpy(&address, i->ifa_addr, sizeof(address));
        (void)inet_ntop(AF_INET, &address.sin_addr, ret->address, sizeof(ret->address));
        (void)snprintf(ret->interface, sizeof(ret->interface), "%.15s", i->ifa_name);
        break;
    }
    freeifaddrs(list);
}
