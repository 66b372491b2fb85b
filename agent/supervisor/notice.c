/* notice.c - see notice.h. */
#include "supervisor/notice.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "base/fact.h"
#include "base/parse.h"
#include "sys/fd.h"

#define NOTICE_NAME      "notice"
#define NOTICE_TEMP_NAME ".notice"
#define CHECKPOINT_NAME  "checkpoint"

int notice_create(int run_fd, uid_t uid, gid_t gid)
{
    AUTO_CLOSE int dir = -1;
    AUTO_CLOSE int file = -1;

    if (mkdirat(run_fd, NOTICE_DIR_NAME, 0755) < 0)
        return -errno;
    dir = dir_open(run_fd, NOTICE_DIR_NAME);
    if (dir < 0)
        return dir;
    file = openat(dir, CHECKPOINT_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file < 0 || fchmod(dir, 02755) < 0 || fchmod(file, 0644) < 0 || fchown(file, uid, gid) < 0)
        return -errno;
    return 0;
}

int notice_put_cluster(int run_fd, const struct cluster *cluster)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(PLAN_BYTES_MAX);
    AUTO_CLOSE int dir = dir_open(run_fd, NOTICE_DIR_NAME);
    int r = cluster_metadata(cluster, &text);

    if (dir < 0)
        return dir;
    return r < 0 ? r : file_replace(dir, JOB_CLUSTER_NAME, text.data, text.len, 0444);
}

int notice_open(const struct run_directory *run, struct notice_board *ret, struct err *e)
{
    struct notice_board board = NOTICE_BOARD_INIT;

    board.dir_fd = dir_open(run->fd, NOTICE_DIR_NAME);
    if (board.dir_fd < 0)
        return err_errno(e, -board.dir_fd, BLAME_NODE, "open the folder of notices");
    board.checkpoint_fd =
        openat(board.dir_fd, CHECKPOINT_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (board.checkpoint_fd < 0) {
        int saved = errno;
        notice_close(&board);
        return err_errno(e, saved, BLAME_NODE, "open the job's file for its checkpoint");
    }
    *ret = board;
    return 0;
}

static int write_notice(int dir_fd, const struct strbuf *text)
{
    AUTO_CLOSE int fd = -1;
    int r;

    (void)unlinkat(dir_fd, NOTICE_TEMP_NAME, 0);
    fd = openat(dir_fd, NOTICE_TEMP_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || fchmod(fd, 0644) < 0)
        return -errno;
    r = fd_write_all(fd, text->data, text->len);
    CRASH_POINT("notice-written");
    if (r == 0 && renameat(dir_fd, NOTICE_TEMP_NAME, dir_fd, NOTICE_NAME) < 0)
        r = -errno;
    return r;
}

int notice_post(struct notice_board *board, const char *reason, int64_t left_ms, int64_t grace_ms,
                wall_ms_t now)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(1024);
    struct fact_writer w = fact_begin(&text);
    char ends_at[RFC3339_MAX];
    int r;

    if (board->dir_fd < 0)
        return -ENOENT;
    wall_format((wall_ms_t){now.ms + left_ms}, ends_at);
    fact_put_int(&w, "notice", board->sequence + 1);
    fact_put_string(&w, "reason", reason);
    fact_put_int(&w, "seconds", left_ms / 1000);
    fact_put_int(&w, "grace-seconds", grace_ms / 1000);
    fact_put_string(&w, "ends-at", ends_at);
    r = fact_end(&w);
    if (r == 0)
        r = write_notice(board->dir_fd, &text);
    if (r == 0)
        board->sequence++;
    return r;
}

bool checkpoint_valid(const char *text)
{
    if (text[0] == '\0' || !utf8_valid(text, strlen(text)))
        return false;
    for (const char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7F)
            return false;
    return true;
}

void notice_checkpoint(const struct notice_board *board, char ret[CHECKPOINT_TEXT_MAX])
{
    ssize_t n;

    ret[0] = '\0';
    if (board->checkpoint_fd < 0)
        return;
    n = pread(board->checkpoint_fd, ret, CHECKPOINT_TEXT_MAX - 1, 0);
    ret[n > 0 ? n : 0] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
    if (!checkpoint_valid(ret))
        ret[0] = '\0';
}

void notice_close(struct notice_board *board)
{
    fd_close(&board->dir_fd);
    fd_close(&board->checkpoint_fd);
}
