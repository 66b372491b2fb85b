/* test_beneath.c - paths below a folder: the walk decides as the kernel does. */
#include "cmocka_all.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "scratch.h"
#include "unpack/beneath.h"

static int make_tree(void **state)
{
    static struct scratch s;
    static const char *const LINKS[][2] = {
        {"file", "d/to-brother"},
        {"../top", "d/up"},
        {"../../out", "d/out"},
        {"/etc/passwd", "absolute"},
        {"loop-b", "loop-a"},
        {"loop-a", "loop-b"},
        {"d", "to-d"},
        {"nothing", "dangling"},
        {"d/../d/./file", "crooked"},
        {"to-d/to-brother", "two"},
        {".", "self"},
    };

    if (scratch_make(&s) < 0 || mkdirat(s.fd, "d", 0755) < 0 || mkdirat(s.fd, "d/e", 0755) < 0)
        return -1;
    (void)close(openat(s.fd, "top", O_CREAT | O_WRONLY, 0644));
    (void)close(openat(s.fd, "d/file", O_CREAT | O_WRONLY, 0644));
    for (size_t i = 0; i < ARRAY_SIZE(LINKS); i++)
        if (symlinkat(LINKS[i][0], s.fd, LINKS[i][1]) < 0)
            return -1;
    *state = &s;
    return 0;
}

static int remove_tree(void **state)
{
    scratch_remove(*state);
    return 0;
}

struct look {
    int error; /* 0: opened */
    ino_t inode;
};

typedef int open_function(int dir, const char *path, int flags, mode_t mode, bool through_links);

static struct look look(open_function *open_it, int dir, const char *path, int flags, bool through_links)
{
    AUTO_CLOSE int fd = open_it(dir, path, flags, 0, through_links);
    struct stat st = {0};

    if (fd < 0)
        return (struct look){.error = fd};
    assert_int_equal(fstat(fd, &st), 0);
    return (struct look){.inode = st.st_ino};
}

static const struct {
    const char *path;
    int plain, linked; /* 0 or the error, through no links and through links */
} CASES[] = {
    {"top", 0, 0},
    {"d/file", 0, 0},
    {"d/e", 0, 0},
    {".", 0, 0},
    {"d/./e/.", 0, 0},
    {"d//file", 0, 0},
    {"d/e/../file", 0, 0},
    {"d/..", 0, 0},
    {"..", -EXDEV, -EXDEV},
    {"d/../..", -EXDEV, -EXDEV},
    {"d/../../etc", -EXDEV, -EXDEV},
    {"/etc/passwd", -EXDEV, -EXDEV},
    {"", -ENOENT, -ENOENT},
    {"missing", -ENOENT, -ENOENT},
    {"d/missing/x", -ENOENT, -ENOENT},
    {"top/x", -ENOTDIR, -ENOTDIR},
    {"d/to-brother", -ELOOP, 0},
    {"d/up", -ELOOP, 0},
    {"d/out", -ELOOP, -EXDEV},
    {"absolute", -ELOOP, -EXDEV},
    {"loop-a", -ELOOP, -ELOOP},
    {"to-d/file", -ELOOP, 0},
    {"to-d/../top", -ELOOP, 0},
    {"dangling", -ELOOP, -ENOENT},
    {"crooked", -ELOOP, 0},
    {"two", -ELOOP, 0},
    {"self/self/self/d/file", -ELOOP, 0},
};

static void both_agree(void **state)
{
    const struct scratch *s = *state;

    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
        for (int linked = 0; linked < 2; linked++) {
            struct look walked = look(beneath_walk, s->fd, CASES[i].path, O_RDONLY, linked != 0);
            struct look opened = look(beneath_open, s->fd, CASES[i].path, O_RDONLY, linked != 0);
            int expected = linked ? CASES[i].linked : CASES[i].plain;
            if (walked.error != expected || opened.error != expected || walked.inode != opened.inode)
                fail_msg("'%s' %s links: walked %d, opened %d, expected %d", CASES[i].path,
                         linked ? "through" : "without", walked.error, opened.error, expected);
        }
}

static void flags_are_of_the_last_part(void **state)
{
    const struct scratch *s = *state;
    AUTO_CLOSE int made = beneath_walk(s->fd, "d/e/new", O_WRONLY | O_CREAT | O_EXCL, 0640, false);
    struct stat st;

    assert_true(made >= 0);
    assert_int_equal(fstat(made, &st), 0);
    assert_int_equal(st.st_mode, S_IFREG | 0640);
    assert_true((fcntl(made, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(beneath_walk(s->fd, "d/e/new", O_WRONLY | O_CREAT | O_EXCL, 0640, false), -EEXIST);
    assert_int_equal(beneath_walk(s->fd, "top", O_RDONLY | O_DIRECTORY, 0, false), -ENOTDIR);
}

static void what_is_too_long_is_refused(void **state)
{
    const struct scratch *s = *state;
    char name[300];
    char path[PATH_MAX + 2];

    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    memset(path, '/', sizeof(path));
    path[0] = 'd';
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(beneath_walk(s->fd, name, O_RDONLY, 0, false), -ENAMETOOLONG);
    assert_int_equal(beneath_walk(s->fd, path, O_RDONLY, 0, false), -ENAMETOOLONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_agree),
        cmocka_unit_test(flags_are_of_the_last_part),
        cmocka_unit_test(what_is_too_long_is_refused),
    };

    return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
