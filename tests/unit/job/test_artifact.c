/* test_artifact.c - paths as artifacts: by name, and as they are on disk. */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "job/reading.h"

static char directory[64];

static void put_file(const char *name, off_t size)
{
    AUTO_CLOSE int fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, size), 0);
}

static int setup(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/test-artifact-XXXXXX");
    if (mkdtemp(directory) == NULL || chdir(directory) < 0)
        return -1;
    put_file("train.py", 10);
    put_file("proj.tar.gz", 10);
    put_file("note.ipynb", 10);
    put_file("data.csv", 10);
    put_file("job.yaml", 10);
    put_file("huge.zip", (off_t)ARTIFACT_BYTES_MAX + 1);
    return mkdir("proj", 0755) < 0 || mkdir("odd.zip", 0755) < 0 || symlink("train.py", "link.py") < 0 ||
                   mkfifo("pipe.sh", 0644) < 0
               ? -1
               : 0;
}

static int teardown(void **state)
{
    static const char *const FILES[] = {"train.py", "proj.tar.gz", "note.ipynb", "data.csv",
                                        "job.yaml", "huge.zip",    "link.py",    "pipe.sh"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(FILES); i++)
        (void)unlink(FILES[i]);
    (void)rmdir("proj");
    (void)rmdir("odd.zip");
    return chdir("/") < 0 || rmdir(directory) < 0 ? -1 : 0;
}

static void forms_by_name(void **state)
{
    static const struct {
        const char *name;
        int form; /* -1: not a type */
    } CASES[] = {
        {"a.py", ARTIFACT_FILE},
        {"a.sh", ARTIFACT_FILE},
        {"a.jar", ARTIFACT_FILE},
        {"a.zip", ARTIFACT_ARCHIVE},
        {"a.tar", ARTIFACT_ARCHIVE},
        {"a.b.tar.gz", ARTIFACT_ARCHIVE},
        {"a.tgz", ARTIFACT_ARCHIVE},
        {"a.tar.xz", ARTIFACT_ARCHIVE},
        {"a.tar.zst", ARTIFACT_ARCHIVE},
        {"a.tar.bz2", ARTIFACT_ARCHIVE},
        {"a.gz", -1},
        {"a.ipynb", -1},
        {".py", -1},
        {"py", -1},
        {"a.PY", -1},
        {"a.yaml", -1},
        {"", -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        enum artifact_form form = ARTIFACT_ENTRY_PROGRAM;
        bool known = artifact_form_of(CASES[i].name, &form);
        if (known != (CASES[i].form >= 0) || (known && (int)form != CASES[i].form))
            fail_msg("%s: %d", CASES[i].name, known ? (int)form : -1);
    }
}

static void bare_paths(void **state)
{
    static const struct {
        const char *path;
        enum artifact_form form;
        const char *name, *into, *file_name;
        bool flatten;
        enum job_runtime runtime;
        size_t parts;
    } CASES[] = {
        {"train.py", ARTIFACT_FILE, "train.py", "", "train.py", false, RUNTIME_ARTIFACT, 1},
        {"./link.py", ARTIFACT_FILE, "link.py", "", "link.py", false, RUNTIME_ARTIFACT, 1},
        {"proj.tar.gz", ARTIFACT_ARCHIVE, "proj.tar.gz", "decompressed_artifact", "proj.tar.gz", false,
         RUNTIME_ARTIFACT, 1},
        {"proj", ARTIFACT_DIRECTORY, "proj", "decompressed_artifact", "proj.zip", true, RUNTIME_ARTIFACT, 1},
        {"proj/", ARTIFACT_DIRECTORY, "proj", "decompressed_artifact", "proj.zip", true, RUNTIME_ARTIFACT, 1},
        {"proj/.", ARTIFACT_DIRECTORY, "proj", "decompressed_artifact", "proj.zip", true, RUNTIME_ARTIFACT,
         1},
        {"odd.zip", ARTIFACT_DIRECTORY, "odd.zip", "decompressed_artifact", "odd.zip.zip", true,
         RUNTIME_ARTIFACT, 1},
        {"note.ipynb", ARTIFACT_FILE, "note.ipynb", "decompressed_artifact/code", "note.ipynb", false,
         RUNTIME_NOTEBOOK, 3},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(reading) struct reading r = reading_begin(NULL);
        const struct artifact *a = &r.request.artifact;
        reading_end(&r, artifact_from_path(CASES[i].path, &r.request, &r.diags));
        if (r.result != 0 || a->count != CASES[i].parts)
            fail_msg("%s: %d %s", CASES[i].path, r.result, strbuf_str(&r.text));
        assert_int_equal(a->part[0].form, CASES[i].form);
        assert_int_equal(a->part[0].path[0], '/');
        assert_string_equal(a->part[0].name, CASES[i].name);
        assert_string_equal(a->part[0].into, CASES[i].into);
        assert_int_equal(a->part[0].flatten, CASES[i].flatten);
        assert_string_equal(a->file_name, CASES[i].file_name);
        assert_int_equal(r.request.runtime, CASES[i].runtime);
        assert_int_equal(r.request.job.configuration.x.stop_grace_ms, -1);
    }
}

static void bare_paths_refused(void **state)
{
    static const struct {
        const char *path;
        const char *says;
    } CASES[] = {
        {"nothing.py", "error: nothing.py: No such file or directory"},
        {"data.csv", "not a type of artifact: expected .py, .sh, .jar, .zip"},
        {"job.yaml", "error: job.yaml: a document, not an artifact"},
        {"huge.zip", "are over the limit of 4 GB"},
        {"pipe.sh", "expected a file or a directory"},
        {"", "the path is empty"},
        {"a\xFF.py", "not UTF-8"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(reading) struct reading r = reading_begin(NULL);
        reading_end(&r, artifact_from_path(CASES[i].path, &r.request, &r.diags));
        assert_int_equal(r.result, -EINVAL);
        expect_text(&r, CASES[i].says);
    }
}

static void resolve_follows_the_disk(void **state)
{
    AUTO(reading) struct reading r = reading_begin("job.yaml");
    static const char YAML[] = "kind: job\nspec:\n  runtime: {type: script, spec: {scriptPathURI: odd.zip, "
                               "entrypoint: odd.zip/a.py}}\n";
    AUTO(node) struct node *root = yaml_read(YAML, sizeof(YAML) - 1, &r.diags);

    (void)state;
    assert_int_equal(ads_read_job(root, directory, &r.request, &r.diags), 0);
    assert_int_equal(artifact_resolve(&r.request.artifact, &r.diags), 0);
    assert_int_equal(r.request.artifact.part[0].form, ARTIFACT_DIRECTORY);
    assert_false(r.request.artifact.part[0].flatten);
    assert_string_equal(r.request.artifact.file_name, "odd.zip.zip");
    reading_end(&r, 0);
    assert_string_equal(strbuf_str(&r.text), "");
}

static void resolve_reports_what_is_missing(void **state)
{
    AUTO(reading)
    struct reading r =
        read_ads("kind: job\nspec:\n  runtime: {type: python, spec: {scriptPathURI: /nowhere/x.py}}\n");

    (void)state;
    assert_int_equal(r.result, 0);
    assert_int_equal(artifact_resolve(&r.request.artifact, &r.diags), -EINVAL);
    diag_print(&r.diags, &r.text);
    expect_text(&r, ":3:49: error: /nowhere/x.py: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_by_name),
        cmocka_unit_test(bare_paths),
        cmocka_unit_test(bare_paths_refused),
        cmocka_unit_test(resolve_follows_the_disk),
        cmocka_unit_test(resolve_reports_what_is_missing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
