/* packet.c - see packet.h. */
#include "sys/packet.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "base/limits.h"

int packet_pair(int ret[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0 ? -errno : 0;
}

static int unix_address(const char *path, struct sockaddr_un *ret)
{
    size_t n = strlen(path);

    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (n >= sizeof(ret->sun_path))
        return -ENAMETOOLONG;
    memcpy(ret->sun_path, path, n + 1);
    return 0;
}

int packet_listen(const char *path, mode_t mode, gid_t gid, struct err *e)
{
    AUTO_CLOSE int fd = -1;
    struct sockaddr_un address;
    int r = unix_address(path, &address);

    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "socket %s", path);
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_errno(e, errno, BLAME_NODE, "make a socket for %s", path);
    (void)unlink(path);
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return err_errno(e, errno, BLAME_NODE, "bind the socket %s", path);
    CRASH_POINT("socket-made");
    if (chown(path, (uid_t)-1, gid) < 0 || chmod(path, mode) < 0)
        return err_errno(e, errno, BLAME_NODE, "set owner and mode of the socket %s", path);
    if (listen(fd, 64) < 0)
        return err_errno(e, errno, BLAME_NODE, "listen on %s", path);
    CRASH_POINT("socket-listens");
    return take_fd(&fd);
}

int packet_connect(const char *path)
{
    AUTO_CLOSE int fd = -1;
    struct sockaddr_un address;
    int r = unix_address(path, &address);

    if (r < 0)
        return r;
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    return take_fd(&fd);
}

union control {
    char bytes[CMSG_SPACE(sizeof(int) * MESSAGE_FDS_MAX) + CMSG_SPACE(sizeof(struct ucred))];
    struct cmsghdr align;
};

static int send_message(int fd, const void *bytes, size_t n, int type, const void *data, size_t data_size)
{
    union control control = {0};
    struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = n};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t sent;

    if (data_size > 0) {
        struct cmsghdr *cmsg;
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(data_size);
        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = type;
        cmsg->cmsg_len = CMSG_LEN(data_size);
        memcpy(CMSG_DATA(cmsg), data, data_size);
    }
    CRASH_POINT_OF("message-send", n > 0 && *(const char *)bytes == '{' ? bytes : NULL);
    do {
        sent = sendmsg(fd, &msg, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return -errno;
    CRASH_POINT_OF("message-sent", n > 0 && *(const char *)bytes == '{' ? bytes : NULL);
    return 0;
}

int packet_send(int fd, const void *bytes, size_t n, const int *fds, size_t fd_count)
{
    if (fd_count > MESSAGE_FDS_MAX)
        return -E2BIG;
    return send_message(fd, bytes, n, SCM_RIGHTS, fds, fd_count * sizeof(int));
}

int packet_send_as(int fd, const void *bytes, size_t n, pid_t pid)
{
    struct ucred who = {.pid = pid, .uid = geteuid(), .gid = getegid()};

    return send_message(fd, bytes, n, SCM_CREDENTIALS, &who, sizeof(who));
}

/* Moves received descriptors to out while there is room, closes the others. Returns how many came. */
static size_t keep_descriptors(const struct cmsghdr *cmsg, int *out, size_t max, size_t *count)
{
    size_t came = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

    for (size_t i = 0; i < came; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(fd));
        if (*count < max)
            out[(*count)++] = fd;
        else
            (void)close(fd);
    }
    return came;
}

static ssize_t receive(int fd, void *buf, size_t size, int *fds, size_t fd_max, size_t *fd_count, pid_t *pid)
{
    union control control = {0};
    struct iovec iov = {.iov_base = buf, .iov_len = size};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control)};
    size_t came = 0, kept = 0;
    bool reset = false;
    ssize_t n;

    /* "Reset" only says, once, that the peer left without reading all: what it said itself is still there. */
    do {
        n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
    } while (n < 0 && (errno == EINTR || (errno == ECONNRESET && !reset && (reset = true))));
    if (n < 0)
        return -errno;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
            came += keep_descriptors(c, fds, fd_max, &kept);
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS && pid != NULL) {
            struct ucred who;
            memcpy(&who, CMSG_DATA(c), sizeof(who));
            *pid = who.pid;
        }
    }
    if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || came != kept) {
        for (size_t i = 0; i < kept; i++)
            (void)close(fds[i]);
        return -EMSGSIZE;
    }
    *fd_count = kept;
    return n;
}

ssize_t packet_receive(int fd, void *buf, size_t size, int *ret_fds, size_t fd_max, size_t *ret_fd_count)
{
    return receive(fd, buf, size, ret_fds, fd_max, ret_fd_count, NULL);
}

ssize_t packet_receive_from(int fd, void *buf, size_t size, pid_t *ret_pid)
{
    size_t none = 0;

    *ret_pid = 0;
    return receive(fd, buf, size, NULL, 0, &none, ret_pid);
}

int peer_user(int fd, uid_t *ret_uid, pid_t *ret_pid)
{
    struct ucred who;
    socklen_t size = sizeof(who);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
        return -errno;
    *ret_uid = who.uid;
    *ret_pid = who.pid;
    return 0;
}
