/*
 * channel.h - the supervisor's side of its conversations: the agent that started the run, and whoever comes
 * later.
 *
 * A new connection gets hello and then the latest words, so it learns where the run is. A peer that does not
 * read is dropped: no agent can hold a run up. Only root and the agent's user are listened to.
 */
#ifndef SUPERVISOR_CHANNEL_H
#define SUPERVISOR_CHANNEL_H

#include <poll.h>

#include "base/limits.h"
#include "supervisor/policy.h"
#include "wire/message.h"

#define CHANNEL_CLIENTS_MAX 4
#define CHANNEL_WORDS_MAX   6
#define CHANNEL_PATH_MAX    512
#define CHANNEL_POLLFDS     (CHANNEL_CLIENTS_MAX + 1)

struct channel {
    uid_t agent_uid;
    char run_id[RUN_ID_BYTES];
    char path[CHANNEL_PATH_MAX];            /* of the run's own socket; "" while there is none */
    int listen_fd;                          /* owned; -1 while there is none */
    int client[CHANNEL_CLIENTS_MAX];        /* owned; -1 for a free place */
    struct message word[CHANNEL_WORDS_MAX]; /* said so far, for those who come later */
    size_t word_count;
};

void channel_init(struct channel *c, uid_t agent_uid);

/* Whether the peer of this connection may talk to us. */
bool channel_peer_allowed(const struct channel *c, int fd);

/* Takes over a connection and greets it. Closes it when there is no place. */
void channel_add(struct channel *c, int fd);

/* Listens at <sockets_dir>/<run id>.sock. 0 or negative with *e. */
int channel_listen(struct channel *c, const struct policy *policy, const char *run_id, struct err *e);

/* Ends listening and removes the socket; conversations go on. */
void channel_unlisten(struct channel *c);

/* Removes the socket that a supervisor which was killed left behind. */
void channel_forget(const struct policy *policy, const char *run_id);

/* Says m to everybody, now and later; of several of a type the last. Refusals, notices, answers about the deadline, and hello are not
 * repeated to later ones. */
void channel_say(struct channel *c, const struct message *m);

/* Fills CHANNEL_POLLFDS entries. */
void channel_pollfds(const struct channel *c, struct pollfd *fds);

/* Handles what poll found: accepts, and receives one message into *m. Returns 1 when there is a message to
 * act on; call again until it returns 0. */
int channel_receive(struct channel *c, const struct pollfd *fds, struct message *m);

void channel_close(struct channel *c);

#endif
