/* housekeeping.c - see housekeeping.h. */
#include "daemon/housekeeping.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "assignment/local/submission.h"
#include "base/auto.h"
#include "base/limits.h"
#include "base/log.h"
#include "daemon/group_run.h"
#include "daemon/run_view.h"
#include "run/retention.h"
#include "sys/fd.h"
#include "wire/message.h"

#define LOOK_EVERY_MS   (60LL * 60 * 1000)
#define NEXT_REMOVAL_MS 10
/* A `runlet run` that was killed leaves its run to us; it goes on meanwhile. */
#define TAKE_OVER_MS 2000

struct housekeeping {
    struct agent *agent; /* borrowed */
    struct loop_timer *look;
    struct loop_timer *take_over;
    struct timespec agent_changed; /* the agent's folder, when it was last gone through */
    size_t held;                   /* unfinished runs there that another process had */
    struct loop_watch *watch;      /* of the connection of the removal that is going on */
    int fd;                        /* owned: that connection; -1 for none */
    char id[RUN_ID_BYTES];         /* the run being removed */
};

static void look(void *context);

static void again(struct housekeeping *h, int64_t ms)
{
    loop_watch_free(h->watch);
    h->watch = NULL;
    fd_close(&h->fd);
    loop_timer_start(h->look, (uint64_t)ms, 0);
}

/* The privileged side has removed its folder: ours goes too, and the next run is looked for. */
static void answered(void *context)
{
    struct housekeeping *h = context;
    struct message m;
    size_t none = 0;
    int r;

    while ((r = message_receive(h->fd, &m, NULL, 0, &none)) == 1) {
        if (m.type == MESSAGE_REMOVED) {
            (void)tree_remove(h->agent->agent_fd, h->id);
            log_info("run=%s forgotten by the node's retention", h->id);
            again(h, NEXT_REMOVAL_MS);
            return;
        }
        if (m.type == MESSAGE_REFUSED) {
            log_warning("run=%s cannot be removed: %s", h->id, m.text);
            break;
        }
    }
    if (r != -EAGAIN)
        again(h, LOOK_EVERY_MS);
}

static void ask(struct housekeeping *h, const char *id)
{
    struct message m = {.type = MESSAGE_REMOVE, .version = PROTOCOL_VERSION};
    struct err e = ERR_INIT;

    (void)snprintf(h->id, sizeof(h->id), "%s", id);
    (void)snprintf(m.run_id, sizeof(m.run_id), "%s", id);
    h->fd = gate_connect(&h->agent->gate, &e);
    if (h->fd >= 0) {
        (void)fd_set_nonblocking(h->fd, true);
        h->watch = loop_watch_new(h->agent->loop, h->fd, answered, h);
    }
    if (h->watch == NULL || message_send(h->fd, &m, NULL, 0) < 0)
        again(h, LOOK_EVERY_MS);
}

/* Fills what retention needs to know, the oldest first. `ids` has the newest first. */
static size_t collect(const struct housekeeping *h, const struct strlist *ids, struct retained *runs,
                      size_t *index)
{
    size_t count = 0;

    for (size_t i = ids->count; i-- > 0;) {
        struct run_view view;
        struct err e = ERR_INIT;
        char path[256];
        if (!agent_run_finished(h->agent->agent_fd, ids->item[i]) ||
            group_keeps(h->agent->agent_fd, ids->item[i]) ||
            run_view_read(h->agent->layout, ids->item[i], &view, &e) < 0)
            continue;
        (void)snprintf(path, sizeof(path), "%.215s/" AGENT_KEEP_NAME, ids->item[i]);
        runs[count] = (struct retained){.ended_at = view.record.ended_at,
                                        .bytes = view.record.disk_bytes + view.log_bytes,
                                        .keep = faccessat(h->agent->agent_fd, path, F_OK, 0) == 0};
        index[count++] = i;
    }
    return count;
}

/* What killed submitters left behind. */
static void put_in_order(const struct housekeeping *h)
{
    size_t count = submission_sweep(h->agent->queue_fd, clock_wall()) +
                   submission_sweep(h->agent->agent_fd, clock_wall());

    if (count > 0)
        log_info("%zu submissions that came to nothing were removed", count);
}

static void look(void *context)
{
    struct housekeeping *h = context;
    const struct retention_policy policy = {.age_ms = h->agent->config->retention_days * 24 * 3600 * 1000,
                                            .bytes = (uint64_t)h->agent->config->retention_bytes};
    AUTO(strlist) struct strlist ids = {0};
    AUTO_FREE struct retained *runs = NULL;
    AUTO_FREE size_t *index = NULL;
    struct err e = ERR_INIT;
    size_t count;

    if (run_view_list(h->agent->layout, &ids, &e) < 0)
        log_warning("retention: %s", e.text);
    runs = calloc(ids.count + 1, sizeof(*runs));
    index = calloc(ids.count + 1, sizeof(*index));
    count = runs != NULL && index != NULL ? collect(h, &ids, runs, index) : 0;
    if (count > 0 && retention_choose(&policy, runs, count, clock_wall()) > 0)
        for (size_t i = 0; i < count; i++)
            if (runs[i].remove) {
                ask(h, ids.item[index[i]]);
                return;
            }
    put_in_order(h);
    fetcher_evict(&h->agent->fetcher);
    loop_timer_start(h->look, LOOK_EVERY_MS, 0);
}

/* Looks for unfinished runs that their process has left. A thousand finished ones are gone through only when the folder
 * has changed, or just may have within the clock of its file system. And what lets the node take up runs may have come or gone
 * without a word: space on its disk, the files of a drain. */
static void take_over(void *context)
{
    struct housekeeping *h = context;
    struct stat st;
    bool changed;

    agent_admit(h->agent);
    if (fstat(h->agent->agent_fd, &st) < 0)
        return;
    changed = st.st_mtim.tv_sec != h->agent_changed.tv_sec ||
              st.st_mtim.tv_nsec != h->agent_changed.tv_nsec ||
              clock_wall().ms - st.st_mtim.tv_sec * 1000LL < 2 * TAKE_OVER_MS;
    if (!changed && h->held == 0)
        return;
    h->agent_changed = st.st_mtim;
    if (agent_adopt_all(h->agent, &h->held) > 0)
        agent_admit(h->agent);
}

struct housekeeping *housekeeping_start(struct agent *agent, struct err *e)
{
    struct housekeeping *h = calloc(1, sizeof(*h));

    if (h != NULL) {
        *h = (struct housekeeping){.agent = agent, .fd = -1};
        h->look = loop_timer_new(agent->loop, look, h);
        h->take_over = loop_timer_new(agent->loop, take_over, h);
    }
    if (h == NULL || h->look == NULL || h->take_over == NULL) {
        housekeeping_stop(h);
        (void)err_oom(e);
        return NULL;
    }
    loop_timer_start(h->look, 0, 0);
    loop_timer_start(h->take_over, TAKE_OVER_MS, TAKE_OVER_MS);
    return h;
}

void housekeeping_stop(struct housekeeping *h)
{
    if (h == NULL)
        return;
    loop_watch_free(h->watch);
    fd_close(&h->fd);
    loop_timer_free(h->look);
    loop_timer_free(h->take_over);
    free(h);
}
