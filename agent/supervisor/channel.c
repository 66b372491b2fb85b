/* channel.c - see channel.h. */
#include "supervisor/channel.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "sys/fd.h"
#include "sys/packet.h"
#include "wire/run_socket.h"

void channel_init(struct channel *c, uid_t agent_uid)
{
    *c = (struct channel){.agent_uid = agent_uid, .listen_fd = -1};
    for (size_t i = 0; i < CHANNEL_CLIENTS_MAX; i++)
        c->client[i] = -1;
}

bool channel_peer_allowed(const struct channel *c, int fd)
{
    uid_t uid;
    pid_t pid;

    return peer_user(fd, &uid, &pid) == 0 && (uid == 0 || uid == c->agent_uid);
}

static struct message hello(const struct channel *c)
{
    struct message m = {.type = MESSAGE_HELLO, .version = PROTOCOL_VERSION};

    (void)snprintf(m.run_id, sizeof(m.run_id), "%s", c->run_id);
    return m;
}

void channel_add(struct channel *c, int fd)
{
    const struct message m = hello(c);

    for (size_t i = 0; i < CHANNEL_CLIENTS_MAX; i++) {
        if (c->client[i] >= 0)
            continue;
        c->client[i] = fd;
        (void)fd_set_nonblocking(fd, true);
        (void)message_send(fd, &m, NULL, 0);
        for (size_t w = 0; w < c->word_count; w++)
            (void)message_send(fd, &c->word[w], NULL, 0);
        return;
    }
    (void)close(fd);
}

int channel_listen(struct channel *c, const struct policy *policy, const char *run_id, struct err *e)
{
    (void)snprintf(c->run_id, sizeof(c->run_id), "%s", run_id);
    run_socket_path(policy->sockets_dir, run_id, c->path, sizeof(c->path));
    c->listen_fd = packet_listen(c->path, 0660, policy->agent_gid, e);
    return c->listen_fd < 0 ? c->listen_fd : 0;
}

void channel_unlisten(struct channel *c)
{
    fd_close(&c->listen_fd);
    if (c->path[0] != '\0') {
        CRASH_POINT("socket-remove");
        (void)unlink(c->path);
        CRASH_POINT("socket-removed");
    }
    c->path[0] = '\0';
}

void channel_forget(const struct policy *policy, const char *run_id)
{
    char path[CHANNEL_PATH_MAX];

    run_socket_path(policy->sockets_dir, run_id, path, sizeof(path));
    (void)unlink(path);
}

/* What holds no more is not told to those who come later: the last word of a kind replaces the one before. */
static void remember(struct channel *c, const struct message *m)
{
    if (m->type == MESSAGE_REFUSED || m->type == MESSAGE_NOTICED || m->type == MESSAGE_DEADLINE)
        return;
    for (size_t i = 0; i < c->word_count; i++)
        if (c->word[i].type == m->type) {
            c->word[i] = *m;
            return;
        }
    if (c->word_count < CHANNEL_WORDS_MAX)
        c->word[c->word_count++] = *m;
}

void channel_say(struct channel *c, const struct message *m)
{
    remember(c, m);
    for (size_t i = 0; i < CHANNEL_CLIENTS_MAX; i++)
        if (c->client[i] >= 0 && message_send(c->client[i], m, NULL, 0) < 0)
            fd_close(&c->client[i]);
}

void channel_pollfds(const struct channel *c, struct pollfd *fds)
{
    for (size_t i = 0; i < CHANNEL_CLIENTS_MAX; i++)
        fds[i] = (struct pollfd){.fd = c->client[i], .events = POLLIN};
    fds[CHANNEL_CLIENTS_MAX] = (struct pollfd){.fd = c->listen_fd, .events = POLLIN};
}

static void accept_all(struct channel *c)
{
    for (;;) {
        AUTO_CLOSE int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            return;
        if (channel_peer_allowed(c, fd))
            channel_add(c, take_fd(&fd));
    }
}

int channel_receive(struct channel *c, const struct pollfd *fds, struct message *m)
{
    for (size_t i = 0; i < CHANNEL_CLIENTS_MAX; i++) {
        size_t none = 0;
        int r;
        if (fds[i].revents == 0 || c->client[i] < 0 || fds[i].fd != c->client[i])
            continue;
        r = message_receive(c->client[i], m, NULL, 0, &none);
        if (r == 1)
            return 1;
        if (r != -EAGAIN)
            fd_close(&c->client[i]);
    }
    if (c->listen_fd >= 0 && fds[CHANNEL_CLIENTS_MAX].revents != 0)
        accept_all(c);
    return 0;
}

void channel_close(struct channel *c)
{
    for (size_t i = 0; i < CHANNEL_CLIENTS_MAX; i++)
        fd_close(&c->client[i]);
    channel_unlisten(c);
}
