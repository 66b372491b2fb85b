/*
 * main.c - runlet-unpack: places a run's artifact in its home, contained, and tells what to start.
 *
 * The privileged supervisor executes it: descriptor 0 is the work order (order.h), 3 the home, 4 takes the
 * answer (report.h), 10, 11, ... are the artifacts. It is the only program that parses archives, and it gives
 * up all privilege first.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "base/parse.h"
#include "sys/fd.h"
#include "unpack/contain.h"
#include "unpack/order.h"
#include "unpack/report.h"
#include "unpack/work.h"

enum {
    FD_HOME = 3,
    FD_ANSWER = 4,
    FD_ARTIFACTS = 10,
};

static int usage_error(void)
{
    (void)fprintf(stderr, "runlet-unpack is run by runlet-supervisor: --uid U --gid G\n");
    return 2;
}

static int parse_arguments(int argc, char **argv, struct containment *c)
{
    static const struct option OPTIONS[] = {
        {"uid", required_argument, NULL, 'u'}, {"gid", required_argument, NULL, 'g'}, {0}};
    uint64_t uid = UINT64_MAX;
    uint64_t gid = UINT64_MAX;
    int option = 0;

    while ((option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        if (option != 'u' && option != 'g')
            return -EINVAL;
        /* The largest value means "no change" to the kernel. */
        if (parse_u64(optarg, UINT_MAX - 1, option == 'u' ? &uid : &gid) < 0)
            return -EINVAL;
    }
    if (optind != argc || uid == UINT64_MAX || gid == UINT64_MAX)
        return -EINVAL;
    c->uid = (uid_t)uid;
    c->gid = (gid_t)gid;
    return 0;
}

static int read_order(struct order *o, struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(MESSAGE_BYTES_MAX);
    int r = fd_read_all(STDIN_FILENO, &text);

    if (r < 0)
        return err_errno(e, -r, BLAME_BUG, "read the work order");
    return order_decode(strbuf_str(&text), text.len, o, e);
}

/* The descriptors are what they must be, and there are no others. */
static int check_descriptors(const struct order *o, int *fds, struct err *e)
{
    struct stat st;

    if (fstat(FD_HOME, &st) < 0 || !S_ISDIR(st.st_mode))
        return err_set(e, -EBADF, BLAME_BUG, "descriptor %d is not the home", FD_HOME);
    for (size_t i = 0; i < o->placement_count; i++) {
        int flags = 0;
        fds[i] = FD_ARTIFACTS + (int)i;
        flags = fcntl(fds[i], F_GETFL);
        if (flags < 0 || (flags & O_ACCMODE) != O_RDONLY || fstat(fds[i], &st) < 0 || !S_ISREG(st.st_mode))
            return err_set(e, -EBADF, BLAME_BUG, "descriptor %d is not a file opened for reading", fds[i]);
    }
    fd_close_from(FD_ANSWER + 1, fds, o->placement_count);
    return 0;
}

static int unpack(struct containment *c, struct outcome *ret, struct err *e)
{
    AUTO(order) struct order o = {0};
    int fds[PLAN_PLACEMENTS_MAX] = {0};
    int r = read_order(&o, e);

    if (r == 0)
        r = check_descriptors(&o, fds, e);
    if (r < 0)
        return r;
    /* libarchive hands out names only if the locale can hold them. Loaded now: soon / is the home. */
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        return err_set(e, -ENOENT, BLAME_NODE, "the locale C.UTF-8 is missing");
    c->home = FD_HOME;
    c->max_file_bytes = o.limits.max_bytes;
    r = contain(c, e);
    return r == 0 ? work_do(&o, FD_HOME, fds, ret, e) : r;
}

int main(int argc, char **argv)
{
    AUTO(strbuf) struct strbuf answer = STRBUF_INIT(PLAN_BYTES_MAX);
    AUTO(outcome) struct outcome outcome = {0};
    struct containment c = {0};
    struct err e = ERR_INIT;
    struct stat st;
    int r = 0;

    if (parse_arguments(argc, argv, &c) < 0)
        return usage_error();
    if (fstat(FD_ANSWER, &st) < 0 || !(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
        return usage_error();
    CRASH_ROLE("unpack");
    CRASH_POINT("main");
    (void)umask(022);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file over the limit fails with EFBIG instead */
    r = unpack(&c, &outcome, &e);
    if (r == 0 && report_success(&outcome, &answer) < 0)
        r = err_set(&e, -E2BIG, BLAME_ASSIGNMENT, "jobruntime.yaml has too many variables");
    if (r < 0) {
        strbuf_reset(&answer);
        (void)report_failure(&e, &answer);
    }
    CRASH_POINT("answer");
    if (fd_write_all(FD_ANSWER, strbuf_str(&answer), answer.len) < 0)
        r = -EPIPE;
    CRASH_POINT("answered");
    /* Nothing is buffered, and exit handlers (a sanitizer's among them) want calls that are no longer
     * allowed. */
    _exit(r == 0 ? 0 : 1);
}
