/* network.c - see network.h. */
#include "supervisor/network.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/auto.h"

int network_start_loopback(struct containment_list *list, struct err *e)
{
    AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {.ifr_name = "lo"};

    if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
        return err_errno(e, errno, BLAME_NODE, "ask for the loopback interface");
    if ((request.ifr_flags & IFF_LOOPBACK) == 0)
        return err_set(e, -ENOTSUP, BLAME_NODE, "the interface lo is no loopback");
    request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
    if (ioctl(fd, SIOCSIFFLAGS, &request) < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
        return err_errno(e, errno, BLAME_NODE, "bring the loopback interface up");
    if ((request.ifr_flags & IFF_UP) == 0)
        return err_set(e, -ENOTSUP, BLAME_NODE, "the loopback interface stays down");
    if (containment_add(list, "network", CONTAINMENT_APPLIED, "loopback and nothing else", "namespace") < 0)
        return err_oom(e);
    return 0;
}
