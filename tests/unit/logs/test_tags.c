/* test_tags.c - lines of several nodes in one stream. */
#include "cmocka_all.h"

#include <string.h>

#include "base/auto.h"
#include "logs/tags.h"

/* What comes out for a text that comes in pieces. */
static void check(const char *const *pieces, size_t count, const char *expect)
{
    char out[3 * LINE_HELD_MAX] = "";
    struct tagged_line line = {0};

    for (size_t i = 0; i < count; i++)
        for (size_t done = 0, n = strlen(pieces[i]); done < n;) {
            size_t took = tagged_line_take(&line, 7, pieces[i] + done, n - done);
            assert_true(took > 0);
            done += took;
            if (line.complete) {
                assert_int_equal(tagged_line_take(&line, 7, "x", 1), 0);
                (void)strncat(out, line.text, line.used);
                tagged_line_reset(&line);
            }
        }
    tagged_line_end(&line);
    if (line.complete)
        (void)strncat(out, line.text, line.used);
    assert_string_equal(out, expect);
}

static void lines(void **state)
{
    static const char *const NOTHING[] = {""};
    static const char *const TWO[] = {"a\nb\n"};
    static const char *const TORN[] = {"a", "b", "\n", "\n", "c"};

    (void)state;
    check(NOTHING, ARRAY_SIZE(NOTHING), "");
    check(TWO, ARRAY_SIZE(TWO), "[7] a\n[7] b\n");
    check(TORN, ARRAY_SIZE(TORN), "[7] ab\n[7] \n[7] c\n");
}

static void a_long_line_comes_in_parts(void **state)
{
    char text[LINE_HELD_MAX + 101];
    struct tagged_line line = {0};
    size_t took;

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    took = tagged_line_take(&line, 7, text, strlen(text));
    assert_true(took >= LINE_HELD_MAX && took < strlen(text));
    assert_true(line.complete && line.text[line.used - 1] == '\n');
    tagged_line_reset(&line);
    assert_int_equal(tagged_line_take(&line, 7, text + took, strlen(text) - took), strlen(text) - took);
    assert_false(line.complete);
    assert_int_equal(tagged_line_take(&line, 7, "\n", 1), 1);
    assert_true(line.complete);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines), cmocka_unit_test(a_long_line_comes_in_parts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
