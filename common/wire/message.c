/* message.c - see message.h. */
#include "wire/message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fact.h"
#include "sys/packet.h"

static const char *const TYPE_NAMES[MESSAGE_TYPE_COUNT] = {
    [MESSAGE_NONE] = "none",         [MESSAGE_START] = "start",       [MESSAGE_RECOVER] = "recover",
    [MESSAGE_STOP] = "stop",         [MESSAGE_KILL] = "kill",         [MESSAGE_HELLO] = "hello",
    [MESSAGE_REFUSED] = "refused",   [MESSAGE_ACCEPTED] = "accepted", [MESSAGE_RUNNING] = "running",
    [MESSAGE_STOPPING] = "stopping", [MESSAGE_CLEANING] = "cleaning", [MESSAGE_ENDED] = "ended",
    [MESSAGE_REMOVE] = "remove",     [MESSAGE_REMOVED] = "removed",   [MESSAGE_PREEMPT] = "preempt",
    [MESSAGE_NOTICED] = "noticed",   [MESSAGE_DEADLINE] = "deadline", [MESSAGE_LEASE] = "lease",
};

static const char *const REFUSAL_NAMES[REFUSAL_COUNT] = {
    [REFUSAL_NONE] = "none",     [REFUSAL_EXISTS] = "exists", [REFUSAL_INVALID] = "invalid",
    [REFUSAL_POLICY] = "policy", [REFUSAL_NODE] = "node",
};

const char *message_type_name(enum message_type type)
{
    return (unsigned)type < MESSAGE_TYPE_COUNT ? TYPE_NAMES[type] : TYPE_NAMES[MESSAGE_NONE];
}

const char *refusal_name(enum refusal refusal)
{
    return (unsigned)refusal < REFUSAL_COUNT ? REFUSAL_NAMES[refusal] : REFUSAL_NAMES[REFUSAL_NONE];
}

int message_encode(const struct message *m, struct strbuf *out)
{
    struct fact_writer w = fact_begin(out);

    fact_put_string(&w, "type", message_type_name(m->type));
    if (m->version != 0)
        fact_put_int(&w, "version", m->version);
    if (m->run_id[0] != '\0')
        fact_put_string(&w, "run", m->run_id);
    if (m->cause != CAUSE_NONE)
        fact_put_string(&w, "cause", cause_name(m->cause));
    if (m->notice != NOTICE_NONE)
        fact_put_string(&w, "notice", notice_reason_name(m->notice));
    if (m->type == MESSAGE_STOP || m->type == MESSAGE_PREEMPT || m->type == MESSAGE_NOTICED)
        fact_put_int(&w, "grace-ms", m->grace_ms);
    if (m->type == MESSAGE_DEADLINE)
        fact_put_int(&w, "runtime-ms", m->runtime_ms);
    if (m->type == MESSAGE_DEADLINE && m->deadline.ms > 0)
        fact_put_int(&w, "deadline-boot-ms", m->deadline.ms);
    if (m->type == MESSAGE_LEASE)
        fact_put_int(&w, "until-boot-ms", m->lease_until.ms);
    if (m->type == MESSAGE_RUNNING) {
        fact_put_int(&w, "pid", m->pid);
        fact_put_int(&w, "started-at-ms", m->started_at.ms);
        fact_put_int(&w, "deadline-boot-ms", m->deadline.ms);
    }
    if (m->type == MESSAGE_REFUSED) {
        fact_put_string(&w, "refusal", refusal_name(m->refusal));
        fact_put_string(&w, "blame", blame_name(m->blame));
        fact_put_string(&w, "text", m->text);
    }
    return fact_end(&w);
}

static enum message_type type_from_name(const char *name)
{
    for (unsigned i = 1; i < MESSAGE_TYPE_COUNT; i++)
        if (strcmp(TYPE_NAMES[i], name) == 0)
            return (enum message_type)i;
    return MESSAGE_NONE;
}

static enum refusal refusal_from_name(const char *name)
{
    for (unsigned i = 1; i < REFUSAL_COUNT; i++)
        if (strcmp(REFUSAL_NAMES[i], name) == 0)
            return (enum refusal)i;
    return REFUSAL_NODE;
}

/* Copies a string member into a fixed array; a longer one is refused. */
static int copy_text(const struct fact *f, const char *key, char *to, size_t size, struct err *e)
{
    const char *s = fact_str(f, key);

    if (strlen(s) >= size)
        return err_set(e, -EBADMSG, BLAME_BUG, "'%s' is longer than %zu bytes", key, size - 1);
    (void)snprintf(to, size, "%s", s);
    return 0;
}

int message_decode(const char *text, size_t n, struct message *ret, struct err *e)
{
    AUTO(fact) struct fact f = {0};
    struct message m = {.grace_ms = -1};
    int r = fact_decode(text, n, &f, e);

    if (r < 0)
        return r;
    m.type = type_from_name(fact_str(&f, "type"));
    r = copy_text(&f, "run", m.run_id, sizeof(m.run_id), e);
    if (r == 0)
        r = copy_text(&f, "text", m.text, sizeof(m.text), e);
    if (r < 0)
        return r;
    m.cause = cause_from_name(fact_str(&f, "cause"));
    if (m.cause == CAUSE_COUNT)
        m.cause = fact_str(&f, "cause")[0] == '\0' ? CAUSE_NONE : CAUSE_UNKNOWN;
    m.notice = notice_reason_from_name(fact_str(&f, "notice"));
    if (m.notice == NOTICE_COUNT)
        m.notice = NOTICE_NONE;
    (void)fact_int(&f, "version", &m.version);
    (void)fact_int(&f, "grace-ms", &m.grace_ms);
    (void)fact_int(&f, "runtime-ms", &m.runtime_ms);
    (void)fact_int(&f, "until-boot-ms", &m.lease_until.ms);
    (void)fact_int(&f, "pid", &m.pid);
    (void)fact_int(&f, "started-at-ms", &m.started_at.ms);
    (void)fact_int(&f, "deadline-boot-ms", &m.deadline.ms);
    if (m.type == MESSAGE_REFUSED) {
        m.refusal = refusal_from_name(fact_str(&f, "refusal"));
        m.blame = blame_from_name(fact_str(&f, "blame"));
    }
    *ret = m;
    return 0;
}

int message_send(int fd, const struct message *m, const int *fds, size_t fd_count)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(MESSAGE_BYTES_MAX);
    int r = message_encode(m, &text);

    return r < 0 ? r : packet_send(fd, text.data, text.len, fds, fd_count);
}

int message_receive(int fd, struct message *m, int *ret_fds, size_t fd_max, size_t *ret_fd_count)
{
    char text[MESSAGE_BYTES_MAX];
    struct err e = ERR_INIT;
    ssize_t n = packet_receive(fd, text, sizeof(text), ret_fds, fd_max, ret_fd_count);

    if (n <= 0)
        return (int)n;
    if (message_decode(text, (size_t)n, m, &e) < 0) {
        for (size_t i = 0; i < *ret_fd_count; i++)
            (void)close(ret_fds[i]);
        *ret_fd_count = 0;
        return -EBADMSG;
    }
    return 1;
}
