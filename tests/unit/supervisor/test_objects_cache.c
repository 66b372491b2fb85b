/* test_objects_cache.c - what is not uploaded yet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "supervisor/objects_cache.h"
#include "supervisor/objects_output.h"
#include "sys/fd.h"

static void a_note(void **state)
{
    static const char CLEAN[] = "\t\"Fingerprint\": \"3,x\",\n\t\"Dirty\": false\n}";
    static const char CHANGED[] = "\t\"Fingerprint\": \"\",\n\t\"Dirty\": true\n}";

    (void)state;
    assert_true(objects_note_is_clean(CLEAN, sizeof(CLEAN) - 1));
    assert_false(objects_note_is_clean(CHANGED, sizeof(CHANGED) - 1));
    assert_false(objects_note_is_clean(CLEAN, sizeof(CLEAN) - 6));
    assert_false(objects_note_is_clean("", 0));
}

static void a_noted_size(void **state)
{
    static const char NOTE[] =
        "{\n\t\"ModTime\": \"2026\",\n\t\"Size\": 1234,\n\t\"Rs\": [\n\t\t{\"Pos\": 0, \"Size\": 3}]}";

    (void)state;
    assert_int_equal(objects_note_size(NOTE, sizeof(NOTE) - 1), 1234);
    assert_int_equal(objects_note_size(NOTE, 12), -1);
    assert_int_equal(objects_note_size("\"Size\": x", 9), -1);
    assert_int_equal(objects_note_size("\"Size\": 99999999999999999999", 28), -1);
}

static void sizes(void **state)
{
    static const struct {
        int64_t files, bytes;
        const char *text;
    } CASES[] = {
        {1, 0, "1 file, 0 bytes"}, {2, 999, "2 files, 999 bytes"}, {3, 1234567890, "3 files, 1.2 GB"}};
    char text[64];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        const struct objects_pending p = {.files = CASES[i].files, .bytes = CASES[i].bytes};
        objects_pending_text(&p, text, sizeof(text));
        assert_string_equal(text, CASES[i].text);
    }
}

static void write_at(int dir, const char *path, const char *text)
{
    AUTO_CLOSE int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static int scratch_folder(char path[64])
{
    int fd;

    (void)snprintf(path, 64, "/tmp/runlet-objects.XXXXXX");
    assert_non_null(mkdtemp(path));
    fd = dir_open(AT_FDCWD, path);
    assert_true(fd >= 0);
    return fd;
}

static void a_cache(void **state)
{
    static const char *const FOLDERS[] = {"vfs",         "vfs/r",         "vfs/r/b",
                                          "vfs/r/b/p",   "vfsMeta",       "vfsMeta/r",
                                          "vfsMeta/r/b", "vfsMeta/r/b/p", "vfsMeta/r/b/p/d"};
    const struct user_ids self = {geteuid(), getegid()};
    struct objects_pending pending;
    struct err e = ERR_INIT;
    char path[64], name[64];
    AUTO_CLOSE int fd = scratch_folder(path);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(FOLDERS); i++)
        assert_int_equal(mkdirat(fd, FOLDERS[i], 0755), 0);
    write_at(fd, "vfsMeta/r/b/p/done", "{\"Dirty\": false}");
    assert_int_equal(objects_pending_read(fd, &self, 2, &pending, &e), 0);
    assert_int_equal(pending.files, 0);
    write_at(fd, "vfs/r/b/p/new", "12345");
    write_at(fd, "vfsMeta/r/b/p/new", "{\"Dirty\": true}");
    write_at(fd, "vfsMeta/r/b/p/d/half\tnoted", "{\"Dir");
    assert_int_equal(objects_pending_read(fd, &self, 2, &pending, &e), 0);
    assert_int_equal(pending.files, 2);
    assert_int_equal(pending.bytes, 5);
    assert_int_equal(pending.open, 2);
    write_at(fd, "vfsMeta/r/b/p/new", "{\"Size\": 5, \"Dirty\": true}");
    assert_int_equal(objects_pending_read(fd, &self, 2, &pending, &e), 0);
    assert_int_equal(pending.open, 1);
    assert_non_null(strstr(pending.names, "d/half?noted"));
    assert_non_null(strstr(pending.names, "new"));
    assert_null(strstr(pending.names, "b/p"));
    /* However many there are, some names and the number are enough. */
    for (int i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof(name), "vfsMeta/r/b/p/a-rather-long-name-%d", i);
        write_at(fd, name, "{\"Dirty\": true}");
    }
    assert_int_equal(objects_pending_read(fd, &self, 2, &pending, &e), 0);
    assert_int_equal(pending.files, 102);
    assert_string_equal(pending.names + strlen(pending.names) - 3, "...");
    assert_int_equal(tree_remove(AT_FDCWD, path), 0);
}

static void beneath_the_home(void **state)
{
    struct err e = ERR_INIT;
    char path[64], name[NAME_MAX + 1];
    AUTO_CLOSE int fd = scratch_folder(path);
    AUTO_CLOSE int home = -1;
    AUTO_CLOSE int folder = -1;
    AUTO_CLOSE int file = -1;

    (void)state;
    assert_int_equal(mkdirat(fd, "d", 0755), 0);
    write_at(fd, "d/f", "x");
    assert_int_equal(symlinkat("/etc", fd, "link"), 0);
    assert_int_equal(symlinkat("d", fd, "inside"), 0);
    assert_int_equal(mkfifoat(fd, "pipe", 0600), 0);
    home = objects_open_beneath(fd, ".", name, &e);
    assert_true(home >= 0 && name[0] == '\0');
    folder = objects_open_beneath(fd, "d", name, &e);
    assert_true(folder >= 0 && name[0] == '\0');
    assert_int_equal(faccessat(folder, "f", R_OK, 0), 0);
    file = objects_open_beneath(fd, "d/f", name, &e);
    assert_true(file >= 0);
    assert_string_equal(name, "f");
    assert_int_equal(faccessat(file, "f", R_OK, 0), 0);
    assert_int_equal(objects_open_beneath(fd, "none", name, &e), -ENOENT);
    assert_true(objects_open_beneath(fd, "d/f/g", name, &e) < 0);
    assert_true(objects_open_beneath(fd, "link", name, &e) < 0);
    assert_true(objects_open_beneath(fd, "link/passwd", name, &e) < 0);
    assert_true(objects_open_beneath(fd, "inside/f", name, &e) < 0);
    assert_true(objects_open_beneath(fd, "pipe", name, &e) < 0);
    assert_int_equal(tree_remove(AT_FDCWD, path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note),  cmocka_unit_test(a_noted_size),     cmocka_unit_test(sizes),
        cmocka_unit_test(a_cache), cmocka_unit_test(beneath_the_home),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
