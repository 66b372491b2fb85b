/* test_pack.c - a directory as an archive, read back by libarchive. */
#include "cmocka_all.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <sys/mman.h>

#include "base/auto.h"
#include "fetch/pack.h"
#include "scratch.h"

static int make(void **state)
{
    static struct scratch s;
    AUTO_CLOSE int file = -1;

    *state = &s;
    if (scratch_make(&s) < 0 || mkdirat(s.fd, "src", 0755) < 0 || mkdirat(s.fd, ".git", 0755) < 0 ||
        mkdirat(s.fd, "src/__pycache__", 0755) < 0 || symlinkat("src/main.py", s.fd, "link.py") < 0)
        return -1;
    file = openat(s.fd, "src/main.py", O_CREAT | O_WRONLY, 0644);
    return fd_write_all(file, "print(1)\n", 9);
}

static int unmake(void **state)
{
    scratch_remove(*state);
    return 0;
}

/* All names in the archive, in order, each followed by a blank. */
static void list(int fd, char *names, size_t size)
{
    struct archive *a = archive_read_new();
    struct archive_entry *entry;

    names[0] = '\0';
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    (void)archive_read_support_format_tar(a);
    assert_int_equal(archive_read_open_fd(a, fd, 4096), ARCHIVE_OK);
    while (archive_read_next_header(a, &entry) == ARCHIVE_OK) {
        size_t used = strlen(names);
        (void)snprintf(names + used, size - used, "%s ", archive_entry_pathname(entry));
        if (archive_entry_filetype(entry) == AE_IFREG)
            assert_int_equal(archive_entry_size(entry), 9);
    }
    (void)archive_read_free(a);
}

static void names_are_relative_or_below_a_top_folder(void **state)
{
    const struct scratch *s = *state;
    AUTO_CLOSE int flat = memfd_create("flat", 0);
    AUTO_CLOSE int top = memfd_create("top", 0);
    struct err e = ERR_INIT;
    char names[512];

    assert_int_equal(pack_directory(s->fd, NULL, flat, 1 << 20, &e), 0);
    list(flat, names, sizeof(names));
    assert_string_equal(names, "link.py src/ src/main.py ");
    assert_int_equal(pack_directory(s->fd, "project", top, 1 << 20, &e), 0);
    list(top, names, sizeof(names));
    assert_string_equal(names, "project/ project/link.py project/src/ project/src/main.py ");
}

static void too_much_is_refused(void **state)
{
    const struct scratch *s = *state;
    AUTO_CLOSE int out = memfd_create("out", 0);
    struct err e = ERR_INIT;

    assert_int_equal(pack_directory(s->fd, NULL, out, 8, &e), -E2BIG);
    assert_int_equal(e.blame, BLAME_ASSIGNMENT);
}

static void what_is_no_file_is_refused_by_name(void **state)
{
    const struct scratch *s = *state;
    AUTO_CLOSE int out = memfd_create("out", 0);
    struct err e = ERR_INIT;

    assert_int_equal(mkfifoat(s->fd, "src/pipe", 0600), 0);
    assert_int_equal(pack_directory(s->fd, NULL, out, 1 << 20, &e), -EINVAL);
    assert_non_null(strstr(e.text, "src/pipe"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_are_relative_or_below_a_top_folder, make, unmake),
        cmocka_unit_test_setup_teardown(too_much_is_refused, make, unmake),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_refused_by_name, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
