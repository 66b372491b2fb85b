/* test_inline_parts.c - an artifact inside its assignment: what becomes of the parts, and what is too large. */
#include "cmocka_all.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/inline_parts.h"

static int file_with(const char *text, size_t size)
{
    int fd = memfd_create("part", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    if (size > 0)
        assert_return_code(ftruncate(fd, (off_t)size), errno);
    return fd;
}

static void given(struct job_request *r, size_t i, enum artifact_form form, const char *path, const char *uri)
{
    struct artifact_part *part = &r->artifact.part[i];

    part->form = form;
    part->name = strdup("name");
    part->path = path != NULL ? strdup(path) : NULL;
    part->source.uri = uri != NULL ? strdup(uri) : NULL;
    if (r->artifact.count <= i)
        r->artifact.count = i + 1;
}

static void test_content_takes_the_place_of_the_path(void **state)
{
    struct job_request r = {0};
    struct parts parts = PARTS_INIT;
    struct err e = ERR_INIT;

    (void)state;
    given(&r, 0, ARTIFACT_FILE, "/home/user/job.sh", NULL);
    given(&r, 1, ARTIFACT_DIRECTORY, "/home/user/folder", NULL);
    given(&r, 2, ARTIFACT_ENTRY_PROGRAM, "driver_python.py", NULL);
    given(&r, 3, ARTIFACT_ARCHIVE, NULL, "https://example.com/a.zip");
    parts.fd[0] = file_with("echo hello\n", 0);
    parts.fd[1] = file_with("tar", 0);
    parts.fd[2] = file_with("", 0);
    assert_int_equal(parts_inline(&r.artifact, &parts, &e), 0);
    for (size_t i = 0; i < 4; i++)
        assert_null(r.artifact.part[i].path);
    assert_string_equal(r.artifact.part[0].source.content, "ZWNobyBoZWxsbwo=");
    assert_int_equal(r.artifact.part[0].form, ARTIFACT_FILE);
    assert_string_equal(r.artifact.part[1].source.content, "dGFy");
    assert_int_equal(r.artifact.part[1].form, ARTIFACT_ARCHIVE);
    assert_string_equal(r.artifact.part[2].source.content, "");
    assert_int_equal(r.artifact.part[2].form, ARTIFACT_FILE);
    assert_null(r.artifact.part[3].source.content);
    assert_string_equal(r.artifact.part[3].source.uri, "https://example.com/a.zip");
    parts_close(&parts);
    job_request_free(&r);
}

static void test_what_is_too_large_is_refused_by_name(void **state)
{
    struct job_request r = {0};
    struct parts parts = PARTS_INIT;
    struct err e = ERR_INIT;

    (void)state;
    given(&r, 0, ARTIFACT_FILE, "/home/user/job.sh", NULL);
    parts.fd[0] = file_with("", INLINE_BYTES_MAX);
    assert_int_equal(parts_inline(&r.artifact, &parts, &e), 0);
    parts_close(&parts);
    given(&r, 1, ARTIFACT_FILE, "/home/user/more.sh", NULL);
    parts.fd[1] = file_with("", INLINE_BYTES_MAX + 1);
    assert_int_equal(parts_inline(&r.artifact, &parts, &e), -E2BIG);
    assert_non_null(strstr(e.text, "name has 262145 bytes"));
    assert_non_null(strstr(e.text, "a URI"));
    parts_close(&parts);
    job_request_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content_takes_the_place_of_the_path),
        cmocka_unit_test(test_what_is_too_large_is_refused_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
