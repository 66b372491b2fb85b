/*
 * main.c - runlet-image: makes sure that an image is unpacked, and says who its user is.
 *
 * The privileged supervisor executes it, with the descriptors of order.h. It parses no byte of the image with privilege: the
 * layers are umoci's in a user namespace (unpack.h), the accounts are read by a process that is nobody on the node.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "base/fact.h"
#include "base/limits.h"
#include "base/parse.h"
#include "image/account.h"
#include "image/store.h"
#include "sys/fd.h"

#define ACCOUNTS_MAX (1U << 20)

enum option_id { OPT_KEY = 1, OPT_USER, OPT_UMOCI, OPT_FIRST_ID, OPT_IDS, OPT_MAX_BYTES, OPT_RESERVE };

static int usage_error(void)
{
    (void)fprintf(stderr, "runlet-image is run by runlet-supervisor\n");
    return 2;
}

static int take_number(int id, const char *text, struct order *o)
{
    uint64_t n = 0;
    bool is_id = id == OPT_FIRST_ID || id == OPT_IDS;

    if (parse_u64(text, is_id ? UINT32_MAX - 1 : INT64_MAX, &n) < 0)
        return -EINVAL;
    switch (id) {
    case OPT_FIRST_ID: o->first_id = (uint32_t)n; break;
    case OPT_IDS: o->ids = (uint32_t)n; break;
    case OPT_MAX_BYTES: o->max_bytes = n; break;
    default: o->reserve_bytes = n; break;
    }
    return 0;
}

static int parse_arguments(int argc, char **argv, struct order *o)
{
    static const struct option OPTIONS[] = {{"key", required_argument, NULL, OPT_KEY},
                                            {"user", required_argument, NULL, OPT_USER},
                                            {"umoci", required_argument, NULL, OPT_UMOCI},
                                            {"first-id", required_argument, NULL, OPT_FIRST_ID},
                                            {"ids", required_argument, NULL, OPT_IDS},
                                            {"max-bytes", required_argument, NULL, OPT_MAX_BYTES},
                                            {"reserve", required_argument, NULL, OPT_RESERVE},
                                            {0}};
    int id;

    while ((id = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        switch (id) {
        case '?': return -EINVAL;
        case OPT_KEY: o->key = optarg; break;
        case OPT_USER: o->user = optarg; break;
        case OPT_UMOCI: o->umoci = optarg; break;
        default:
            if (take_number(id, optarg, o) < 0)
                return -EINVAL;
        }
    }
    /* The node's own users, root before all, are never an image's. */
    if (optind != argc || o->key == NULL || o->user == NULL || o->umoci == NULL || o->first_id == 0 ||
        o->ids == 0)
        return -EINVAL;
    return strlen(o->key) == 64 && strspn(o->key, "0123456789abcdef") == 64 ? 0 : -EINVAL;
}

/* ---- the user ---- */

/* A file of the image, seen with the rights of the image's root user; "" when it has none. */
static int read_accounts(const char *path, struct strbuf *ret, struct err *e)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    int r;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    r = fd_read_all(fd, ret);
    return r < 0 ? err_errno(e, -r, BLAME_ASSIGNMENT, "read the image's %s", path) : 0;
}

static int look_up(const struct order *o, struct account *ret, struct err *e)
{
    AUTO(strbuf) struct strbuf passwd = STRBUF_INIT(ACCOUNTS_MAX);
    AUTO(strbuf) struct strbuf group = STRBUF_INIT(ACCOUNTS_MAX);

    if (read_accounts("/etc/passwd", &passwd, e) < 0 || read_accounts("/etc/group", &group, e) < 0)
        return e->code;
    return account_find(o->user, strbuf_str(&passwd), strbuf_str(&group), o->ids, ret, e);
}

/* What the process that looks says. */
struct found {
    struct account account;
    struct err error;
};

/* In a process of its own, which is in the image and has no rights but the image's root user's. */
static _Noreturn void look_up_confined(const struct order *o, int fs_fd, int to_fd)
{
    struct found f = {.error = ERR_INIT};

    if (fchdir(fs_fd) < 0 || chroot(".") < 0 || setgroups(0, NULL) < 0 ||
        setresgid(o->first_id, o->first_id, o->first_id) < 0 ||
        setresuid(o->first_id, o->first_id, o->first_id) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        (void)err_errno(&f.error, errno, BLAME_NODE, "enter the image");
    else
        (void)look_up(o, &f.account, &f.error);
    _exit(write(to_fd, &f, sizeof(f)) == (ssize_t)sizeof(f) ? 0 : 1);
}

static int find_user(const struct order *o, struct account *ret, struct err *e)
{
    AUTO_CLOSE int slot = dir_open(FD_STORE, o->key);
    AUTO_CLOSE int fs = slot >= 0 ? dir_open(slot, "fs") : -1;
    AUTO_CLOSE int from = -1;
    AUTO_CLOSE int to = -1;
    struct found f;
    int pair[2], wait_status;
    ssize_t n;
    pid_t pid;

    if (fs < 0 || pipe2(pair, O_CLOEXEC) < 0)
        return err_errno(e, errno, BLAME_NODE, "open the unpacked image");
    from = pair[0];
    to = pair[1];
    pid = fork();
    if (pid < 0)
        return err_errno(e, errno, BLAME_NODE, "fork");
    if (pid == 0)
        look_up_confined(o, fs, to);
    fd_close(&to);
    n = read(from, &f, sizeof(f));
    (void)waitpid(pid, &wait_status, 0);
    if (n != (ssize_t)sizeof(f))
        return err_set(e, -EIO, BLAME_NODE, "the image's user could not be looked up");
    f.error.text[sizeof(f.error.text) - 1] = '\0';
    if (f.error.code < 0)
        return err_set(e, f.error.code, f.error.blame == BLAME_ASSIGNMENT ? BLAME_ASSIGNMENT : BLAME_NODE,
                       "%s", f.error.text);
    if (f.account.uid >= o->ids || f.account.gid >= o->ids)
        return err_set(e, -ERANGE, BLAME_BUG, "the image's user is out of range");
    *ret = f.account;
    return 0;
}

/* ---- the answer ---- */

static int answer(const struct account *a, bool made, const struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(MESSAGE_BYTES_MAX);
    struct fact_writer w = fact_begin(&text);

    fact_put_bool(&w, "ready", e->code == 0);
    if (e->code < 0) {
        fact_put_string(&w, "blame", blame_name(e->blame));
        fact_put_string(&w, "reason", e->text);
    } else {
        fact_put_int(&w, "uid", a->uid);
        fact_put_int(&w, "gid", a->gid);
        fact_put_bool(&w, "unpacked", made);
    }
    if (fact_end(&w) < 0)
        return -E2BIG;
    return fd_write_all(FD_ANSWER, text.data, text.len);
}

int main(int argc, char **argv)
{
    struct account account = {0, 0};
    struct order o = {.key = NULL};
    struct err e = ERR_INIT;
    struct stat st;
    bool made = false;

    if (parse_arguments(argc, argv, &o) < 0 || fstat(FD_STORE, &st) < 0 || !S_ISDIR(st.st_mode))
        return usage_error();
    CRASH_ROLE("image");
    CRASH_POINT("main");
    (void)umask(022);
    (void)signal(SIGPIPE, SIG_IGN);
    if (store_ensure(&o, &made, &e) == 0)
        (void)find_user(&o, &account, &e);
    CRASH_POINT("answer");
    return answer(&account, made, &e) < 0 || e.code < 0 ? 1 : 0;
}
