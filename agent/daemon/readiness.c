/* readiness.c - see readiness.h. */
#include "daemon/readiness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "daemon/drained.h"
#include "daemon/health_watch.h"
#include "daemon/leave.h"
#include "daemon/notices.h"
#include "run/attention.h"
#include "sys/fd.h"

/* Below this, logs and records of another run are not safe. */
#define DISK_RESERVE_BYTES (64ULL << 20)

/*
 * A file in the agent's folder: during the boot that it names something of a run is left, which the next one may need. It
 * goes with a restart of the machine, or when somebody removes it.
 */
#define ATTENTION_NAME ".needs-attention"

static bool needs_attention(int agent_fd, char *ret_what, size_t size)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(ATTENTION_TEXT_MAX);
    char boot[BOOT_ID_MAX];

    ret_what[0] = '\0';
    boot_id_read(boot);
    return file_read(agent_fd, ATTENTION_NAME, &text) == 0 &&
           attention_read(strbuf_str(&text), boot, ret_what, size);
}

/* What is left of the run; "" when nothing is. */
static const char *left_of(const struct run *run)
{
    if (run->verdict.state == STATE_NEEDS_ATTENTION)
        return run->record.left_behind;
    return run->record.held_devices;
}

void agent_note_attention(const struct agent *a, const struct run *run)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(ATTENTION_TEXT_MAX);
    char boot[BOOT_ID_MAX];
    int r;

    if (run->verdict.state != STATE_NEEDS_ATTENTION && left_of(run)[0] == '\0')
        return;
    boot_id_read(boot);
    if (file_read(a->agent_fd, ATTENTION_NAME, &text) < 0)
        strbuf_reset(&text);
    r = attention_add(&text, boot, run->id, left_of(run));
    if (r == 0)
        r = file_replace(a->agent_fd, ATTENTION_NAME, text.data, text.len, 0640);
    log_error("run=%s has left something behind: this node takes no further run (%s)", run->id,
              r == 0 ? left_of(run) : strerror(-r));
}

int agent_drain(struct agent *a, const char *reason)
{
    int r = drained_set(a->agent_fd, reason);

    if (r < 0)
        log_error("the node is not drained: %s", strerror(-r));
    else
        log_notice("the node is drained: it takes up no further run%s%s", reason[0] != '\0' ? ": " : "",
                   reason);
    agent_admit(a);
    return r;
}

int agent_undrain(struct agent *a)
{
    int r = drained_clear(a->agent_fd);

    if (r < 0)
        log_error("the node stays drained: %s", strerror(-r));
    else
        log_notice("the node takes up runs again");
    agent_admit(a);
    return r;
}

static uint64_t disk_free(int dir_fd)
{
    struct statvfs vfs;

    return fstatvfs(dir_fd, &vfs) == 0 ? (uint64_t)vfs.f_bavail * vfs.f_frsize : UINT64_MAX;
}

/* What keeps runs away; "" when nothing does. */
static void put_unfit(const struct agent *a, char *ret, size_t size)
{
    const struct health_result *results = health_results(a);

    ret[0] = '\0';
    if (results != NULL)
        health_blocking_text(results, ret, size);
}

struct admission agent_admission(const struct agent *a)
{
    char what[ATTENTION_TEXT_MAX];
    char unfit[AGENT_NOT_READY_MAX / 2];
    struct drained drained;

    put_unfit(a, unfit, sizeof(unfit));
    return (struct admission){.concurrency = (size_t)a->config->concurrency,
                              .active = engine_active(a->engine),
                              .places = 1,
                              .stopping = a->stopping,
                              .going_down = access(a->layout->drain, F_OK) == 0,
                              .drained = drained_read(a->agent_fd, &drained),
                              .disk_free = disk_free(a->launcher.runs_fd),
                              .taken_away = notices_current(a) != NULL,
                              .leaving = leave_begun(a),
                              .unfit = unfit[0] != '\0',
                              .attention = needs_attention(a->agent_fd, what, sizeof(what)),
                              .disk_reserve = DISK_RESERVE_BYTES};
}

/* What the answer's own words cannot say; "" when there is nothing. */
static void put_detail(const struct agent *a, enum admission_answer answer, char *ret, size_t size)
{
    char time[RFC3339_MAX];
    struct drained drained;

    ret[0] = '\0';
    if (answer == ADMIT_NOT_ATTENTION)
        (void)needs_attention(a->agent_fd, ret, size);
    if (answer == ADMIT_NOT_TAKEN_AWAY) {
        wall_format(notices_current(a)->when, time);
        (void)snprintf(ret, size, "%s, at %s", notices_current(a)->what, time);
    }
    if (answer == ADMIT_NOT_FIT)
        put_unfit(a, ret, size);
    if (answer == ADMIT_NOT_DRAINED && drained_read(a->agent_fd, &drained)) {
        wall_format(drained.since, time);
        (void)snprintf(ret, size, "since %s%s%s", time, drained.reason[0] != '\0' ? ": " : "",
                       drained.reason);
    }
}

void agent_not_ready(const struct agent *a, char *ret, size_t size)
{
    const struct admission state = agent_admission(a);
    enum admission_answer answer = admission_decide(&state);
    char detail[ATTENTION_TEXT_MAX];

    put_detail(a, answer, detail, sizeof(detail));
    (void)snprintf(ret, size, detail[0] != '\0' ? "%s (%s)" : "%s%s", admission_text(answer), detail);
}
