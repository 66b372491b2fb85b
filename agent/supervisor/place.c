/* place.c - see place.h. */
#include "supervisor/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fact.h"
#include "sys/fd.h"

#define HELPER_NAME         "runlet-unpack"
#define HELPER_HOME_FD      3
#define HELPER_ANSWER_FD    4
#define HELPER_PLACEMENT_FD 10

void placed_free(struct placed *p)
{
    free(p->entry);
    free(p->main_class);
    env_free(&p->env);
    *p = (struct placed){0};
}

/* The work order: what to place where, what to look for, the limits. */
static int write_order(const struct policy *policy, const struct plan *plan, struct strbuf *out)
{
    struct fact_writer w;

    for (size_t i = 0; i < plan->placement_count; i++) {
        const struct placement *p = &plan->placement[i];
        w = fact_begin(out);
        fact_put_string(&w, "place", p->form == PLACE_FILE ? "file" : "archive");
        fact_put_string(&w, "name", p->name);
        fact_put_string(&w, "into", p->into);
        (void)fact_end(&w);
    }
    w = fact_begin(out);
    fact_put_string(&w, "entry", plan->entry_kind == ENTRY_FILE ? "file" : "archive");
    fact_put_string(&w, "entrypoint", plan->entrypoint != NULL ? plan->entrypoint : "");
    (void)fact_end(&w);
    w = fact_begin(out);
    fact_put_int(&w, "max-bytes", (int64_t)policy->unpack_max_bytes);
    fact_put_int(&w, "max-files", (int64_t)policy->unpack_max_files);
    fact_put_int(&w, "max-ratio", (int64_t)policy->unpack_max_ratio);
    return fact_end(&w);
}

int place_start(const struct policy *policy, const struct plan *plan, int home_fd, const int *placement_fds,
                const struct run_group *group, boot_ms_t now, struct place_helper *ret, struct err *e)
{
    AUTO(strbuf) struct strbuf order = STRBUF_INIT(PLAN_BYTES_MAX);
    AUTO_CLOSE int order_fd = -1;
    AUTO_CLOSE int answer_read = -1;
    AUTO_CLOSE int answer_write = -1;
    char path[512], uid[16], gid[16];
    char *argv[] = {(char[]){HELPER_NAME}, (char[]){"--uid"}, uid, (char[]){"--gid"}, gid, NULL};
    struct helper_fd fds[PLAN_PLACEMENTS_MAX + 3];
    /* It gives up every privilege itself, for which it needs them; and sees to the job's user, who it becomes. */
    struct helper_order start = {.path = path,
                                 .argv = argv,
                                 .fds = fds,
                                 .fd_count = plan->placement_count + 3,
                                 .capabilities = CAPABILITIES_ALL,
                                 .group = group,
                                 .budget_ms = policy->place_budget_ms};
    int ends[2];

    (void)snprintf(path, sizeof(path), "%s/" HELPER_NAME, policy->helper_dir);
    (void)snprintf(uid, sizeof(uid), "%u", policy_uid(policy, plan));
    (void)snprintf(gid, sizeof(gid), "%u", policy_gid(policy, plan));
    if (write_order(policy, plan, &order) < 0)
        return err_set(e, order.failed, BLAME_BUG, "write the work order");
    order_fd = fd_sealed("work-order", order.data, order.len);
    if (order_fd < 0)
        return err_errno(e, -order_fd, BLAME_NODE, "write the work order");
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(e, errno, BLAME_NODE, "make the helper's pipe");
    answer_read = ends[0];
    answer_write = ends[1];
    (void)fd_set_nonblocking(answer_read, true);
    fds[0] = (struct helper_fd){order_fd, STDIN_FILENO};
    fds[1] = (struct helper_fd){home_fd, HELPER_HOME_FD};
    fds[2] = (struct helper_fd){answer_write, HELPER_ANSWER_FD};
    for (size_t i = 0; i < plan->placement_count; i++)
        fds[i + 3] = (struct helper_fd){placement_fds[i], HELPER_PLACEMENT_FD + (int)i};
    if (helper_start(&start, now, &ret->process, e) < 0)
        return e->code;
    ret->answer_fd = take_fd(&answer_read);
    return 0;
}

void place_read(struct place_helper *h)
{
    char chunk[8192];

    while (h->answer_fd >= 0) {
        ssize_t n = read(h->answer_fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            fd_close(&h->answer_fd);
            return;
        }
        (void)strbuf_add(&h->answer, chunk, (size_t)n);
    }
}

/* It did not say how its work went. */
static int helper_failed(const struct place_helper *h, struct err *e)
{
    int r = helper_result(&h->process, e);

    if (r == 0)
        return err_set(e, -EIO, BLAME_BUG, HELPER_NAME " ended without a whole answer");
    /* It answers whatever is wrong with the artifact or the node. */
    if (r == -EIO)
        e->blame = BLAME_BUG;
    if (r == -ETIMEDOUT && h->process.state == HELPER_ENDED)
        return err_set(e, r, BLAME_ASSIGNMENT,
                       "the artifact could not be placed in the time that this node gives it");
    return r;
}

/* One line of a successful answer. */
static int take_line(const struct fact *f, struct placed *placed, struct err *e)
{
    const char *key, *value;

    if (fact_string(f, "entry-file", &value)) {
        free(placed->entry);
        placed->entry = strdup(value);
        return placed->entry != NULL ? 0 : err_oom(e);
    }
    if (fact_string(f, "main-class", &value)) {
        if (!plan_path_valid(value))
            return err_set(e, -EBADMSG, BLAME_BUG, HELPER_NAME " gave a class with an unusable name");
        free(placed->main_class);
        placed->main_class = strdup(value);
        return placed->main_class != NULL ? 0 : err_oom(e);
    }
    if (fact_string(f, "env", &key)) {
        if (!env_key_valid(key))
            return err_set(e, -EBADMSG, BLAME_BUG, HELPER_NAME " gave a variable with an unusable name");
        return env_set(&placed->env, ENV_JOBRUNTIME, key, fact_str(f, "value")) < 0 ? err_oom(e) : 0;
    }
    (void)fact_int(f, "files", &placed->files);
    (void)fact_int(f, "bytes", &placed->bytes);
    return 0;
}

/* The first line tells success or the reason of a failure. */
static int take_first(const struct fact *f, struct err *e)
{
    bool unpacked = false, disk_full = false;

    (void)fact_bool(f, "unpacked", &unpacked);
    (void)fact_bool(f, "disk-full", &disk_full);
    if (unpacked)
        return 0;
    return err_set(e, disk_full ? -ENOSPC : -EBADMSG,
                   strcmp(fact_str(f, "blame"), "node") == 0 ? BLAME_NODE : BLAME_ASSIGNMENT, "%s",
                   fact_str(f, "reason"));
}

int place_result(const struct place_helper *h, struct placed *ret, struct err *e)
{
    struct placed placed = {0};
    const char *line = strbuf_str(&h->answer);
    const char *end = line + h->answer.len;
    bool first = true;
    int r = 0;

    if (h->answer.failed < 0)
        return err_set(e, -E2BIG, BLAME_ASSIGNMENT, "jobruntime.yaml sets too many variables");
    if (line == end)
        return helper_failed(h, e);
    while (r == 0 && line < end) {
        AUTO(fact) struct fact f = {0};
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t n = newline != NULL ? (size_t)(newline - line) : (size_t)(end - line);
        r = fact_decode(line, n, &f, e);
        if (r < 0)
            err_context(e, "answer of " HELPER_NAME);
        else
            r = first ? take_first(&f, e) : 0;
        if (r == 0)
            r = take_line(&f, &placed, e);
        first = false;
        line += n + 1;
    }
    if (r == 0 && placed.entry == NULL)
        r = helper_failed(h, e);
    if (r < 0) {
        placed_free(&placed);
        return r;
    }
    *ret = placed;
    return 0;
}

void place_close(struct place_helper *h)
{
    helper_close(&h->process);
    fd_close(&h->answer_fd);
    strbuf_free(&h->answer);
}
