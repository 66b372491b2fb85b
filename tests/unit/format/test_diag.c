/* test_diag.c - diagnostics as people see them, and the hints for misspelt keys. */
#include "cmocka_all.h"

#include "base/auto.h"
#include "format/known.h"
#include "format/read.h"

static void lines_as_printed(void **state)
{
    AUTO(diag) struct diag_list l = {.file = "job.yaml"};
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(4096);

    (void)state;
    diag_error(&l, (struct diag_where){.line = 12, .column = 9}, "expected a %s", "list");
    diag_warning(&l, (struct diag_where){.pointer = "/a/b"}, "odd\nline");
    diag_error(&l, (struct diag_where){0}, "empty");
    l.file = NULL;
    diag_error(&l, (struct diag_where){.pointer = "/x"}, "bare");
    diag_print(&l, &out);
    assert_string_equal(out.data, "job.yaml:12:9: error: expected a list\n"
                                  "job.yaml: /a/b: warning: odd?line\n"
                                  "job.yaml: error: empty\n"
                                  "/x: error: bare\n");
    assert_int_equal(l.errors, 3);
    assert_int_equal(l.warnings, 1);
}

static void only_so_many_are_kept(void **state)
{
    AUTO(diag) struct diag_list l = {0};
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(65536);

    (void)state;
    for (int i = 0; i < DIAG_MAX + 7; i++)
        diag_error(&l, (struct diag_where){0}, "e");
    assert_int_equal(l.count, DIAG_MAX);
    assert_int_equal(l.errors, DIAG_MAX + 7);
    diag_print(&l, &out);
    assert_non_null(strstr(out.data, "... and 7 more\n"));
}

static void nearest_word(void **state)
{
    static const char *const KNOWN[] = {"entrypoint", "scriptPathURI",    "env",
                                        "args",       "blockStorageSize", "id"};
    static const struct {
        const char *word, *nearest;
    } CASES[] = {
        {"entryPoint", "entrypoint"},
        {"entrypiont", "entrypoint"},
        {"scriptPathUri", "scriptPathURI"},
        {"envs", "env"},
        {"arg", "args"},
        {"block_storage_size", "blockStorageSize"},
        {"kind", NULL},
        {"colour", NULL},
        {"x", NULL},
        {"", NULL},
        {"a_word_that_is_much_longer_than_any_key_a_person_would_write", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        const char *got = known_nearest(CASES[i].word, KNOWN, ARRAY_SIZE(KNOWN));
        if ((got == NULL) != (CASES[i].nearest == NULL) ||
            (got != NULL && strcmp(got, CASES[i].nearest) != 0))
            fail_msg("%s: %s", CASES[i].word, got != NULL ? got : "none");
    }
}

static void unknown_keys_are_reported_at_the_key(void **state)
{
    static const char *const KNOWN[] = {"entrypoint"};
    static const char TEXT[] = "entrypoint: a.py\n  \nentryPoint: b.py\nzebra: 1\n";
    AUTO(diag) struct diag_list l = {0};
    AUTO(node) struct node *n = yaml_read(TEXT, sizeof(TEXT) - 1, &l);
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(4096);

    (void)state;
    known_check(n, KNOWN, ARRAY_SIZE(KNOWN), DIAG_WARNING, &l);
    known_check(n, KNOWN, ARRAY_SIZE(KNOWN), DIAG_ERROR, &l);
    diag_print(&l, &out);
    assert_string_equal(out.data,
                        "3:1: warning: unknown key 'entryPoint' is ignored; did you mean 'entrypoint'?\n"
                        "4:1: warning: unknown key 'zebra' is ignored\n"
                        "3:1: error: unknown key 'entryPoint'; did you mean 'entrypoint'?\n"
                        "4:1: error: unknown key 'zebra'\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_as_printed),
        cmocka_unit_test(only_so_many_are_kept),
        cmocka_unit_test(nearest_word),
        cmocka_unit_test(unknown_keys_are_reported_at_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
