/* run_view.c - see run_view.h. */
#include "daemon/run_view.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/parse.h"
#include "engine/engine.h"
#include "fetch/fetch.h"
#include "format/read.h"
#include "record/containment.h"
#include "record/journal.h"
#include "run/table.h"
#include "sys/fd.h"

#define VIEW_JSON_MAX (64U * 1024)

/* ---- lists ---- */

struct dated {
    char id[RUN_ID_BYTES];
    struct timespec time;
};

static int newest_first(const void *a, const void *b)
{
    const struct dated *x = a, *y = b;

    if (x->time.tv_sec != y->time.tv_sec)
        return x->time.tv_sec < y->time.tv_sec ? 1 : -1;
    if (x->time.tv_nsec != y->time.tv_nsec)
        return x->time.tv_nsec < y->time.tv_nsec ? 1 : -1;
    return strcmp(y->id, x->id);
}

/* The time the assignment was written stands for the run's acceptance: it never changes. */
static bool date(int dir_fd, const char *id, struct timespec *ret)
{
    char path[256];
    struct stat st;

    (void)snprintf(path, sizeof(path), "%.215s/assignment.json", id);
    if (fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    *ret = st.st_mtim;
    return true;
}

static int collect(DIR *dir, int dir_fd, struct dated **ret, size_t *ret_count)
{
    const struct dirent *entry;
    struct dated *list = NULL;
    size_t count = 0, cap = 0;

    while ((entry = readdir(dir)) != NULL) {
        struct dated item = {0};
        if (!run_name_valid(entry->d_name) || !date(dir_fd, entry->d_name, &item.time))
            continue;
        if (count == cap) {
            struct dated *grown = realloc(list, (cap = cap == 0 ? 64 : cap * 2) * sizeof(*grown));
            if (grown == NULL) {
                free(list);
                return -ENOMEM;
            }
            list = grown;
        }
        (void)snprintf(item.id, sizeof(item.id), "%.215s", entry->d_name);
        list[count++] = item;
    }
    *ret = list;
    *ret_count = count;
    return 0;
}

static int list_folder(const char *path, struct strlist *ret, struct err *e)
{
    AUTO_CLOSE int dir_fd = dir_open(AT_FDCWD, path);
    AUTO_FREE struct dated *list = NULL;
    size_t count = 0;
    DIR *dir;
    int r;

    if (dir_fd == -ENOENT)
        return 0;
    if (dir_fd < 0)
        return err_errno(e, -dir_fd, BLAME_NODE, "open %s", path);
    dir = opendir(path);
    if (dir == NULL)
        return err_errno(e, errno, BLAME_NODE, "list %s", path);
    r = collect(dir, dir_fd, &list, &count);
    (void)closedir(dir);
    if (r < 0)
        return err_oom(e);
    if (count > 1)
        qsort(list, count, sizeof(*list), newest_first);
    for (size_t i = 0; i < count; i++)
        if (strlist_add(ret, list[i].id) < 0)
            return err_oom(e);
    return 0;
}

int run_view_list(const struct layout *layout, struct strlist *ret, struct err *e)
{
    return list_folder(layout->agent, ret, e);
}

int run_view_list_queued(const struct layout *layout, struct strlist *ret, struct err *e)
{
    return list_folder(layout->queue, ret, e);
}

/* ---- one run ---- */

static int fold(const struct fact *f, void *context)
{
    run_history_apply(context, f);
    return 0;
}

/* Adds to the list of what the run goes without. */
static void note_missing(struct run_view *v, const struct fact *f)
{
    struct containment_fact one;
    size_t used = strlen(v->missing);

    if (containment_from_fact(f, &one) == 0 && one.state == CONTAINMENT_MISSING)
        (void)snprintf(v->missing + used, sizeof(v->missing) - used, "%s%s", used > 0 ? ", " : "", one.name);
}

/* How far what follows the job is. */
static void note_storage(struct run_view *v, const struct fact *f)
{
    const char *step = fact_str(f, "step"), *state = fact_str(f, "state");

    if (strcmp(step, "upload") != 0 && strcmp(step, "output") != 0)
        return;
    v->uploading[0] = '\0';
    if (strcmp(state, "uploading") == 0)
        (void)snprintf(v->uploading, sizeof(v->uploading), "%s: %s", fact_str(f, "object"),
                       fact_str(f, "detail"));
    else if (strcmp(state, "failed") == 0)
        (void)snprintf(v->not_uploaded, sizeof(v->not_uploaded), "%s", fact_str(f, "reason"));
}

static int follow_supervisor(const struct fact *f, void *context)
{
    struct run_view *v = context;

    if (strcmp(fact_str(f, "event"), "running") == 0) {
        (void)fact_int(f, "pid", &v->main_pid);
        (void)fact_int(f, "started-at-ms", &v->started_at.ms);
        (void)fact_int(f, "deadline-boot-ms", &v->deadline.ms);
    }
    if (strcmp(fact_str(f, "event"), "deadline") == 0)
        (void)fact_int(f, "deadline-boot-ms", &v->deadline.ms);
    note_missing(v, f);
    if (strcmp(fact_str(f, "event"), "storage") == 0)
        note_storage(v, f);
    return 0;
}

static void read_name(int dir_fd, struct run_view *v)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(DOCUMENT_BYTES_MAX);
    AUTO(diag) struct diag_list diags = {0};
    AUTO(node) struct node *root = NULL;
    const struct node *name;

    if (file_read(dir_fd, "assignment.json", &text) < 0)
        return;
    root = json_read(strbuf_str(&text), text.len, &diags);
    name = node_get(node_get(root, "jobRun"), "displayName");
    if (name == NULL || name->text == NULL)
        name = node_get(node_get(root, "job"), "displayName");
    if (name == NULL || name->text == NULL)
        name = node_get(node_get(root, "artifact"), "fileName");
    if (name != NULL && name->text != NULL)
        (void)snprintf(v->name, sizeof(v->name), "%s", name->text);
}

static bool lock_held(int dir_fd)
{
    AUTO_CLOSE int fd = openat(dir_fd, AGENT_LOCK_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* How far the fetching is: only while it lasts, and while somebody is at it. */
static void read_fetch(int dir_fd, struct run_view *v)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(FACT_LINE_MAX);
    AUTO(fact) struct fact f = {0};
    struct err e = ERR_INIT;

    if (v->history.phase != PHASE_PREPARING || !v->attended ||
        file_read(dir_fd, FETCH_NOTE_NAME, &text) < 0 || fact_decode(strbuf_str(&text), text.len, &f, &e) < 0)
        return;
    v->fetch.bytes = v->fetch.total = v->fetch.rate = v->fetch.left_ms = v->fetch.attempt = -1;
    (void)snprintf(v->fetch.name, sizeof(v->fetch.name), "%.255s", fact_str(&f, "name"));
    (void)snprintf(v->fetch.source, sizeof(v->fetch.source), "%.255s", fact_str(&f, "source"));
    (void)fact_int(&f, "bytes", &v->fetch.bytes);
    (void)fact_int(&f, "total", &v->fetch.total);
    (void)fact_int(&f, "rate", &v->fetch.rate);
    (void)fact_int(&f, "left-ms", &v->fetch.left_ms);
    (void)fact_int(&f, "attempt", &v->fetch.attempt);
    (void)fact_bool(&f, "waiting", &v->fetch.waiting);
    v->fetching = true;
}

static void read_agent_side(const struct layout *layout, struct run_view *v)
{
    struct err e = ERR_INIT;
    char path[LAYOUT_PATH_MAX + 256];
    AUTO_CLOSE int dir = -1;

    (void)snprintf(path, sizeof(path), "%s/%s", layout->agent, v->id);
    dir = dir_open(AT_FDCWD, path);
    if (dir < 0)
        return;
    v->known_to_agent = true;
    v->attended = lock_held(dir);
    (void)journal_read(dir, AGENT_JOURNAL_NAME, fold, &v->history, &e);
    /* A run of several nodes has its end here: no supervisor is the whole's. */
    v->ended = exit_record_read(dir, &v->record, &e) == 0;
    read_fetch(dir, v);
    read_name(dir, v);
}

static bool read_supervisor_side(const struct layout *layout, struct run_view *v)
{
    struct err e = ERR_INIT;
    char path[LAYOUT_PATH_MAX + 256];
    AUTO_CLOSE int dir = -1;
    struct stat st;

    (void)snprintf(path, sizeof(path), "%s/%s", layout->runs, v->id);
    dir = dir_open(AT_FDCWD, path);
    if (dir < 0)
        return false;
    (void)journal_read(dir, "supervisor.journal", follow_supervisor, v, &e);
    if (fstatat(dir, "log/output.log", &st, AT_SYMLINK_NOFOLLOW) == 0)
        v->log_bytes = (uint64_t)st.st_size;
    v->ended = exit_record_read(dir, &v->record, &e) == 0;
    return true;
}

/* A run that ended before a launch has no exit record: the agent's own words are its end. */
static void end_without_launch(struct run_view *v)
{
    v->record = (struct exit_record){.main_end = run_history_main_end(v->history.cause),
                                     .stop_cause = v->history.cause,
                                     .blame = v->history.blame,
                                     .tree_gone = true,
                                     .log_complete = true,
                                     .accepted_at = v->history.accepted_at,
                                     .ended_at = v->history.ended_at};
    (void)snprintf(v->record.reason, sizeof(v->record.reason), "%s", v->history.reason);
    v->ended = true;
}

static void conclude(struct run_view *v)
{
    v->phase = v->history.phase;
    v->cause = v->history.cause;
    if (!v->ended && v->phase >= PHASE_SHIPPING)
        end_without_launch(v);
    if (v->ended) {
        v->verdict = verdict_of(&v->record);
        v->state = v->verdict.state;
        v->cause = v->verdict.cause;
        (void)snprintf(v->details, sizeof(v->details), "%s", v->verdict.details);
        return;
    }
    v->state = phase_state(v->phase, v->history.cancel_requested ? CAUSE_CANCELLED : v->cause);
    (void)snprintf(v->details, sizeof(v->details), "%s", phase_details(v->phase));
}

void run_view_node(const char *id, size_t rank, char ret[RUN_ID_BYTES])
{
    struct run_name name = {.attempt = 1};

    (void)run_name_parse(id, &name);
    name.rank = (int)rank;
    run_name_format(&name, ret);
}

static void count_nodes(const struct layout *layout, struct run_view *v)
{
    struct run_name name;

    if (!run_name_parse(v->id, &name) || name.rank >= 0)
        return;
    for (v->nodes = 0; v->nodes <= RUN_RANK_MAX; v->nodes++) {
        char node[RUN_ID_BYTES], path[LAYOUT_PATH_MAX + 256];
        run_view_node(v->id, v->nodes, node);
        (void)snprintf(path, sizeof(path), "%s/%s", layout->agent, node);
        if (access(path, F_OK) < 0)
            return;
    }
}

int run_view_read(const struct layout *layout, const char *id, struct run_view *ret, struct err *e)
{
    struct run_view v = {0};

    if (!run_name_valid(id))
        return err_set(e, -ENOENT, BLAME_ASSIGNMENT, "'%.100s' is not a run id", id);
    (void)snprintf(v.id, sizeof(v.id), "%s", id);
    read_agent_side(layout, &v);
    if (!read_supervisor_side(layout, &v) && !v.known_to_agent)
        return err_set(e, -ENOENT, BLAME_ASSIGNMENT, "there is no run %s on this machine", id);
    count_nodes(layout, &v);
    if (v.nodes > 0 && v.ended)
        v.log_bytes = v.record.log_bytes;
    conclude(&v);
    *ret = v;
    return 0;
}

/* ---- JSON ---- */

static void put_time(struct fact_writer *w, const char *key, wall_ms_t t)
{
    char text[RFC3339_MAX];

    if (t.ms <= 0)
        return;
    wall_format(t, text);
    fact_put_string(w, key, text);
}

static void put_fetch(struct fact_writer *w, const struct run_view *v)
{
    const struct {
        const char *key;
        int64_t value;
    } numbers[] = {{"fetchBytes", v->fetch.bytes},
                   {"fetchTotalBytes", v->fetch.total},
                   {"fetchBytesPerSecond", v->fetch.rate},
                   {"fetchLeftInMs", v->fetch.left_ms},
                   {"fetchAttempt", v->fetch.attempt}};

    fact_put_string(w, "fetchName", v->fetch.name);
    fact_put_string(w, "fetchSource", v->fetch.source);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        if (numbers[i].value >= 0)
            fact_put_int(w, numbers[i].key, numbers[i].value);
    fact_put_bool(w, "fetchWaiting", v->fetch.waiting);
}

/* What a program asks for most; `runlet why` has the rest. */
static void put_usage(struct fact_writer *w, const struct run_usage *usage)
{
    int64_t user = 0, kernel = 0, peak;

    if (usage_get(usage, USAGE_CPU_USER_US, &user) && usage_get(usage, USAGE_CPU_SYSTEM_US, &kernel))
        fact_put_int(w, "cpuInMs", (user + kernel) / 1000);
    if (usage_get(usage, USAGE_MEMORY_PEAK_BYTES, &peak))
        fact_put_int(w, "memoryPeakBytes", peak);
}

void run_view_json(const struct run_view *v, const struct layout *layout, struct strbuf *out)
{
    struct fact_writer w = fact_begin(out);
    char path[LAYOUT_PATH_MAX + 256];

    fact_put_string(&w, "id", v->id);
    fact_put_string(&w, "displayName", v->name);
    fact_put_string(&w, "lifecycleState", state_name(v->state));
    fact_put_string(&w, "lifecycleDetails", v->details);
    fact_put_string(&w, "phase", phase_name(v->phase));
    fact_put_string(&w, "cause", cause_name(v->cause));
    fact_put_bool(&w, "attended", v->attended);
    put_time(&w, "timeAccepted", v->history.accepted_at);
    put_time(&w, "timeStarted", v->ended ? v->record.started_at : v->started_at);
    if (v->ended) {
        put_time(&w, "timeFinished", v->record.ended_at);
        if (v->verdict.has_exit_code)
            fact_put_int(&w, "exitCode", v->verdict.exit_code);
        if (v->record.main_end == MAIN_SIGNALED)
            fact_put_int(&w, "signal", v->record.status);
        fact_put_int(&w, "endCode", v->verdict.end_code);
        if (v->record.checkpoint[0] != '\0')
            fact_put_string(&w, "checkpoint", v->record.checkpoint);
        put_usage(&w, &v->record.usage);
        fact_put_int(&w, "logLines", (int64_t)v->record.log_lines);
        fact_put_bool(&w, "logComplete", v->record.log_complete);
    } else if (v->main_pid > 0) {
        fact_put_int(&w, "pid", v->main_pid);
        fact_put_int(&w, "deadlineInMs", v->deadline.ms - clock_boot().ms);
    }
    if (v->fetching)
        put_fetch(&w, v);
    if (v->missing[0] != '\0')
        fact_put_string(&w, "notContainedBy", v->missing);
    if (v->uploading[0] != '\0' && !v->ended)
        fact_put_string(&w, "uploading", v->uploading);
    if (v->not_uploaded[0] != '\0')
        fact_put_string(&w, "notUploaded", v->not_uploaded);
    fact_put_int(&w, "logBytes", (int64_t)v->log_bytes);
    (void)snprintf(path, sizeof(path), "%s/%s/log/output.log", layout->runs, v->id);
    if (v->nodes > 0)
        fact_put_int(&w, "nodes", (int64_t)v->nodes);
    else
        fact_put_string(&w, "log", path);
    if (fact_end(&w) == 0)
        out->data[--out->len] = '\0';
}

int run_view_print_json(const struct layout *layout, const char *id, FILE *out)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(VIEW_JSON_MAX);
    struct run_view view = {0};
    struct err e = ERR_INIT;

    if (run_view_read(layout, id, &view, &e) < 0)
        return e.code;
    run_view_json(&view, layout, &text);
    (void)fprintf(out, "%s\n", strbuf_str(&text));
    return 0;
}
