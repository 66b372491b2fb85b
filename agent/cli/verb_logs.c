/* verb_logs.c - runlet logs: what a job wrote, from its spool on disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "cli/cli.h"
#include "cli/configuration.h"
#include "cli/run_name.h"
#include "daemon/run_view.h"
#include "logs/tags.h"
#include "record/spool.h"
#include "sys/fd.h"

#define BUFFER_BYTES 65536
#define POLL_NS      (50 * 1000 * 1000)

/* One run that is read, or one node of several, whose lines are tagged with its rank. */
struct source {
    char id[RUN_ID_BYTES];
    struct spool_reader reader;
    bool open, ended;
    int rank; /* -1: not tagged */
    struct tagged_line line[2];
};

static int put(int fd, const char *bytes, size_t n, struct err *e)
{
    int r = fd_write_all(fd, bytes, n);

    return r < 0 ? err_errno(e, -r, BLAME_NODE, "write the output") : 0;
}

static int put_line(struct tagged_line *line, int fd, struct err *e)
{
    int r = line->complete ? put(fd, line->text, line->used, e) : 0;

    if (line->complete)
        tagged_line_reset(line);
    return r;
}

static int put_tagged(struct source *s, int fd, const struct spool_piece *piece, struct err *e)
{
    struct tagged_line *line = &s->line[fd == STDERR_FILENO];
    int r = 0;

    for (size_t done = 0; r == 0 && done < piece->n;) {
        done += tagged_line_take(line, s->rank, piece->bytes + done, piece->n - done);
        r = put_line(line, fd, e);
    }
    return r;
}

/* Writes everything there is. 0, or negative: -EPIPE when the reader went away. */
static int print_available(struct source *s, bool final, char *buffer, struct err *e)
{
    struct spool_piece piece;
    int r;

    while ((r = spool_read(&s->reader, final, buffer, BUFFER_BYTES, &piece, e)) == 1) {
        int to = piece.stream == SPOOL_STDERR ? STDERR_FILENO : STDOUT_FILENO;
        r = s->rank >= 0 ? put_tagged(s, to, &piece, e) : put(to, piece.bytes, piece.n, e);
        if (r < 0)
            return r;
    }
    return r;
}

static int end_lines(struct source *s, struct err *e)
{
    int r;

    tagged_line_end(&s->line[0]);
    tagged_line_end(&s->line[1]);
    r = put_line(&s->line[0], STDOUT_FILENO, e);
    return r < 0 ? r : put_line(&s->line[1], STDERR_FILENO, e);
}

static bool has_ended(const struct layout *layout, const char *id)
{
    struct run_view view;
    struct err e = ERR_INIT;

    return run_view_read(layout, id, &view, &e) == 0 && view.ended;
}

static void wait_a_little(void)
{
    const struct timespec pause = {.tv_nsec = POLL_NS};

    (void)nanosleep(&pause, NULL);
}

static int open_log(const struct layout *layout, const char *id, struct spool_reader *reader, struct err *e)
{
    char path[LAYOUT_PATH_MAX + 256];
    AUTO_CLOSE int dir = -1;

    (void)snprintf(path, sizeof(path), "%s/%s/log", layout->runs, id);
    dir = dir_open(AT_FDCWD, path);
    if (dir < 0)
        return err_errno(e, -dir, BLAME_NODE, "open %s", path);
    return spool_open(dir, 0, reader, e);
}

/* What there is of one. Whether it ended is asked before its output is read, so that nothing written in between is missed. */
static int print_source(const struct layout *layout, struct source *s, char *buffer, struct err *e)
{
    bool ended = has_ended(layout, s->id);
    int r = 0;

    if (!s->open) {
        r = open_log(layout, s->id, &s->reader, e);
        s->open = r == 0;
        if (r < 0 && r != -ENOENT)
            return r;
    }
    r = s->open ? print_available(s, ended, buffer, e) : 0;
    s->ended = ended;
    return r;
}

static int print_sources(const struct layout *layout, struct source *sources, size_t count, bool follow,
                         char *buffer, struct err *e)
{
    for (;;) {
        bool ended = true;
        for (size_t i = 0; i < count; i++) {
            int r = sources[i].ended ? 0 : print_source(layout, &sources[i], buffer, e);
            if (r < 0)
                return r;
            ended = ended && sources[i].ended;
        }
        if (ended || !follow)
            return 0;
        wait_a_little();
    }
}

/* How many nodes of several the run has; 0 when it is of one. Who follows waits until that can be told, which is before there is
 * output. */
static size_t count_nodes(const struct layout *layout, const char *id, bool follow)
{
    for (;;) {
        struct run_view view;
        struct err e = ERR_INIT;
        bool known = run_view_read(layout, id, &view, &e) == 0;
        if (!follow || (known && (view.ended || view.phase > PHASE_PREPARING)))
            return known ? view.nodes : 0;
        wait_a_little();
    }
}

static int print_log(const struct layout *layout, const char *id, bool follow, struct err *e)
{
    AUTO_FREE char *buffer = malloc(BUFFER_BYTES);
    AUTO_FREE struct source *sources = NULL;
    size_t nodes = count_nodes(layout, id, follow), count = nodes > 0 ? nodes : 1;
    int r;

    sources = calloc(count, sizeof(*sources));
    if (buffer == NULL || sources == NULL)
        return err_oom(e);
    for (size_t i = 0; i < count; i++) {
        sources[i] = (struct source){.reader = SPOOL_READER_INIT, .rank = nodes > 0 ? (int)i : -1};
        if (nodes > 0)
            run_view_node(id, i, sources[i].id);
        else
            (void)snprintf(sources[i].id, sizeof(sources[i].id), "%s", id);
    }
    r = print_sources(layout, sources, count, follow, buffer, e);
    for (size_t i = 0; i < count; i++) {
        if (r == 0)
            r = end_lines(&sources[i], e);
        spool_reader_close(&sources[i].reader);
    }
    return r;
}

int verb_logs(struct cli *cli)
{
    AUTO(config) struct config config = {0};
    struct layout layout;
    struct named_run name;
    struct err e = ERR_INIT;
    int r;

    if (cli_load_config(cli, &config) < 0)
        return 1;
    if (layout_paths(&config, &layout, &e) < 0 || run_name_find(&layout, cli_arg(cli, 0), &name, &e) < 0)
        return cli_fail(cli, 1, &e);
    (void)fflush(cli->out);
    r = print_log(&layout, name.id, cli_flag(cli, "follow"), &e);
    if (r == -EPIPE)
        return 1;
    return r < 0 ? cli_fail(cli, 1, &e) : 0;
}
