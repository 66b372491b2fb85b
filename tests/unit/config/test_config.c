/* test_config.c - files and drop-ins over defaults, errors with their places, and showing what is in effect.
 */
#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "config/config.h"

#define MAX_TEXT 65536

struct place {
    char directory[64];
    char path[128]; /* of runlet.yaml */
};

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    char drop_ins[128];

    (void)snprintf(p->directory, sizeof(p->directory), "/tmp/runlet-config-XXXXXX");
    if (mkdtemp(p->directory) == NULL)
        return -1;
    (void)snprintf(p->path, sizeof(p->path), "%s/runlet.yaml", p->directory);
    (void)snprintf(drop_ins, sizeof(drop_ins), "%s/runlet.d", p->directory);
    *state = p;
    return mkdir(drop_ins, 0755);
}

static const char *const FILES[] = {"runlet.yaml",
                                    "runlet.d/10-a.yaml",
                                    "runlet.d/20-b.yaml",
                                    "runlet.d/30-c.conf",
                                    "runlet.d/.hidden.yaml",
                                    "runlet.d",
                                    ""};

static int tear_down(void **state)
{
    struct place *p = *state;

    for (size_t i = 0; i < ARRAY_SIZE(FILES); i++) {
        char path[192];
        (void)snprintf(path, sizeof(path), "%s/%s", p->directory, FILES[i]);
        (void)remove(path);
    }
    free(p);
    return 0;
}

static void put(const struct place *p, const char *name, const char *text)
{
    char path[192];
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/%s", p->directory, name);
    f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void defaults_without_a_drop_in(void **state)
{
    struct place *p = *state;
    AUTO(config) struct config c = {0};
    AUTO(diag) struct diag_list diags = {0};

    put(p, "runlet.yaml", "");
    assert_int_equal(config_load(p->path, &c, &diags), 0);
    assert_int_equal(diags.count, 0);
    assert_int_equal(c.concurrency, 1);
    assert_string_equal(c.agent_user, "runlet");
    assert_string_equal(c.job_user, "datascience");
    assert_int_equal(c.job_uid, 1000);
    assert_int_equal(c.job_gid, 100);
    assert_false(c.job_allow_root);
    assert_int_equal(c.stop_grace_ms, 30000);
    assert_int_equal(c.maximum_runtime_ms, 30LL * 24 * 3600 * 1000);
    assert_int_equal(c.log_level, LOG_LEVEL_INFO);
    assert_string_equal(c.state_directory, "/var/lib/runlet");
    assert_string_equal(c.libexec_directory, "");
    assert_int_equal(c.retention_bytes, 10LL << 30);
    assert_null(c.origin[CONFIG_CONCURRENCY].file);
}

static void later_files_win(void **state)
{
    struct place *p = *state;
    AUTO(config) struct config c = {0};
    AUTO(diag) struct diag_list diags = {0};
    char drop_in[192];

    (void)snprintf(drop_in, sizeof(drop_in), "%s/runlet.d/20-b.yaml", p->directory);
    put(p, "runlet.yaml", "concurrency: 2\nstop:\n  grace: 5s\njob:\n  uid: 1500\n");
    put(p, "runlet.d/20-b.yaml", "\nconcurrency: 4\n");
    put(p, "runlet.d/10-a.yaml", "concurrency: 3\nunpack: {maxSize: 512M, maxRatio: 10}\njob:\n");
    put(p, "runlet.d/30-c.conf", "concurrency: 9\n");
    put(p, "runlet.d/.hidden.yaml", "concurrency: 9\n");
    assert_int_equal(config_load(p->path, &c, &diags), 0);
    assert_int_equal(c.concurrency, 4);
    assert_string_equal(c.origin[CONFIG_CONCURRENCY].file, drop_in);
    assert_int_equal(c.origin[CONFIG_CONCURRENCY].line, 2);
    assert_int_equal(c.stop_grace_ms, 5000);
    assert_string_equal(c.origin[CONFIG_STOP_GRACE].file, p->path);
    assert_int_equal(c.origin[CONFIG_STOP_GRACE].line, 3);
    assert_int_equal(c.job_uid, 1500);
    assert_int_equal(c.unpack_bytes, 512LL << 20);
    assert_int_equal(c.unpack_ratio, 10);
}

static void a_file_that_was_asked_for_must_exist(void **state)
{
    struct place *p = *state;
    AUTO(config) struct config c = {0};
    AUTO(diag) struct diag_list diags = {0};

    assert_int_equal(config_load(p->path, &c, &diags), -EINVAL);
    assert_int_equal(diags.errors, 1);
    assert_string_equal(diags.entry[0].file, p->path);
    assert_non_null(strstr(diags.entry[0].message, "No such file"));
    assert_int_equal(c.concurrency, 1);
}

static void errors_say_where_and_what(void **state)
{
    static const struct {
        const char *text;
        int line, column;
        const char *says;
    } CASES[] = {
        {"concurency: 2\n", 1, 1, "did you mean 'concurrency'"},
        {"xyzzy: 2\n", 1, 1, "unknown key 'xyzzy'"},
        {"stop:\n  grce: 5s\n", 2, 3, "did you mean 'stop.grace'"},
        {"stop: 5s\n", 1, 7, "expected a mapping, found string"},
        {"stop.grace: 5s\n", 1, 13, NULL},
        {"concurrency: many\n", 1, 14, "expected an integer, found string"},
        {"concurrency: '2'\n", 1, 14, "expected an integer, found string"},
        {"concurrency: 0\n", 1, 14, "out of bounds: expected 1 to 1000"},
        {"volume: {kind: tape}\n", 1, 16, "expected directory, image or block"},
        {"volume: {device: sdb}\n", 1, 18, "expected an absolute path or pattern"},
        {"volume: {device: /dev/a b}\n", 1, 18, "expected an absolute path or pattern"},
        {"nfs: {options: 'a b'}\n", 1, 16, "expected options with commas"},
        {"nfs: {exports: ocid1.a=server}\n", 1, 16, "expected OCID=ADDRESS"},
        {"concurrency: 1001\n", 1, 14, "out of bounds"},
        {"concurrency: [1]\n", 1, 14, "found list"},
        {"concurrency:\n", 1, 0, "found null"},
        {"stop:\n  grace: 30\n", 2, 10, "expected a length of time"},
        {"stop:\n  grace: 2h\n", 2, 10, "expected 0s to 1h"},
        {"maximumRuntime: 31d\n", 1, 17, "expected 1s to 30d"},
        {"retention: {maxSize: 10X}\n", 1, 22, "expected a size"},
        {"job: {allowRoot: maybe}\n", 1, 18, "expected true or false"},
        {"job: {uid: -1}\n", 1, 12, "out of bounds"},
        {"job:\n  gid: 0\n  uid: 0\n", 3, 0, "need job.allowRoot: true"},
        {"job: {user: Bad Name}\n", 1, 13, "expected the name of a user"},
        {"logLevel: loud\n", 1, 11, "expected error, warning, notice, info or debug"},
        {"python: python3\n", 1, 9, "expected an absolute path"},
        {"fetch: {fileRoots: /a b}\n", 1, 20, "expected absolute paths with blanks between"},
        {"auth: {s3Endpoint: s3.example}\n", 1, 20, "expected an http:// or https:// URL"},
        {"auth: {ociEndpoint: 'https://h/?x'}\n", 1, 21, "expected an http:// or https:// URL"},
        {"auth: {ociProfile: 'a b'}\n", 1, 20, "expected a word"},
        {"fetch: {retryDelay: 31s}\n", 1, 21, "out of bounds"},
        {"python: /usr/../bin/python3\n", 1, 9, "expected an absolute path"},
        {"- a\n", 1, 1, "expected a mapping of keys, found list"},
        {"a: b: c\n", 1, 0, ""},
    };
    struct place *p = *state;

    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(config) struct config c = {0};
        AUTO(diag) struct diag_list diags = {0};

        put(p, "runlet.yaml", CASES[i].text);
        if (CASES[i].says == NULL) { /* a dotted path names the key too */
            assert_int_equal(config_load(p->path, &c, &diags), 0);
            assert_int_equal(c.stop_grace_ms, 5000);
            continue;
        }
        assert_int_equal(config_load(p->path, &c, &diags), -EINVAL);
        assert_int_equal(diags.errors, 1);
        assert_string_equal(diags.entry[0].file, p->path);
        assert_int_equal(diags.entry[0].where.line, CASES[i].line);
        if (CASES[i].column != 0)
            assert_int_equal(diags.entry[0].where.column, CASES[i].column);
        if (strstr(diags.entry[0].message, CASES[i].says) == NULL)
            fail_msg("case %zu: '%s' not in '%s'", i, CASES[i].says, diags.entry[0].message);
    }
}

static void all_errors_at_once(void **state)
{
    struct place *p = *state;
    AUTO(config) struct config c = {0};
    AUTO(diag) struct diag_list diags = {0};

    put(p, "runlet.yaml", "concurrency: none\nlogLevl: info\n");
    put(p, "runlet.d/10-a.yaml", "java: 7\nretention:\n  days: 9\n");
    assert_int_equal(config_load(p->path, &c, &diags), -EINVAL);
    assert_int_equal(diags.errors, 3);
    assert_int_equal(c.retention_days, 9);
    assert_string_equal(c.java, "/usr/bin/java");
}

static void what_is_shown_reads_back(void **state)
{
    struct place *p = *state;
    AUTO(config) struct config first = {0};
    AUTO(config) struct config second = {0};
    AUTO(diag) struct diag_list diags = {0};
    AUTO(strbuf) struct strbuf shown = STRBUF_INIT(MAX_TEXT);
    AUTO(strbuf) struct strbuf again = STRBUF_INIT(MAX_TEXT);

    put(p, "runlet.yaml",
        "stop: {grace: 1500ms}\nretention: {maxSize: 1025, days: 0}\ndirectories: {state: \"/a b/it's #1\", "
        "libexec: ''}\n"
        "job: {allowRoot: true}\nlogLevel: debug\n");
    assert_int_equal(config_load(p->path, &first, &diags), 0);
    assert_int_equal(config_show(&first, true, &shown), 0);
    put(p, "runlet.yaml", strbuf_str(&shown));
    assert_int_equal(config_load(p->path, &second, &diags), 0);
    assert_string_equal(second.state_directory, "/a b/it's #1");
    assert_int_equal(second.stop_grace_ms, 1500);
    assert_int_equal(second.retention_bytes, 1025);
    assert_true(second.job_allow_root);
    strbuf_reset(&shown);
    assert_int_equal(config_show(&first, false, &shown), 0);
    assert_int_equal(config_show(&second, false, &again), 0);
    assert_string_equal(strbuf_str(&shown), strbuf_str(&again));
}

static void origins_are_shown(void **state)
{
    struct place *p = *state;
    AUTO(config) struct config c = {0};
    AUTO(diag) struct diag_list diags = {0};
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(MAX_TEXT);
    char line[256];

    put(p, "runlet.yaml", "# first\nconcurrency: 2\n");
    assert_int_equal(config_load(p->path, &c, &diags), 0);
    assert_int_equal(config_show(&c, true, &out), 0);
    (void)snprintf(line, sizeof(line), "%-40s# from %s:2\n", "concurrency: 2", p->path);
    assert_non_null(strstr(strbuf_str(&out), line));
    (void)snprintf(line, sizeof(line), "\nstop:\n%-40s# default\n", "  grace: 30s");
    assert_non_null(strstr(strbuf_str(&out), line));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(defaults_without_a_drop_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(later_files_win, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_was_asked_for_must_exist, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_say_where_and_what, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_errors_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_shown_reads_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(origins_are_shown, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
