/*
 * message.h - what agent and supervisor say to each other: one fact a packet, some with descriptors.
 *
 *   agent -> supervisor
 *     start     fds: plan, then one per placement   begin this run, at most once per run id
 *     recover   run                                 its supervisor was lost: finish it truthfully
 *     remove    run                                 forget a finished run: delete its directory
 *     stop      cause, grace-ms                     end the run in the declared way
 *     kill                                          skip the rest of the grace
 *     preempt   notice, grace-ms                    tell the job that it ends in that time, then end it
 *     deadline  runtime-ms                          the job may run that long from its start, instead of what the plan says
 *     lease     until-boot-ms                       the run's lease holds until then: without a later word the run ends there
 *   supervisor -> agent
 *     hello     version, run                        first word on every connection
 *     refused   refusal, blame, text                nothing was created by this request
 *     accepted  run                                 the run directory exists: the run will have an end
 *     running   pid, started-at, deadline           the job executes
 *     stopping  cause                               the stop ladder has begun
 *     cleaning                                      the main process has ended
 *     ended     run                                 the exit record is on disk
 *     removed   run                                 the run directory is gone
 *     noticed   notice, grace-ms                    the job was told that its time is short
 *     deadline  runtime-ms, deadline-boot-ms        what was asked of the deadline holds, as far as the node allows
 *
 * On a connection to a live run's own socket the supervisor says hello and then repeats the latest words, so
 * an agent that was away learns where the run is. Unknown types and members of a newer version are ignored by
 * the reader of the same major version.
 */
#ifndef WIRE_MESSAGE_H
#define WIRE_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/strbuf.h"
#include "record/lifecycle.h"

#define PROTOCOL_VERSION 1

enum message_type {
    MESSAGE_NONE = 0, /* a type of a newer version */
    MESSAGE_START,
    MESSAGE_RECOVER,
    MESSAGE_STOP,
    MESSAGE_KILL,
    MESSAGE_HELLO,
    MESSAGE_REFUSED,
    MESSAGE_ACCEPTED,
    MESSAGE_RUNNING,
    MESSAGE_STOPPING,
    MESSAGE_CLEANING,
    MESSAGE_ENDED,
    MESSAGE_REMOVE,
    MESSAGE_REMOVED,
    MESSAGE_PREEMPT,
    MESSAGE_NOTICED,
    MESSAGE_DEADLINE,
    MESSAGE_LEASE,
    MESSAGE_TYPE_COUNT,
};

enum refusal {
    REFUSAL_NONE = 0,
    REFUSAL_EXISTS,  /* this run id was started before: look at its directory */
    REFUSAL_INVALID, /* the plan is wrong */
    REFUSAL_POLICY,  /* the node's policy forbids it */
    REFUSAL_NODE,    /* this machine could not */
    REFUSAL_COUNT,
};

struct message {
    enum message_type type;
    int64_t version;
    char run_id[RUN_ID_BYTES];
    enum cause cause;
    enum notice_reason notice;
    int64_t grace_ms; /* -1: the plan's */
    int64_t runtime_ms;
    boot_ms_t lease_until;
    int64_t pid;
    wall_ms_t started_at;
    boot_ms_t deadline;
    enum refusal refusal;
    enum blame blame;
    char text[ERR_TEXT_MAX];
};

const char *message_type_name(enum message_type type);
const char *refusal_name(enum refusal refusal);

/* Sends m with descriptors. 0 or -errno. */
int message_send(int fd, const struct message *m, const int *fds, size_t fd_count);

/* Receives one message: 1 when *m was filled, 0 at the end of the connection, -EAGAIN, -EBADMSG or another
 * -errno. Descriptors are owned by the caller. */
int message_receive(int fd, struct message *m, int *ret_fds, size_t fd_max, size_t *ret_fd_count);

/* The codec below them, for tests and fuzzing. */
int message_encode(const struct message *m, struct strbuf *out);
int message_decode(const char *text, size_t n, struct message *ret, struct err *e);

#endif
