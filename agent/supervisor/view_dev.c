/* view_dev.c - see view_dev.h. */
#include "supervisor/view_dev.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "base/run_sandbox.h"
#include "supervisor/view_parts.h"
#include "sys/fd.h"

const char *const COMMON_DEVICES[] = {"/dev/null",    "/dev/zero", "/dev/full", "/dev/random",
                                      "/dev/urandom", "/dev/tty",  NULL};

int view_dev_open(const struct strlist *granted, struct view_nodes *ret, struct err *e)
{
    struct view_node *nodes = ret->node;
    size_t *ret_count = &ret->count;
    struct stat st;
    size_t n = 0;

    for (size_t i = 0; COMMON_DEVICES[i] != NULL; i++)
        nodes[n++] = (struct view_node){
            .path = COMMON_DEVICES[i], .fd = open(COMMON_DEVICES[i], O_PATH | O_CLOEXEC), .common = true};
    for (size_t i = 0; i < granted->count && n < VIEW_NODES_MAX; i++) {
        int fd = open(granted->item[i], O_PATH | O_NOFOLLOW | O_CLOEXEC);
        struct view_node *node = &nodes[n++];
        *node = (struct view_node){.path = granted->item[i], .fd = fd};
        *ret_count = n;
        if (fd < 0)
            return err_errno(e, errno, BLAME_NODE, "open the device %s that the job asks for",
                             granted->item[i]);
        if (fstat(fd, &st) < 0 || (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode)))
            return err_set(e, -ENODEV, BLAME_ASSIGNMENT, "%s, which the job asks for, is no device",
                           granted->item[i]);
        node->kind = st.st_mode & S_IFMT;
        node->number = st.st_rdev;
    }
    *ret_count = n;
    return 0;
}

/* Makes the folders that lead to the path, all below /dev. */
static int make_parents(const char *path, struct err *e)
{
    char part[256];

    (void)snprintf(part, sizeof(part), "%s", path);
    for (char *slash = strchr(part + 5, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, 0755) < 0 && errno != EEXIST)
            return view_failed(e, "make", part);
        *slash = '/';
    }
    return 0;
}

/* The machine's node, with its rights there. */
static int bind_node(const struct view_node *node, struct err *e)
{
    AUTO_CLOSE int fd = -1;
    char source[64];

    fd = open(node->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return view_failed(e, "make", node->path);
    (void)snprintf(source, sizeof(source), "/proc/self/fd/%d", node->fd);
    if (mount(source, node->path, NULL, MS_BIND, NULL) < 0)
        return view_failed(e, "bind", node->path);
    /* A device is written to on a read-only file system as well; its node is not changed. */
    if (mount(NULL, node->path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC, NULL) < 0)
        return view_failed(e, "set the mount options of", node->path);
    return 0;
}

/* A granted device is a node of the job's user: on the machine it may be open to a group (render, disk) that the job should
 * not be in. Without the right to make nodes the machine's own has to do. */
static int place_node(const struct view_node *node, struct user_ids owner, struct err *e)
{
    if (node->fd < 0)
        return 0; /* one of the common ones, on a machine without it */
    if (make_parents(node->path, e) < 0)
        return e->code;
    if (node->common || mknod(node->path, node->kind | 0600, node->number) < 0)
        return node->common || errno == EPERM ? bind_node(node, e) : view_failed(e, "make", node->path);
    if (chown(node->path, owner.uid, owner.gid) < 0)
        return view_failed(e, "give away", node->path);
    return 0;
}

static int make_links(struct err *e)
{
    static const struct {
        const char *name, *to;
    } LINKS[] = {{"/dev/fd", "/proc/self/fd"},
                 {"/dev/stdin", "/proc/self/fd/0"},
                 {"/dev/stdout", "/proc/self/fd/1"},
                 {"/dev/stderr", "/proc/self/fd/2"},
                 {"/dev/ptmx", "pts/ptmx"}};

    for (size_t i = 0; i < ARRAY_SIZE(LINKS); i++)
        if (symlink(LINKS[i].to, LINKS[i].name) < 0)
            return view_failed(e, "make", LINKS[i].name);
    return 0;
}

static int make_mounts(struct err *e)
{
    if (mkdir("/dev/pts", 0755) < 0 || mkdir("/dev/shm", 01777) < 0 || mkdir("/dev/mqueue", 01777) < 0)
        return view_failed(e, "make the folders of", "/dev");
    if (mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620") <
        0)
        return view_failed(e, "mount", "/dev/pts");
    if (mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") < 0)
        return view_failed(e, "mount", "/dev/shm");
    /* A kernel without POSIX message queues has no such file system. */
    if (mount("mqueue", "/dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 &&
        errno != ENODEV)
        return view_failed(e, "mount", "/dev/mqueue");
    CRASH_POINT("mounted:/dev/mqueue");
    return 0;
}

int view_dev_fill(const struct view_nodes *nodes, struct user_ids owner, struct err *e)
{
    if (mount("tmpfs", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755,size=64k,nr_inodes=256") < 0)
        return view_failed(e, "mount an empty", "/dev");
    CRASH_POINT("mounted:/dev");
    for (size_t i = 0; i < nodes->count; i++)
        if (place_node(&nodes->node[i], owner, e) < 0)
            return e->code;
    if (make_links(e) < 0 || make_mounts(e) < 0)
        return e->code;
    if (mount(NULL, "/dev", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC, NULL) < 0)
        return view_failed(e, "make read-only", "/dev");
    return 0;
}

void view_dev_close(struct view_nodes *nodes)
{
    for (size_t i = 0; i < nodes->count; i++)
        fd_close(&nodes->node[i].fd);
}

int view_dev_build(const struct strlist *granted, struct user_ids owner, struct err *e)
{
    struct view_nodes nodes = {.count = 0};
    int r = view_dev_open(granted, &nodes, e);

    if (r == 0)
        r = view_dev_fill(&nodes, owner, e);
    view_dev_close(&nodes);
    return r;
}
