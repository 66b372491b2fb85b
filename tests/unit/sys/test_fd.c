/* test_fd.c - files, folders and descriptors, in a scratch folder of their own. */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/fd.h"

struct scratch {
    char path[64];
    int fd;
};

static int make(void **state)
{
    static struct scratch s;

    (void)snprintf(s.path, sizeof(s.path), "/tmp/fd-test-XXXXXX");
    if (mkdtemp(s.path) == NULL)
        return -1;
    s.fd = dir_open(AT_FDCWD, s.path);
    *state = &s;
    return s.fd < 0;
}

static int unmake(void **state)
{
    struct scratch *s = *state;

    (void)close(s->fd);
    return tree_remove(AT_FDCWD, s->path);
}

static void replaced_files_are_whole(void **state)
{
    const struct scratch *s = *state;
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(100);
    AUTO(strbuf) struct strbuf small = STRBUF_INIT(2);
    struct stat st;

    assert_int_equal(file_replace(s->fd, "a", "one", 3, 0640), 0);
    assert_int_equal(file_replace(s->fd, "a", "two!", 4, 0640), 0);
    assert_int_equal(file_read(s->fd, "a", &text), 0);
    assert_string_equal(strbuf_str(&text), "two!");
    assert_int_equal(file_read(s->fd, "a", &small), -E2BIG);
    assert_int_equal(file_read(s->fd, "none", &text), -ENOENT);
    assert_int_equal(fstatat(s->fd, ".a.new", &st, 0), -1);
}

static void links_are_not_followed(void **state)
{
    const struct scratch *s = *state;
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(100000);

    assert_int_equal(symlinkat("/etc/passwd", s->fd, "link"), 0);
    assert_int_equal(file_read(s->fd, "link", &text), -ELOOP);
    assert_int_equal(symlinkat("/etc", s->fd, "folder"), 0);
    assert_true(dir_open(s->fd, "folder") < 0);
}

static void trees_are_removed_without_leaving_them(void **state)
{
    const struct scratch *s = *state;
    AUTO_CLOSE int file = openat(s->fd, "outside", O_CREAT | O_WRONLY, 0600);
    struct stat st;

    assert_true(file >= 0);
    assert_int_equal(mkdirat(s->fd, "tree", 0700), 0);
    assert_int_equal(mkdirat(s->fd, "tree/locked", 0700), 0);
    assert_int_equal(mkdirat(s->fd, "tree/locked/deep", 0700), 0);
    assert_int_equal(symlinkat("../outside", s->fd, "tree/link"), 0);
    assert_int_equal(symlinkat("..", s->fd, "tree/up"), 0);
    assert_int_equal(fchmodat(s->fd, "tree/locked", 0, 0), 0);
    assert_int_equal(tree_remove(s->fd, "tree"), 0);
    assert_int_equal(fstatat(s->fd, "tree", &st, 0), -1);
    assert_int_equal(fstatat(s->fd, "outside", &st, 0), 0);
    assert_int_equal(tree_remove(s->fd, "tree"), 0);
}

static void trees_are_measured_up_to_a_limit(void **state)
{
    const struct scratch *s = *state;
    AUTO_CLOSE int dir = -1;
    uint64_t all;

    assert_int_equal(mkdirat(s->fd, "m", 0700), 0);
    dir = dir_open(s->fd, "m");
    for (int i = 0; i < 4; i++) {
        char name[16];
        char block[4096] = {1};
        (void)snprintf(name, sizeof(name), "%d", i);
        assert_int_equal(file_replace(dir, name, block, sizeof(block), 0600), 0);
    }
    all = tree_bytes(dir, 100);
    assert_true(all >= 4 * 4096);
    assert_true(tree_bytes(dir, 2) < all);
    assert_int_equal(tree_bytes(dir, 0), 0);
}

static void sealed_files_cannot_change(void **state)
{
    AUTO_CLOSE int fd = fd_sealed("test", "words", 5);
    AUTO_CLOSE int plain = memfd_create("plain", 0);
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(100);

    (void)state;
    assert_true(fd >= 0);
    assert_true(fd_is_sealed(fd));
    assert_false(fd_is_sealed(plain));
    assert_false(fd_is_sealed(STDIN_FILENO));
    assert_int_equal(fd_read_all(fd, &text), 0);
    assert_string_equal(strbuf_str(&text), "words");
    assert_int_equal(write(fd, "x", 1), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void closing_keeps_what_is_to_be_kept(void **state)
{
    int fds[3];

    (void)state;
    for (int i = 0; i < 3; i++)
        fds[i] = fcntl(STDIN_FILENO, F_DUPFD, 200 + 10 * i);
    fd_close_from(200, &fds[1], 1);
    assert_false(is_open(fds[0]));
    assert_true(is_open(fds[1]));
    assert_false(is_open(fds[2]));
    (void)close(fds[1]);
}

static void folders_are_made_as_they_should_be(void **state)
{
    const struct scratch *s = *state;
    char path[128];
    struct err e = ERR_INIT;
    struct stat st;

    (void)snprintf(path, sizeof(path), "%s/made", s->path);
    assert_int_equal(dir_ensure(path, 0750, geteuid(), getegid(), &e), 0);
    assert_int_equal(chmod(path, 0777), 0);
    assert_int_equal(dir_ensure(path, 0750, geteuid(), getegid(), &e), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0750);
    (void)snprintf(path, sizeof(path), "%s/linked", s->path);
    assert_int_equal(symlink("/tmp", path), 0);
    assert_true(dir_ensure(path, 0750, geteuid(), getegid(), &e) < 0);
    assert_non_null(strstr(e.text, "linked"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(replaced_files_are_whole, make, unmake),
        cmocka_unit_test_setup_teardown(links_are_not_followed, make, unmake),
        cmocka_unit_test_setup_teardown(trees_are_removed_without_leaving_them, make, unmake),
        cmocka_unit_test_setup_teardown(trees_are_measured_up_to_a_limit, make, unmake),
        cmocka_unit_test(sealed_files_cannot_change),
        cmocka_unit_test(closing_keeps_what_is_to_be_kept),
        cmocka_unit_test_setup_teardown(folders_are_made_as_they_should_be, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
