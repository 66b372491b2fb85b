/* test_journal.c - what was committed is read, a torn end is forgiven, damage before it is not. */
#include "cmocka_all.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/strbuf.h"
#include "record/journal.h"
#include "temp_dir.h"

#define A "{\"event\":\"a\"}\n"
#define B "{\"event\":\"b\"}\n"

static int collect(const struct fact *fact, void *context)
{
    const char *event = fact_str(fact, "event");

    strbuf_addstr(context, event);
    return strcmp(event, "stop") == 0 ? 42 : 0;
}

static void append(struct journal *j, const char *event)
{
    struct err e = ERR_INIT;

    (void)journal_begin(j, (wall_ms_t){1795500103123}, event);
    if (journal_commit(j, true, &e) < 0)
        fail_msg("%s", e.text);
}

static void facts_come_back_in_order(void **state)
{
    AUTO(temp_dir) struct temp_dir dir = temp_dir_make();
    AUTO(strbuf) struct strbuf seen = STRBUF_INIT(100);
    AUTO(journal) struct journal j = JOURNAL_INIT;
    struct err e = ERR_INIT;
    struct fact_writer *w;
    char text[512];
    struct stat st;

    (void)state;
    assert_int_equal(journal_open(dir.fd, "j", 0640, &j, &e), 0);
    w = journal_begin(&j, (wall_ms_t){1795500103123}, "launched");
    fact_put_int(w, "pid", 4711);
    assert_int_equal(journal_commit(&j, false, &e), 0);
    append(&j, "ended");
    journal_close(&j);
    assert_int_equal(journal_open(dir.fd, "j", 0640, &j, &e), 0);
    append(&j, "again");
    assert_int_equal(journal_read(dir.fd, "j", collect, &seen, &e), 0);
    assert_string_equal(strbuf_str(&seen), "launchedendedagain");
    temp_file_read(&dir, "j", text, sizeof(text));
    assert_non_null(
        strstr(text, "{\"t\":\"2026-11-24T06:01:43.123Z\",\"event\":\"launched\",\"pid\":4711}\n"));
    assert_int_equal(fstat(j.fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
}

static void visitor_stops_the_reader(void **state)
{
    static const char TEXT[] = A "{\"event\":\"stop\"}\n" B;
    AUTO(strbuf) struct strbuf seen = STRBUF_INIT(100);
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(journal_scan("j", TEXT, sizeof(TEXT) - 1, collect, &seen, &e), 42);
    assert_string_equal(strbuf_str(&seen), "astop");
}

/* What the reader gives and what the next writer leaves in the file agree in every case. */
static void torn_ends(void **state)
{
    static const struct {
        const char *text;
        size_t n;
        const char *seen;
        size_t whole;
    } CASES[] = {
#define CASE(text, seen, whole) {text, sizeof(text) - 1, seen, whole}
        CASE("", "", 0),
        CASE(A, "a", sizeof(A) - 1),
        CASE(A "{\"event\":\"b\"}", "a", sizeof(A) - 1),
        CASE(A "{\"ev", "a", sizeof(A) - 1),
        CASE(A "garbage\n", "a", sizeof(A) - 1),
        CASE(A "\n", "a", sizeof(A) - 1),
        CASE(A "\0\0\0\0\0\0", "a", sizeof(A) - 1),
        CASE("{\"event\"", "", 0),
        CASE("garbage\n", "", 0),
        CASE(A B, "ab", sizeof(A B) - 1),
#undef CASE
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(temp_dir) struct temp_dir dir = temp_dir_make();
        AUTO(strbuf) struct strbuf seen = STRBUF_INIT(100);
        AUTO(strbuf) struct strbuf after = STRBUF_INIT(100);
        AUTO(journal) struct journal j = JOURNAL_INIT;
        struct err e = ERR_INIT;
        struct stat st;

        temp_file_write(&dir, "j", CASES[i].text, CASES[i].n);
        assert_int_equal(journal_read(dir.fd, "j", collect, &seen, &e), 0);
        assert_string_equal(strbuf_str(&seen), CASES[i].seen);
        assert_int_equal(journal_open(dir.fd, "j", 0640, &j, &e), 0);
        assert_int_equal(fstat(j.fd, &st), 0);
        assert_int_equal(st.st_size, CASES[i].whole);
        append(&j, "!");
        assert_int_equal(journal_read(dir.fd, "j", collect, &after, &e), 0);
        assert_memory_equal(after.data, CASES[i].seen, strlen(CASES[i].seen));
        assert_int_equal(after.data[after.len - 1], '!');
    }
}

static void damage_before_the_end_is_an_error(void **state)
{
    AUTO(temp_dir) struct temp_dir dir = temp_dir_make();
    AUTO(strbuf) struct strbuf seen = STRBUF_INIT(100);
    struct err e = ERR_INIT;

    (void)state;
    temp_file_write(&dir, "j", A "{\"event\":\n" B, sizeof(A "{\"event\":\n" B) - 1);
    assert_int_equal(journal_read(dir.fd, "j", collect, &seen, &e), -EBADMSG);
    assert_non_null(strstr(e.text, "journal j: line 2"));
    assert_string_equal(strbuf_str(&seen), "a");
}

static void missing_links_and_pipes(void **state)
{
    AUTO(temp_dir) struct temp_dir dir = temp_dir_make();
    AUTO(strbuf) struct strbuf seen = STRBUF_INIT(100);
    AUTO(journal) struct journal j = JOURNAL_INIT;
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(journal_read(dir.fd, "j", collect, &seen, &e), -ENOENT);
    assert_int_equal(symlinkat("target", dir.fd, "link"), 0);
    assert_int_equal(journal_open(dir.fd, "link", 0640, &j, &e), -ELOOP);
    assert_int_equal(journal_read(dir.fd, "link", collect, &seen, &e), -ELOOP);
    assert_int_equal(mkfifoat(dir.fd, "pipe", 0600), 0);
    assert_int_equal(journal_open(dir.fd, "pipe", 0640, &j, &e), -EBADMSG);
    assert_int_equal(journal_read(dir.fd, "pipe", collect, &seen, &e), -EBADMSG);
    assert_int_equal(j.fd, -1);
}

/* The file size limit stands for a full disk: a write is cut short, then refused. */
static void a_full_disk_leaves_whole_facts(void **state)
{
    AUTO(temp_dir) struct temp_dir dir = temp_dir_make();
    AUTO(strbuf) struct strbuf seen = STRBUF_INIT(100);
    AUTO(journal) struct journal j = JOURNAL_INIT;
    struct rlimit before, small;
    struct err e = ERR_INIT;
    int r;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(journal_open(dir.fd, "j", 0640, &j, &e), 0);
    append(&j, "one");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 60;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    (void)journal_begin(&j, (wall_ms_t){0}, "two");
    r = journal_commit(&j, true, &e);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(r, -EFBIG);
    assert_int_equal(e.blame, BLAME_NODE);
    append(&j, "three");
    assert_int_equal(journal_read(dir.fd, "j", collect, &seen, &e), 0);
    assert_string_equal(strbuf_str(&seen), "onethree");
}

static void limits(void **state)
{
    AUTO(temp_dir) struct temp_dir dir = temp_dir_make();
    AUTO(strbuf) struct strbuf seen = STRBUF_INIT(100);
    AUTO(journal) struct journal j = JOURNAL_INIT;
    AUTO_FREE char *big = calloc(1, FACT_LINE_MAX + 1);
    struct err e = ERR_INIT;
    struct fact_writer *w;

    (void)state;
    assert_int_equal(journal_open(dir.fd, "j", 0640, &j, &e), 0);
    memset(big, 'x', FACT_LINE_MAX);
    w = journal_begin(&j, (wall_ms_t){0}, "big");
    fact_put_string(w, "text", big);
    assert_int_equal(journal_commit(&j, true, &e), -E2BIG);
    append(&j, "ok");
    assert_int_equal(journal_read(dir.fd, "j", collect, &seen, &e), 0);
    assert_string_equal(strbuf_str(&seen), "ok");
    j.size = JOURNAL_BYTES_MAX - 10;
    (void)journal_begin(&j, (wall_ms_t){0}, "more");
    assert_int_equal(journal_commit(&j, true, &e), -E2BIG);
    assert_int_equal(ftruncate(j.fd, JOURNAL_BYTES_MAX + 1), 0);
    assert_int_equal(journal_read(dir.fd, "j", collect, &seen, &e), -E2BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_come_back_in_order),
        cmocka_unit_test(visitor_stops_the_reader),
        cmocka_unit_test(torn_ends),
        cmocka_unit_test(damage_before_the_end_is_an_error),
        cmocka_unit_test(missing_links_and_pipes),
        cmocka_unit_test(a_full_disk_leaves_whole_facts),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
