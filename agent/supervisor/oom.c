/* oom.c - see oom.h. */
#include "supervisor/oom.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/parse.h"
#include "sys/fd.h"

#define KMSG_LINE_MAX 8192
/* A run that ends does not read the log of a whole machine. */
#define KMSG_LINES_MAX 20000

void oom_watch_open(struct oom_watch *ret)
{
    ret->fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (ret->fd >= 0 && lseek(ret->fd, 0, SEEK_END) < 0)
        fd_close(&ret->fd);
}

void oom_watch_close(struct oom_watch *w)
{
    fd_close(&w->fd);
}

/* ---- the table: "[  pid  ]   uid  tgid total_vm      rss ... oom_score_adj name" ---- */

static void add_largest(struct oom_reader *r, const struct oom_process *p)
{
    struct oom_process *least = &r->largest[0];

    for (size_t i = 1; i < ARRAY_SIZE(r->largest); i++)
        if (r->largest[i].pages < least->pages)
            least = &r->largest[i];
    if (p->pages > least->pages || least->pid == 0)
        *least = *p;
}

/* The number after blanks at *at, which moves behind it. */
static bool next_number(const char **at, int64_t *ret)
{
    uint64_t value;

    *at += strspn(*at, " ");
    if (parse_leading_u64(*at, &value, at) < 0 || value > INT64_MAX)
        return false;
    *ret = (int64_t)value;
    return true;
}

/* A row of the table; false when the line is none. */
static bool take_row(struct oom_reader *r, const char *line)
{
    struct oom_process p = {0};
    const char *name = strrchr(line, ' ');
    const char *at = line + 1;

    if (line[0] != '[' || name == NULL || !next_number(&at, &p.pid) || *at++ != ']')
        return false;
    for (int i = 0; i < 4; i++) /* uid, tgid, total_vm, rss: the last one stays */
        if (!next_number(&at, &p.pages))
            return false;
    (void)snprintf(p.command, sizeof(p.command), "%.*s", COMMAND_TEXT_MAX - 1, name + 1);
    if (strcmp(p.command, "runlet-init") != 0)
        add_largest(r, &p);
    return true;
}

static void describe_others(const struct oom_reader *r, int64_t killed, struct oom_facts *facts)
{
    long page_kib = sysconf(_SC_PAGESIZE) / 1024;
    size_t used = 0;

    facts->others[0] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(r->largest) && used < sizeof(facts->others); i++) {
        const struct oom_process *p = &r->largest[i];
        if (p->pid == 0 || p->pid == killed)
            continue;
        used += (size_t)snprintf(facts->others + used, sizeof(facts->others) - used,
                                 "%s%s (pid %lld) %lld MiB", used > 0 ? ", " : "", p->command,
                                 (long long)p->pid, (long long)(p->pages * page_kib / 1024));
    }
}

/* ---- the line that names: "oom-kill:constraint=...,oom_memcg=G,task_memcg=G,task=NAME,pid=N,uid=N" ---- */

/* The last ",key=" of the line: a process can put nothing behind the kernel's own words. */
static const char *last_value(const char *line, const char *key)
{
    const char *found = NULL;

    for (const char *at = line; (at = strstr(at, key)) != NULL; at++)
        found = at + strlen(key);
    return found;
}

/* Whether the group at `path`, which a comma ends, is the one. */
static bool in_group(const char *path, const char *suffix)
{
    size_t n = strcspn(path, ","), size = strlen(suffix);

    return n >= size && memcmp(path + n - size, suffix, size) == 0;
}

static void take_kill(struct oom_reader *r, const char *line, struct oom_facts *facts)
{
    const char *group = strstr(line, ",task_memcg=");
    const char *task = last_value(line, ",task="), *pid = last_value(line, ",pid=");
    const char *at = pid;
    int64_t killed = 0;
    size_t n;

    if (group == NULL || task == NULL || pid == NULL || pid < task ||
        !in_group(group + strlen(",task_memcg="), r->suffix) || !next_number(&at, &killed))
        return;
    facts->pid = killed;
    n = (size_t)(pid - strlen(",pid=") - task);
    (void)snprintf(facts->command, sizeof(facts->command), "%.*s",
                   (int)(n < COMMAND_TEXT_MAX ? n : COMMAND_TEXT_MAX - 1), task);
    if (facts->pid == r->main_pid)
        facts->main_killed = true;
    describe_others(r, facts->pid, facts);
}

bool oom_was_main(const struct oom_facts *facts, int64_t pids_peak)
{
    return facts->main_killed || (facts->kills > 0 && facts->pid == 0 && pids_peak >= 0 && pids_peak <= 2);
}

void oom_reader_take(struct oom_reader *r, const char *line, struct oom_facts *facts)
{
    if (strncmp(line, "Tasks state", 11) == 0) {
        r->in_table = true;
        memset(r->largest, 0, sizeof(r->largest));
    } else if (strncmp(line, "oom-kill:", 9) == 0) {
        take_kill(r, line, facts);
        r->in_table = false;
    } else if (r->in_table) {
        (void)take_row(r, line);
    }
}

/* A record of /dev/kmsg is "level,sequence,time,flags;message\n continuation lines". */
void oom_watch_collect(struct oom_watch *w, const char *suffix, pid_t main_pid, struct oom_facts *facts)
{
    struct oom_reader r = {.suffix = suffix, .main_pid = main_pid};
    char text[KMSG_LINE_MAX];

    if (w->fd < 0)
        return;
    for (int i = 0; i < KMSG_LINES_MAX; i++) {
        ssize_t n = read(w->fd, text, sizeof(text) - 1);
        char *message;
        if (n < 0 && (errno == EPIPE || errno == EINTR)) /* lines were overwritten before we came */
            continue;
        if (n <= 0)
            return;
        text[n] = '\0';
        text[strcspn(text, "\n")] = '\0';
        message = strchr(text, ';');
        if (message != NULL)
            oom_reader_take(&r, message + 1, facts);
    }
}
