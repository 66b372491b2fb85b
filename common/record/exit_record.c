/* exit_record.c - see exit_record.h. */
#include "record/exit_record.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "base/fact.h"
#include "base/parse.h"
#include "record/files.h"

#define EXIT_RECORD_VERSION 1
#define EXIT_RECORD_MODE    0640
#define ERRNO_MAX           4095
#define TEMP_NAME_MAX       48

static const char *const MAIN_END_NAMES[MAIN_END_COUNT] = {
    [MAIN_NOT_STARTED] = "not-started",
    [MAIN_EXITED] = "exited",
    [MAIN_SIGNALED] = "signaled",
    [MAIN_UNKNOWN] = "unknown",
};

const char *main_end_name(enum main_end end)
{
    return (unsigned)end < MAIN_END_COUNT ? MAIN_END_NAMES[end] : "?";
}

enum main_end main_end_from_name(const char *name)
{
    for (unsigned i = 0; i < MAIN_END_COUNT; i++)
        if (strcmp(MAIN_END_NAMES[i], name) == 0)
            return (enum main_end)i;
    return MAIN_END_COUNT;
}

/* ---- encoding ---- */

static void put_time(struct fact_writer *w, const char *key, wall_ms_t t)
{
    char text[RFC3339_MAX];

    if (t.ms == 0)
        return;
    wall_format(t, text);
    fact_put_string(w, key, text);
}

/* Only what happened is written: most runs stay below their limits. */
static void put_limits_reached(struct fact_writer *w, const struct exit_record *record)
{
    const struct oom_facts *oom = &record->oom;

    if (oom->kills > 0) {
        fact_put_int(w, "oom-kills", oom->kills);
        fact_put_bool(w, "oom-main", oom->main_killed);
        fact_put_int(w, "oom-pid", oom->pid);
        fact_put_string(w, "oom-command", oom->command);
        fact_put_int(w, "oom-limit", oom->limit_bytes);
        fact_put_string(w, "oom-others", oom->others);
    }
    if (record->pids_refused > 0) {
        fact_put_int(w, "pids-refused", record->pids_refused);
        fact_put_int(w, "pids-limit", record->pids_limit);
    }
}

int exit_record_encode(const struct exit_record *record, struct strbuf *out, struct err *e)
{
    struct fact_writer w = fact_begin(out);
    int r;

    fact_put_int(&w, "exit", EXIT_RECORD_VERSION);
    fact_put_string(&w, "run", record->run_id);
    fact_put_string(&w, "main", main_end_name(record->main_end));
    fact_put_int(&w, "status", record->status);
    fact_put_bool(&w, "core-dumped", record->core_dumped);
    fact_put_string(&w, "stop-cause", cause_name(record->stop_cause));
    fact_put_string(&w, "blame", blame_name(record->blame));
    fact_put_string(&w, "reason", record->reason);
    fact_put_int(&w, "launch-errno", record->launch_errno);
    fact_put_bool(&w, "tree-gone", record->tree_gone);
    fact_put_string(&w, "left-behind", record->left_behind);
    put_time(&w, "accepted-at", record->accepted_at);
    put_time(&w, "started-at", record->started_at);
    put_time(&w, "ended-at", record->ended_at);
    fact_put_int(&w, "log-bytes", (int64_t)record->log_bytes);
    fact_put_int(&w, "log-lines", (int64_t)record->log_lines);
    fact_put_bool(&w, "log-complete", record->log_complete);
    fact_put_int(&w, "disk-bytes", (int64_t)record->disk_bytes);
    fact_put_string(&w, "witness", record->witness);
    put_limits_reached(&w, record);
    usage_put(&w, &record->usage);
    if (record->node[0] != '\0')
        fact_put_string(&w, "node", record->node);
    if (record->held_devices[0] != '\0')
        fact_put_string(&w, "held-devices", record->held_devices);
    if (record->checkpoint[0] != '\0')
        fact_put_string(&w, "checkpoint", record->checkpoint);
    r = fact_end(&w);
    return r < 0 ? err_set(e, r, BLAME_NODE, "the exit record could not be built") : 0;
}

/* ---- decoding ---- */

/* Copies text into a field of size bytes; what does not fit is cut at a character's end. */
static void copy_text(char *field, size_t size, const char *text)
{
    size_t n = strlen(text);

    if (n >= size) {
        n = size - 1;
        while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80)
            n--;
    }
    memcpy(field, text, n);
    field[n] = '\0';
}

static int refuse(struct err *e, const char *key)
{
    return err_set(e, -EBADMSG, BLAME_NODE, "exit record: '%s' is missing or not valid", key);
}

/* A time is absent (0) or exactly as put_time writes it. */
static int get_time(const struct fact *f, const char *key, wall_ms_t *ret, struct err *e)
{
    const char *text;
    char again[RFC3339_MAX];
    wall_ms_t t;

    if (!fact_string(f, key, &text))
        return 0;
    if (wall_parse(text, &t) < 0)
        return refuse(e, key);
    wall_format(t, again);
    if (strcmp(again, text) != 0)
        return refuse(e, key);
    *ret = t;
    return 0;
}

static int get_count(const struct fact *f, const char *key, uint64_t *ret, struct err *e)
{
    int64_t n = 0;

    (void)fact_int(f, key, &n);
    if (n < 0)
        return refuse(e, key);
    *ret = (uint64_t)n;
    return 0;
}

/* How the main process ended; a status that the kernel cannot have given is refused. */
static int get_end(const struct fact *f, struct exit_record *r, struct err *e)
{
    const char *name;
    int64_t status = 0;

    if (!fact_string(f, "main", &name))
        return refuse(e, "main");
    r->main_end = main_end_from_name(name);
    if (r->main_end == MAIN_END_COUNT)
        r->main_end = MAIN_UNKNOWN;
    if (r->main_end == MAIN_NOT_STARTED || r->main_end == MAIN_UNKNOWN)
        return 0;
    if (!fact_int(f, "status", &status) ||
        (r->main_end == MAIN_EXITED ? status < 0 || status > 255 : status < 1 || status >= _NSIG))
        return refuse(e, "status");
    r->status = (int)status;
    (void)fact_bool(f, "core-dumped", &r->core_dumped);
    return 0;
}

static int get_stop(const struct fact *f, struct exit_record *r, struct err *e)
{
    const char *name;
    int64_t number = 0;

    if (!fact_string(f, "stop-cause", &name))
        return refuse(e, "stop-cause");
    r->stop_cause = cause_from_name(name);
    if (r->stop_cause == CAUSE_COUNT)
        r->stop_cause = CAUSE_UNKNOWN;
    r->blame = blame_from_name(fact_str(f, "blame"));
    copy_text(r->reason, sizeof(r->reason), fact_str(f, "reason"));
    (void)fact_int(f, "launch-errno", &number);
    if (number < 0 || number > ERRNO_MAX)
        return refuse(e, "launch-errno");
    r->launch_errno = (int)number;
    if (!fact_bool(f, "tree-gone", &r->tree_gone))
        return refuse(e, "tree-gone");
    copy_text(r->left_behind, sizeof(r->left_behind), fact_str(f, "left-behind"));
    return 0;
}

static void get_limits_reached(const struct fact *f, struct exit_record *r)
{
    (void)fact_int(f, "oom-kills", &r->oom.kills);
    (void)fact_bool(f, "oom-main", &r->oom.main_killed);
    (void)fact_int(f, "oom-pid", &r->oom.pid);
    (void)fact_int(f, "oom-limit", &r->oom.limit_bytes);
    copy_text(r->oom.command, sizeof(r->oom.command), fact_str(f, "oom-command"));
    copy_text(r->oom.others, sizeof(r->oom.others), fact_str(f, "oom-others"));
    (void)fact_int(f, "pids-refused", &r->pids_refused);
    (void)fact_int(f, "pids-limit", &r->pids_limit);
}

static int from_fact(const struct fact *f, struct exit_record *r, struct err *e)
{
    int64_t version;
    int result;

    if (!fact_int(f, "exit", &version) || version != EXIT_RECORD_VERSION)
        return refuse(e, "exit");
    if (!run_name_valid(fact_str(f, "run")))
        return refuse(e, "run");
    copy_text(r->run_id, sizeof(r->run_id), fact_str(f, "run"));
    copy_text(r->witness, sizeof(r->witness), fact_str(f, "witness"));
    result = get_end(f, r, e);
    if (result == 0)
        result = get_stop(f, r, e);
    if (result == 0)
        result = get_time(f, "accepted-at", &r->accepted_at, e);
    if (result == 0)
        result = get_time(f, "started-at", &r->started_at, e);
    if (result == 0)
        result = get_time(f, "ended-at", &r->ended_at, e);
    if (result == 0)
        result = get_count(f, "log-bytes", &r->log_bytes, e);
    if (result == 0)
        result = get_count(f, "log-lines", &r->log_lines, e);
    if (result == 0)
        result = get_count(f, "disk-bytes", &r->disk_bytes, e);
    /* Records without the word were written by supervisors that had read to the end. */
    if (!fact_bool(f, "log-complete", &r->log_complete))
        r->log_complete = true;
    get_limits_reached(f, r);
    usage_take(f, &r->usage);
    copy_text(r->node, sizeof(r->node), fact_str(f, "node"));
    copy_text(r->held_devices, sizeof(r->held_devices), fact_str(f, "held-devices"));
    copy_text(r->checkpoint, sizeof(r->checkpoint), fact_str(f, "checkpoint"));
    return result;
}

int exit_record_decode(const char *text, size_t n, struct exit_record *ret, struct err *e)
{
    AUTO(fact) struct fact f = {0};
    struct exit_record record = {0};
    int r;

    if (n == 0 || text[n - 1] != '\n')
        return err_set(e, -EBADMSG, BLAME_NODE, "exit record: cut short");
    r = fact_decode(text, n, &f, e);
    if (r < 0)
        return err_context(e, "exit record");
    r = from_fact(&f, &record, e);
    if (r == 0)
        *ret = record;
    return r;
}

/* ---- the file ---- */

int exit_record_read(int dir_fd, struct exit_record *ret, struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(FACT_LINE_MAX);
    int r = load_file(dir_fd, EXIT_RECORD_NAME, &text, e);

    return r < 0 ? r : exit_record_decode(strbuf_str(&text), text.len, ret, e);
}

/* Gives the temporary file its name, unless there is a file of that name. */
static int publish(int dir_fd, const char *temp)
{
    if (renameat2(dir_fd, temp, dir_fd, EXIT_RECORD_NAME, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -errno;
    /* The file system cannot do it in one step; a second name refuses to replace as well. */
    if (linkat(dir_fd, temp, dir_fd, EXIT_RECORD_NAME, 0) < 0)
        return -errno;
    (void)unlinkat(dir_fd, temp, 0);
    return 0;
}

static int write_temp(int dir_fd, const char *temp, const struct strbuf *line)
{
    AUTO_CLOSE int fd = -1;
    int r;

    /* One left by a writer of this process id that crashed. */
    (void)unlinkat(dir_fd, temp, 0);
    fd = openat(dir_fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, EXIT_RECORD_MODE);
    if (fd < 0)
        return -errno;
    CRASH_POINT("record-made");
    r = write_at(fd, line->data, line->len, 0);
    CRASH_POINT("record-written");
    if (r == 0 && fsync(fd) < 0)
        r = -errno;
    CRASH_POINT("record-synced");
    return r;
}

int exit_record_write(int dir_fd, const struct exit_record *record, struct err *e)
{
    AUTO(strbuf) struct strbuf line = STRBUF_INIT(FACT_LINE_MAX);
    char temp[TEMP_NAME_MAX];
    int r = exit_record_encode(record, &line, e);

    if (r < 0)
        return r;
    (void)snprintf(temp, sizeof(temp), ".%s.%ld.tmp", EXIT_RECORD_NAME, (long)getpid());
    r = write_temp(dir_fd, temp, &line);
    if (r == 0)
        r = publish(dir_fd, temp);
    if (r < 0) {
        (void)unlinkat(dir_fd, temp, 0);
        return err_errno(e, -r, BLAME_NODE, "write the exit record");
    }
    CRASH_POINT("record-renamed");
    if (fsync(dir_fd) < 0)
        return err_errno(e, errno, BLAME_NODE, "sync the directory of the exit record");
    CRASH_POINT("record-kept");
    return 0;
}
