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
#include "record/spool.h"
#include "sys/fd.h"

#define BUFFER_BYTES 65536
#define POLL_NS      (50 * 1000 * 1000)

/* Writes everything there is. 0, or negative: -EPIPE when the reader went away. */
static int print_available(struct spool_reader *reader, bool final, char *buffer, struct err *e)
{
    struct spool_piece piece;
    int r;

    while ((r = spool_read(reader, final, buffer, BUFFER_BYTES, &piece, e)) == 1) {
        int to = piece.stream == SPOOL_STDERR ? STDERR_FILENO : STDOUT_FILENO;
        int w = fd_write_all(to, piece.bytes, piece.n);
        if (w < 0)
            return err_errno(e, -w, BLAME_NODE, "write the output");
    }
    return r;
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

/* Whether the run ended is asked before its output is read, so that nothing written in between is missed. */
static int print_log(const struct layout *layout, const char *id, bool follow, struct err *e)
{
    struct spool_reader reader = SPOOL_READER_INIT;
    AUTO_FREE char *buffer = malloc(BUFFER_BYTES);
    bool open = false;
    int r = 0;

    if (buffer == NULL)
        return err_oom(e);
    for (;;) {
        bool ended = has_ended(layout, id);
        if (!open) {
            r = open_log(layout, id, &reader, e);
            open = r == 0;
            if (r < 0 && r != -ENOENT)
                break;
        }
        r = open ? print_available(&reader, ended, buffer, e) : 0;
        if (r < 0 || ended || !follow)
            break;
        wait_a_little();
    }
    spool_reader_close(&reader);
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
