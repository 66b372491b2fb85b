/* test_attention.c - the marker that keeps a node from taking runs: what it says, and for how long. */
#include "cmocka_all.h"

#include <errno.h>

#include "base/auto.h"
#include "run/attention.h"

static void add(struct strbuf *text, const char *boot, const char *run, const char *what)
{
    assert_int_equal(attention_add(text, boot, run, what), 0);
}

static void it_names_everything_of_this_boot(void **state)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(ATTENTION_TEXT_MAX);
    char what[256];

    (void)state;
    add(&text, "boot-1", "r1", "pid 12 (python3, waiting in nfs_wait)");
    assert_true(attention_read(strbuf_str(&text), "boot-1", what, sizeof(what)));
    assert_string_equal(what, "r1: pid 12 (python3, waiting in nfs_wait)");
    add(&text, "boot-1", "r2", "/dev/fuse by pid 13 (x)");
    assert_true(attention_read(strbuf_str(&text), "boot-1", what, sizeof(what)));
    assert_string_equal(what, "r1: pid 12 (python3, waiting in nfs_wait); r2: /dev/fuse by pid 13 (x)");
}

static void it_ends_with_the_boot(void **state)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(ATTENTION_TEXT_MAX);
    char what[256];

    (void)state;
    assert_false(attention_read("", "boot-1", what, sizeof(what)));
    add(&text, "boot-1", "r1", "a");
    assert_false(attention_read(strbuf_str(&text), "boot-2", what, sizeof(what)));
    assert_string_equal(what, "");
    assert_false(attention_read(strbuf_str(&text), "boot", what, sizeof(what)));
    assert_false(attention_read(strbuf_str(&text), "", what, sizeof(what)));
    add(&text, "boot-2", "r2", "b");
    assert_string_equal(strbuf_str(&text), "boot-2 r2 b\n");
}

/* A marker may have been written by hand, or by an older agent: boot and run alone. */
static void it_may_say_less(void **state)
{
    char what[16];

    (void)state;
    assert_true(attention_read("boot-1", "boot-1", what, sizeof(what)));
    assert_string_equal(what, "");
    assert_true(attention_read("boot-1 r1\n", "boot-1", what, sizeof(what)));
    assert_string_equal(what, "r1");
    assert_true(attention_read("boot-1 r1 a very long text\n", "boot-1", what, sizeof(what)));
    assert_string_equal(what, "r1: a very long");
}

static void words_of_a_job_stay_on_their_line(void **state)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(ATTENTION_TEXT_MAX);
    char what[256];

    (void)state;
    add(&text, "boot-1", "r1", "pid 1 (a\nboot-1 r2 b\x1b[2J)");
    assert_true(attention_read(strbuf_str(&text), "boot-1", what, sizeof(what)));
    assert_string_equal(what, "r1: pid 1 (a?boot-1 r2 b?[2J)");
}

static void a_full_one_stays(void **state)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(ATTENTION_TEXT_MAX);
    char what[ATTENTION_TEXT_MAX];
    int r = 0;

    (void)state;
    for (unsigned i = 0; i < ATTENTION_TEXT_MAX && r == 0; i++)
        r = attention_add(&text, "boot-1", "r1", "something that is left");
    assert_int_equal(r, -E2BIG);
    assert_int_equal(text.failed, 0);
    assert_true(attention_read(strbuf_str(&text), "boot-1", what, sizeof(what)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_names_everything_of_this_boot),
        cmocka_unit_test(it_ends_with_the_boot),
        cmocka_unit_test(it_may_say_less),
        cmocka_unit_test(words_of_a_job_stay_on_their_line),
        cmocka_unit_test(a_full_one_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
