/* verdict.c - see verdict.h. */
#include "record/verdict.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"

#define SHELL_DEADLINE    124
#define SHELL_NOT_RUN     125
#define SHELL_NO_EXEC     126
#define SHELL_NOT_FOUND   127
#define SHELL_SIGNAL_BASE 128
#define SHELL_CANCELLED   130

#define SIGNAL_TEXT_MAX 48

/* What each cause says and which state it ends in. CAUSE_EXITED and CAUSE_SIGNALED have sentences of their
 * own. */
static const struct cause_meaning {
    enum lifecycle_state state;
    const char *text;
} MEANING[CAUSE_COUNT] = {
    [CAUSE_NONE] = {STATE_FAILED, "Job run ended for an unknown reason."},
    [CAUSE_EXITED] = {STATE_FAILED, "Job run artifact execution failed."},
    [CAUSE_SIGNALED] = {STATE_FAILED, "Job run artifact execution was ended by a signal."},
    [CAUSE_OOM_KILLED] = {STATE_FAILED, "Job run exceeded its memory limit."},
    [CAUSE_DEADLINE_EXCEEDED] = {STATE_FAILED, "Job run exceeded its maximum runtime."},
    [CAUSE_CANCELLED] = {STATE_CANCELED, "Job run was cancelled."},
    [CAUSE_PREEMPTED] = {STATE_FAILED, "Job run was preempted."},
    [CAUSE_LEASE_LOST] = {STATE_FAILED, "Job run was stopped because its lease was lost."},
    [CAUSE_ASSIGNMENT_INVALID] = {STATE_FAILED, "Job run assignment is not valid."},
    [CAUSE_ARTIFACT_FETCH_FAILED] = {STATE_FAILED, "Job run artifact could not be fetched."},
    [CAUSE_ARTIFACT_REJECTED] = {STATE_FAILED, "Job run artifact was rejected."},
    [CAUSE_STORAGE_FAILED] = {STATE_FAILED, "Job run storage failed."},
    [CAUSE_IMAGE_FAILED] = {STATE_FAILED, "Job run container image could not be prepared."},
    [CAUSE_LAUNCH_FAILED] = {STATE_FAILED, "Job run artifact execution could not be started."},
    [CAUSE_LIMIT_NOT_APPLIED] = {STATE_FAILED, "Job run limits could not be applied."},
    [CAUSE_DISK_FULL] = {STATE_FAILED, "Job run failed because the disk is full."},
    [CAUSE_NODE_REBOOTED] = {STATE_FAILED, "Job run was ended by a restart of its node."},
    [CAUSE_SUPERVISOR_LOST] = {STATE_FAILED, "Job run lost its supervisor."},
    [CAUSE_UNKILLABLE] = {STATE_NEEDS_ATTENTION, "Job run could not be ended."},
    [CAUSE_GPU_LOST] = {STATE_FAILED, "Job run failed because a GPU was lost."},
    [CAUSE_INTERNAL] = {STATE_FAILED, "Job run failed because of an internal error."},
    [CAUSE_UNKNOWN] = {STATE_FAILED, "Job run ended for an unknown reason."},
    [CAUSE_PIDS_EXHAUSTED] = {STATE_FAILED, "Job run reached its limit of processes."},
    [CAUSE_DEVICE_BUSY] = {STATE_FAILED, "Job run could not have a device to itself."},
    [CAUSE_PROBE_FAILED] = {STATE_FAILED, "Job run did not become ready: its startup probe failed."},
    [CAUSE_GROUP_FAILED] = {STATE_FAILED, "Job run node was stopped because the run has failed on others."},
};

/* The end as far as the record can be believed: a status that no kernel gives means that nobody knows. */
static enum main_end end_of(const struct exit_record *record)
{
    switch (record->main_end) {
    case MAIN_NOT_STARTED: return MAIN_NOT_STARTED;
    case MAIN_EXITED: return record->status >= 0 && record->status <= 255 ? MAIN_EXITED : MAIN_UNKNOWN;
    case MAIN_SIGNALED: return record->status >= 1 && record->status < _NSIG ? MAIN_SIGNALED : MAIN_UNKNOWN;
    default: return MAIN_UNKNOWN;
    }
}

static enum cause cause_of(const struct exit_record *record, enum main_end end)
{
    if (!record->tree_gone)
        return CAUSE_UNKILLABLE;
    if ((unsigned)record->stop_cause >= CAUSE_COUNT)
        return CAUSE_UNKNOWN;
    /* "The job ended by itself" is no reason to stop it: whoever recorded that is wrong about something. */
    if (record->stop_cause == CAUSE_EXITED || record->stop_cause == CAUSE_SIGNALED)
        return CAUSE_INTERNAL;
    if (record->stop_cause != CAUSE_NONE)
        return record->stop_cause;
    if (end != MAIN_EXITED && end != MAIN_SIGNALED)
        return CAUSE_UNKNOWN;
    /* A SIGKILL is the memory limit's only when the kernel says that it killed this very process for it. */
    if (end == MAIN_SIGNALED && record->status == SIGKILL && record->oom.main_killed && record->oom.kills > 0)
        return CAUSE_OOM_KILLED;
    if (record->pids_refused > 0 && (end == MAIN_SIGNALED || record->status != 0))
        return CAUSE_PIDS_EXHAUSTED;
    return end == MAIN_EXITED ? CAUSE_EXITED : CAUSE_SIGNALED;
}

/* ---- the text ---- */

struct text {
    char *at;
    size_t size;
    size_t used;
};

static void __attribute__((format(printf, 2, 3))) add(struct text *t, const char *fmt, ...)
{
    va_list ap;
    int n;

    if (t->used + 1 >= t->size)
        return;
    va_start(ap, fmt);
    n = vsnprintf(t->at + t->used, t->size - t->used, fmt, ap);
    va_end(ap);
    if (n <= 0)
        return;
    if ((size_t)n < t->size - t->used) {
        t->used += (size_t)n;
        return;
    }
    /* Cut: not in the middle of a character. */
    t->used = t->size - 1;
    while (t->used > 0 && ((unsigned char)t->at[t->used - 1] & 0xC0) == 0x80)
        t->used--;
    if (t->used > 0 && (unsigned char)t->at[t->used - 1] >= 0xC0)
        t->used--;
    t->at[t->used] = '\0';
    t->size = t->used + 1;
}

/*
 * Adds words that are not ours: an error's text, or the names of processes, which the job chooses. Clients
 * look for "exit code N" in the details and believe it, so such words must not say it.
 */
static void add_foreign(struct text *t, const char *words)
{
    static const char PHRASE[] = "exit code";

    for (const char *hit; (hit = strstr(words, PHRASE)) != NULL; words = hit + sizeof(PHRASE) - 1)
        add(t, "%.*sexit status", (int)(hit - words), words);
    add(t, "%s", words);
}

static void signal_text(const struct exit_record *record, char out[SIGNAL_TEXT_MAX])
{
    const char *name = sigabbrev_np(record->status);
    const char *core = record->core_dumped ? "core dumped" : "";

    if (name != NULL)
        (void)snprintf(out, SIGNAL_TEXT_MAX, "signal %d (SIG%s%s%s)", record->status, name,
                       record->core_dumped ? ", " : "", core);
    else
        (void)snprintf(out, SIGNAL_TEXT_MAX, "signal %d%s%s%s", record->status,
                       record->core_dumped ? " (" : "", core, record->core_dumped ? ")" : "");
}

/* What is known of the main process, after the sentence of a cause that is not its own end. */
static void add_end(struct text *t, const struct exit_record *record, enum main_end end)
{
    char signal[SIGNAL_TEXT_MAX];

    switch (end) {
    case MAIN_EXITED: add(t, " Its main process ended with status %d.", record->status); break;
    case MAIN_SIGNALED:
        signal_text(record, signal);
        add(t, " Its main process was ended by %s.", signal);
        break;
    case MAIN_NOT_STARTED: add(t, " Artifact execution had not started."); break;
    default: add(t, " How its main process ended is not known."); break;
    }
}

/* The sentence of a cause, with why: "Job run artifact was rejected: bad zip (assignment). ..." */
static void add_cause(struct text *t, enum cause cause, const struct exit_record *record)
{
    const char *sentence = MEANING[cause].text;
    const char *why =
        cause == CAUSE_UNKILLABLE && record->left_behind[0] != '\0' ? record->left_behind : record->reason;

    if (why[0] == '\0') {
        add(t, "%s", sentence);
        return;
    }
    add(t, "%.*s: ", (int)strlen(sentence) - 1, sentence);
    add_foreign(t, why);
    if (why == record->reason && record->blame != BLAME_NONE)
        add(t, " (%s)", blame_name(record->blame));
    add(t, ".");
}

static void add_bytes(struct text *t, int64_t bytes)
{
    struct run_usage one = {0};
    char text[USAGE_TEXT_MAX];

    usage_set(&one, USAGE_MEMORY_BYTES, bytes);
    usage_format(&one, USAGE_MEMORY_BYTES, text);
    add(t, "%s", text);
}

/* Which process, of how much, with whom. */
static void add_oom(struct text *t, const struct exit_record *record)
{
    const struct oom_facts *oom = &record->oom;
    int64_t peak;

    add(t, " The kernel killed ");
    if (oom->command[0] != '\0')
        add_foreign(t, oom->command);
    else
        add(t, "a process");
    if (oom->pid > 0)
        add(t, " (pid %lld)", (long long)oom->pid);
    if (oom->kills > 1)
        add(t, " and %lld more", (long long)(oom->kills - 1));
    if (oom->limit_bytes > 0) {
        add(t, " at the memory limit of ");
        add_bytes(t, oom->limit_bytes);
    } else {
        add(t, " for want of memory");
    }
    if (usage_get(&record->usage, USAGE_MEMORY_PEAK_BYTES, &peak)) {
        add(t, "; the peak was ");
        add_bytes(t, peak);
    }
    if (oom->others[0] != '\0') {
        add(t, "; also there: ");
        add_foreign(t, oom->others);
    }
    add(t, ".");
}

/* What the run went through on its way, whatever ended it. */
static void add_circumstances(struct text *t, enum cause cause, const struct exit_record *record)
{
    if (record->oom.kills > 0)
        add_oom(t, record);
    if (record->pids_refused > 0)
        add(t, " Its limit of %lld processes refused new ones %lld %s.", (long long)record->pids_limit,
            (long long)record->pids_refused, record->pids_refused == 1 ? "time" : "times");
    if (cause == CAUSE_SIGNALED && record->status == SIGXFSZ)
        add(t, " A file had reached the limit on its size.");
    if (record->node[0] != '\0') {
        add(t, " This was ");
        add_foreign(t, record->node);
        add(t, ".");
    }
    if (record->held_devices[0] != '\0') {
        add(t, " Its node takes no further run, for others hold what was this one's: ");
        add_foreign(t, record->held_devices);
        add(t, ".");
    }
}

static void describe(struct verdict *v, const struct exit_record *record, enum main_end end)
{
    struct text t = {v->details, sizeof(v->details), 0};
    char signal[SIGNAL_TEXT_MAX];

    if (v->state == STATE_SUCCEEDED) {
        add(&t, "Job run artifact execution succeeded.");
    } else if (v->cause == CAUSE_EXITED ||
               (v->cause == CAUSE_PIDS_EXHAUSTED && record->stop_cause == CAUSE_NONE && end == MAIN_EXITED)) {
        add(&t, "Job run artifact execution failed with exit code %d.", record->status);
    } else if (v->cause == CAUSE_SIGNALED) {
        signal_text(record, signal);
        add(&t, "Job run artifact execution was ended by %s.", signal);
    } else {
        add_cause(&t, v->cause, record);
        add_end(&t, record, end);
    }
    add_circumstances(&t, v->cause, record);
}

static int end_code(enum cause cause, enum main_end end, const struct exit_record *record)
{
    if (cause == CAUSE_EXITED)
        return record->status;
    if (cause == CAUSE_SIGNALED && end == MAIN_SIGNALED)
        return END_CODE_SIGNAL + record->status;
    return END_CODE_PLATFORM + (int)cause;
}

struct verdict verdict_of(const struct exit_record *record)
{
    enum main_end end = end_of(record);
    struct verdict v = {.cause = cause_of(record, end)};

    v.state = MEANING[v.cause].state;
    if (end == MAIN_EXITED) {
        v.has_exit_code = true;
        v.exit_code = record->status;
    }
    if (v.cause == CAUSE_EXITED && record->status == 0)
        v.state = STATE_SUCCEEDED;
    v.end_code = end_code(v.cause, end, record);
    describe(&v, record, end);
    return v;
}

/* ---- the shell's view ---- */

static int launch_status(const struct exit_record *record)
{
    switch (record->launch_errno) {
    case ENOENT: return SHELL_NOT_FOUND;
    case EACCES:
    case ENOEXEC: return SHELL_NO_EXEC;
    default: return SHELL_NOT_RUN;
    }
}

int verdict_shell_status(const struct verdict *verdict, const struct exit_record *record)
{
    enum main_end end = end_of(record);

    if (verdict->state == STATE_SUCCEEDED)
        return 0;
    if (verdict->cause == CAUSE_DEADLINE_EXCEEDED)
        return SHELL_DEADLINE;
    if (end == MAIN_EXITED && record->status != 0)
        return record->status;
    if (verdict->cause == CAUSE_CANCELLED)
        return SHELL_CANCELLED;
    if (verdict->cause == CAUSE_LAUNCH_FAILED && end == MAIN_NOT_STARTED)
        return launch_status(record);
    return end == MAIN_SIGNALED ? SHELL_SIGNAL_BASE + record->status : SHELL_NOT_RUN;
}
