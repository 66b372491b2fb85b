/* unpack.c - see unpack.h. */
#include "image/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "image/confine.h"
#include "sys/fd.h"

/* How often the disk is looked at. */
#define LOOK_MS 200
/* Entries of the disk's table of files that are left for others. */
#define RESERVE_FILES 1000
#define WORDS_MAX     400

struct child {
    pid_t pid;
    int said_fd; /* owned: its words */
    int go_fd;   /* owned: it waits there until it has users */
    size_t size;
    char words[WORDS_MAX + 1];
};

/* ---- in its process ---- */

static _Noreturn void give_up(const char *what)
{
    (void)dprintf(STDERR_FILENO, "%s: %s\n", what, strerror(errno));
    _exit(126);
}

static _Noreturn void become(const struct order *o, int into_fd, int said_fd, int go_fd)
{
    char *argv[] = {(char[]){"umoci"},
                    (char[]){"--log=error"},
                    (char[]){"raw"},
                    (char[]){"unpack"},
                    (char[]){"--image"},
                    (char[]){"/proc/self/fd/3:image"},
                    (char[]){"/proc/self/fd/4/fs"},
                    NULL};
    char *environment[] = {(char[]){"PATH=/usr/bin:/bin"}, (char[]){"HOME=/"}, NULL};
    int into = fcntl(into_fd, F_DUPFD_CLOEXEC, 10), null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct err e = ERR_INIT;
    char word;

    if (dup2(said_fd, STDOUT_FILENO) < 0 || dup2(said_fd, STDERR_FILENO) < 0 || into < 0 || null < 0)
        _exit(126);
    if (read(go_fd, &word, 1) != 1)
        _exit(126);
    if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
        give_up("become the user of images");
    /* It ends with us; after the change of user, which takes that back. In a pid namespace of its own nobody is its parent. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(into, FD_LAYOUT + 1) < 0)
        give_up("arrange the descriptors");
    fd_close_from(FD_LAYOUT + 2, NULL, 0);
    (void)!chdir("/");
    if (confine(o->umoci, FD_LAYOUT, FD_LAYOUT + 1, &e) < 0) {
        (void)dprintf(STDERR_FILENO, "%s\n", e.text);
        _exit(126);
    }
    (void)execve(o->umoci, argv, environment);
    give_up(o->umoci);
}

/* ---- around it ---- */

static int write_map(pid_t pid, const char *name, const struct order *o)
{
    char path[48], text[48];
    AUTO_CLOSE int fd = -1;

    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    (void)snprintf(text, sizeof(text), "0 %u %u", o->first_id, o->ids);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
}

static int start(const struct order *o, int into_fd, struct child *c, struct err *e)
{
    const unsigned long flags =
        CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | SIGCHLD;
    AUTO_CLOSE int said = -1;
    AUTO_CLOSE int go = -1;
    int pair[2], r;

    if (pipe2(pair, O_CLOEXEC) < 0)
        return err_errno(e, errno, BLAME_NODE, "make a pipe");
    c->said_fd = pair[0];
    said = pair[1];
    if (pipe2(pair, O_CLOEXEC) < 0)
        return err_errno(e, errno, BLAME_NODE, "make a pipe");
    go = pair[0];
    c->go_fd = pair[1];
    CRASH_POINT("unpacker-clone");
    c->pid = (pid_t)syscall(SYS_clone, flags, 0, 0, 0, 0);
    if (c->pid < 0)
        return err_errno(e, errno, BLAME_NODE,
                         "make the namespaces in which images are unpacked (user.max_user_namespaces)");
    if (c->pid == 0) {
        (void)close(c->go_fd);
        become(o, into_fd, said, go);
    }
    CRASH_POINT("unpacker-cloned");
    r = write_map(c->pid, "uid_map", o);
    if (r == 0)
        r = write_map(c->pid, "gid_map", o);
    if (r == 0)
        r = fd_write_all(c->go_fd, "+", 1);
    return r < 0 ? err_errno(e, -r, BLAME_NODE, "map the users of images to %u and above", o->first_id) : 0;
}

/* Of everything it says the end stays. */
static void hear(struct child *c)
{
    char chunk[WORDS_MAX];
    ssize_t n = read(c->said_fd, chunk, sizeof(chunk));
    size_t kept;

    if (n <= 0) {
        if (n == 0)
            fd_close(&c->said_fd);
        return;
    }
    kept = c->size < WORDS_MAX - (size_t)n ? c->size : WORDS_MAX - (size_t)n;
    memmove(c->words, c->words + c->size - kept, kept);
    memcpy(c->words + kept, chunk, (size_t)n);
    c->size = kept + (size_t)n;
}

static bool disk_short(int fd, const struct order *o)
{
    struct statvfs s;

    if (fstatvfs(fd, &s) < 0)
        return false;
    return (uint64_t)s.f_bavail * s.f_frsize < o->reserve_bytes ||
           (s.f_files > 0 && s.f_favail < RESERVE_FILES);
}

/* Its last words, as text on one line. */
static const char *last_words(struct child *c)
{
    size_t n = 0;

    while (c->size > 0 && (unsigned char)c->words[c->size - 1] <= ' ')
        c->size--;
    for (size_t i = 0; i < c->size; i++) {
        unsigned char byte = (unsigned char)c->words[i];
        if (byte == '\n')
            c->words[n++] = ' ';
        else if (byte >= ' ' && byte < 0x7F && (n > 0 || byte != ' '))
            c->words[n++] = (char)byte;
    }
    c->words[n] = '\0';
    return c->words;
}

static int judge(struct child *c, int wait_status, bool disk_full, struct err *e)
{
    const char *words = last_words(c);

    if (disk_full || (wait_status != 0 && strstr(words, "no space left") != NULL))
        return err_set(e, -ENOSPC, BLAME_NODE,
                       "not enough room on the disk to unpack the image (reserve.disk)");
    if (wait_status == 0)
        return 0;
    if (WIFSIGNALED(wait_status))
        return err_set(e, -EINTR, BLAME_NODE, "umoci was ended by signal %d", WTERMSIG(wait_status));
    if (WEXITSTATUS(wait_status) == 126)
        return err_set(e, -EIO, BLAME_NODE, "umoci could not be started: %s", words);
    return err_set(e, -EBADMSG, BLAME_ASSIGNMENT, "the image cannot be unpacked: %s",
                   words[0] != '\0' ? words : "umoci does not say why");
}

int unpack(const struct order *o, int into_fd, struct err *e)
{
    struct child c = {.said_fd = -1, .go_fd = -1};
    bool disk_full = false;
    int wait_status = 0;
    int r = start(o, into_fd, &c, e);

    if (r < 0 && c.pid > 0)
        (void)kill(c.pid, SIGKILL);
    while (c.pid > 0) {
        struct pollfd p = {.fd = c.said_fd, .events = POLLIN};
        pid_t ended;
        if (poll(&p, 1, LOOK_MS) == 1)
            hear(&c);
        ended = waitpid(c.pid, &wait_status, WNOHANG);
        if (ended == c.pid)
            break;
        if (r == 0 && !disk_full && disk_short(into_fd, o)) {
            disk_full = true;
            (void)kill(c.pid, SIGKILL);
        }
    }
    while (c.said_fd >= 0 && c.pid > 0 &&
           poll(&(struct pollfd){.fd = c.said_fd, .events = POLLIN}, 1, 0) == 1)
        hear(&c);
    fd_close(&c.said_fd);
    fd_close(&c.go_fd);
    return r < 0 ? r : judge(&c, wait_status, disk_full, e);
}
