/* notify.c - see notify.h. */
#include "sys/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/parse.h"
#include "sys/fd.h"

/* Where the protocol puts the first descriptor. */
#define MANAGER_FDS_START 3

int notify_manager(const char *state)
{
    const char *path = secure_getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    AUTO_CLOSE int fd = -1;
    socklen_t size;

    if (path == NULL)
        return 0;
    if ((path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(address.sun_path))
        return -EINVAL;
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, size) < 0)
        return -errno;
    return 0;
}

static bool is_listening_stream(int fd)
{
    int domain = 0, type = 0, listening = 0;
    socklen_t size = sizeof(int);

    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX &&
           getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0;
}

int manager_socket(void)
{
    const char *pid_text = secure_getenv("LISTEN_PID");
    const char *count_text = secure_getenv("LISTEN_FDS");
    uint64_t pid = 0, count = 0;

    if (pid_text == NULL || count_text == NULL || parse_u64(pid_text, INT32_MAX, &pid) < 0 ||
        pid != (uint64_t)getpid())
        return -ENOENT;
    if (parse_u64(count_text, INT32_MAX, &count) < 0 || count != 1 ||
        !is_listening_stream(MANAGER_FDS_START) || fd_set_cloexec(MANAGER_FDS_START, true) < 0 ||
        fd_set_nonblocking(MANAGER_FDS_START, true) < 0)
        return -EINVAL;
    return MANAGER_FDS_START;
}
