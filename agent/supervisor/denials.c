/* denials.c - see denials.h. */
#include "supervisor/denials.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/fd.h"

/* One turn of the loop answers at most this many: a job that does nothing else must not hold its output up. */
#define BATCH_MAX 64

#define CALL_NAME_MAX 40

/* For headers that are older than the kernel. */
#ifndef SECCOMP_USER_NOTIF_FLAG_CONTINUE
#define SECCOMP_USER_NOTIF_FLAG_CONTINUE 1U
#endif

int denials_open(struct denials *d, int listener_fd, const struct call_filter *filter)
{
    struct seccomp_notif_sizes sizes = {0};

    if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0)
        return -errno;
    d->request_size = sizes.seccomp_notif > sizeof(struct seccomp_notif) ? sizes.seccomp_notif
                                                                         : sizeof(struct seccomp_notif);
    d->answer_size = sizes.seccomp_notif_resp > sizeof(struct seccomp_notif_resp)
                         ? sizes.seccomp_notif_resp
                         : sizeof(struct seccomp_notif_resp);
    d->request = malloc(d->request_size);
    d->answer = malloc(d->answer_size);
    if (d->request == NULL || d->answer == NULL) {
        denials_close(d);
        return -ENOMEM;
    }
    d->fd = listener_fd;
    d->filter = filter;
    return 0;
}

static void command_of(pid_t pid, char ret[COMMAND_TEXT_MAX])
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(256);
    char path[40];

    (void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    (void)file_read(AT_FDCWD, path, &text);
    (void)snprintf(ret, COMMAND_TEXT_MAX, "%.*s", (int)strcspn(strbuf_str(&text), "\n"), strbuf_str(&text));
}

/* The denial when it is the first of its kind, else NULL. */
static const struct denial *note(struct denials *d, int number, const char *rule, pid_t pid)
{
    struct denial one = {.number = number, .pid = pid, .rule = rule, .count = 1};

    command_of(pid, one.command);
    for (size_t i = 0; i < d->count; i++) {
        if (d->item[i].number == number && strcmp(d->item[i].command, one.command) == 0) {
            d->item[i].count++;
            return NULL;
        }
    }
    if (d->count == DENIALS_MAX) {
        d->not_kept++;
        return NULL;
    }
    d->item[d->count] = one;
    return &d->item[d->count++];
}

static void mark_seen(struct denials *d, int number)
{
    if (number >= 0 && number < CALL_NUMBERS_MAX)
        d->seen[number / 8] |= (uint8_t)(1U << (number % 8));
}

/* Takes one request into d->request. 0 or -errno. */
static int receive(struct denials *d)
{
    memset(d->request, 0, d->request_size);
    return ioctl(d->fd, SECCOMP_IOCTL_NOTIF_RECV, d->request) < 0 ? -errno : 0;
}

static void answer(struct denials *d, uint64_t id, int error)
{
    struct seccomp_notif_resp *response = d->answer;

    memset(d->answer, 0, d->answer_size);
    response->id = id;
    response->error = -error;
    response->flags = error == 0 ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
    (void)ioctl(d->fd, SECCOMP_IOCTL_NOTIF_SEND, d->answer); /* ENOENT: it was killed while it waited */
}

/* Decides on the request that was received. Only a run that learns is told "go on", and the decision is made of what the
 * kernel has copied, so that no other thread of the job can change it meanwhile. */
static const struct denial *decide(struct denials *d)
{
    const struct seccomp_notif *request = d->request;
    const struct denial *new = NULL;
    uint64_t argument[CALL_ARGUMENTS];
    struct call_decision decision;

    for (size_t i = 0; i < CALL_ARGUMENTS; i++)
        argument[i] = request->data.args[i];
    decision = call_decide(d->filter, request->data.nr, argument);
    if (decision.action == CALL_ALLOWED || decision.action == CALL_PASSED) {
        mark_seen(d, request->data.nr);
        answer(d, request->id, d->filter->learn ? 0 : EPERM);
        return NULL;
    }
    /* Looked at before it is answered: until then it is there. */
    new = note(d, request->data.nr, decision.rule, (pid_t)request->pid);
    answer(d, request->id, decision.action == CALL_ABSENT ? ENOSYS : EPERM);
    return new;
}

const struct denial *denials_answer(struct denials *d)
{
    for (int i = 0; d->fd >= 0 && i < BATCH_MAX; i++) {
        struct pollfd p = {.fd = d->fd, .events = POLLIN};
        const struct denial *new = NULL;
        if (poll(&p, 1, 0) != 1 || (p.revents & POLLIN) == 0) {
            if ((p.revents & (POLLHUP | POLLERR)) != 0)
                fd_close(&d->fd); /* nobody with the filter is left */
            return NULL;
        }
        if (receive(d) == 0)
            new = decide(d);
        if (new != NULL)
            return new;
    }
    return NULL;
}

int denials_profile(const struct denials *d, struct strbuf *out)
{
    bool first = true;

    strbuf_addstr(out, "systemCalls: [");
    for (int number = 0; number < CALL_NUMBERS_MAX; number++) {
        char name[CALL_NAME_MAX];
        if ((d->seen[number / 8] & (1U << (number % 8))) == 0)
            continue;
        call_name(number, name, sizeof(name));
        strbuf_addf(out, "%s%s", first ? "" : ", ", name);
        first = false;
    }
    strbuf_addstr(out, "]");
    return out->failed;
}

void denials_close(struct denials *d)
{
    fd_close(&d->fd);
    free(d->request);
    free(d->answer);
    d->request = d->answer = NULL;
}
