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
#include "run/attention.h"
#include "sys/fd.h"

/* Below this, logs and records of another run are not safe. */
#define DISK_RESERVE_BYTES (64ULL << 20)

/*
 * A file in the agent's folder: during the boot that it names something of a run is left, which the next one may need. It
 * goes with a restart of the machine, or when somebody removes it.
 */
#define ATTENTION_NAME "needs-attention"

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

/* A file in the agent's folder: somebody wants the node to be emptied, over restarts of agent and machine too. It holds the
 * reason. */
#define DRAINED_NAME "drained"

int agent_drain(struct agent *a, const char *reason)
{
    int r = file_replace(a->agent_fd, DRAINED_NAME, reason, strlen(reason), 0640);

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
    int r = unlinkat(a->agent_fd, DRAINED_NAME, 0) < 0 && errno != ENOENT ? -errno : 0;

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

struct admission agent_admission(const struct agent *a)
{
    char what[ATTENTION_TEXT_MAX];

    return (struct admission){.concurrency = (size_t)a->config->concurrency,
                              .active = engine_active(a->engine),
                              .places = 1,
                              .stopping = a->stopping,
                              .draining = access(a->layout->drain, F_OK) == 0 ||
                                          faccessat(a->agent_fd, DRAINED_NAME, F_OK, 0) == 0,
                              .disk_free = disk_free(a->launcher.runs_fd),
                              .attention = needs_attention(a->agent_fd, what, sizeof(what)),
                              .disk_reserve = DISK_RESERVE_BYTES};
}

void agent_not_ready(const struct agent *a, char *ret, size_t size)
{
    const struct admission state = agent_admission(a);
    enum admission_answer answer = admission_decide(&state);
    char what[ATTENTION_TEXT_MAX];

    if (answer == ADMIT_NOT_ATTENTION && needs_attention(a->agent_fd, what, sizeof(what)))
        (void)snprintf(ret, size, "%s (%s)", admission_text(answer), what);
    else
        (void)snprintf(ret, size, "%s", admission_text(answer));
}
