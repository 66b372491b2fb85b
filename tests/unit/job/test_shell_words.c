/* test_shell_words.c - arguments: one string to words and back, and ${NAME} substitution. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/strbuf.h"
#include "job/resolve.h"

static void splits_as_a_shell(void **state)
{
    static const struct {
        const char *text;
        const char *words; /* joined by '|' */
        size_t count;
    } CASES[] = {
        {"", "", 0},
        {"  \t\n", "", 0},
        {"100 linux \"hi there\"", "100|linux|hi there", 3},
        {"a''b \"\" ''", "ab||", 3},
        {"'a\\b' \"a\\b\" a\\b", "a\\b|a\\b|ab", 3},
        {"\"\\$HOME \\\"q\\\" \\\\\"", "$HOME \"q\" \\", 1},
        {"$HOME `id` *.py ~ #no", "$HOME|`id`|*.py|~|#no", 5},
        {"a\\ b c", "a b|c", 2},
        {"a\\\nb \\\n c", "ab|c", 2},
        {"--key='x y' it\\''s'", "--key=x y|it's", 2},
        {"a|b;c&&d", "a|b;c&&d", 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(strlist) struct strlist words = {0};
        AUTO(strbuf) struct strbuf joined = STRBUF_INIT(4096);
        size_t at = 0;
        assert_int_equal(shell_words_split(CASES[i].text, &words, &at), 0);
        for (size_t k = 0; k < words.count; k++)
            strbuf_addf(&joined, "%s%s", k > 0 ? "|" : "", words.item[k]);
        if (words.count != CASES[i].count || strcmp(strbuf_str(&joined), CASES[i].words) != 0)
            fail_msg("%s: %zu words: %s", CASES[i].text, words.count, strbuf_str(&joined));
    }
}

static void unfinished_quotes_are_placed(void **state)
{
    static const struct {
        const char *text;
        size_t at;
    } CASES[] = {{"a 'b", 2}, {"\"", 0}, {"ok \"x\\\"", 3}, {"end\\", 3}, {"'a' b\"c", 5}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(strlist) struct strlist words = {0};
        size_t at = 99;
        assert_int_equal(shell_words_split(CASES[i].text, &words, &at), -EINVAL);
        assert_int_equal(at, CASES[i].at);
        assert_int_equal(words.count, 0);
    }
}

static void joins_as_python_quotes(void **state)
{
    static const char *const WORDS[] = {
        "plain-1.0_x@%+=:,./", "", "hi there", "it's", "$x", "a\nb", "\xC3\xA9"};
    AUTO(strlist) struct strlist words = {0};
    AUTO(strlist) struct strlist again = {0};
    AUTO_FREE char *joined = NULL;
    size_t at;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(WORDS); i++)
        assert_int_equal(strlist_add(&words, WORDS[i]), 0);
    joined = shell_words_join(&words);
    assert_string_equal(joined, "plain-1.0_x@%+=:,./ '' 'hi there' 'it'\"'\"'s' '$x' 'a\nb' '\xC3\xA9'");
    assert_int_equal(shell_words_split(joined, &again, &at), 0);
    assert_int_equal(again.count, words.count);
    for (size_t i = 0; i < words.count; i++)
        assert_string_equal(again.item[i], words.item[i]);
}

/* The expected values are what ADS's own parser gives for the same set. */
static void substitutes_as_ads(void **state)
{
    static const char *const SET[][3] = {
        {"HOST", "10.0.0.1", "10.0.0.1"},
        {"URL", "http://${HOST}:${PORT}/p/", "http://10.0.0.1:443/p/"},
        {"PORT", "443", "443"},
        {"ESCAPED", "http://$${HOST}/", "http://${HOST}/"},
        {"MISSING", "is ${UNDEFINED} and ${PORT}", "is ${UNDEFINED} and ${PORT}"},
        {"DOLLARS", "$10 $$10 $(A) $", "$10 $10 $(A) $"},
        {"CHAIN", "<${URL}>", "<http://10.0.0.1:443/p/>"},
        {"OPEN", "${PORT", "${PORT"},
        {"EMPTY", "${}", "${}"},
    };
    AUTO(env) struct env env = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(SET); i++)
        assert_int_equal(env_set(&env, ENV_JOB, SET[i][0], SET[i][1]), 0);
    assert_int_equal(env_substitute(&env), 0);
    for (size_t i = 0; i < ARRAY_SIZE(SET); i++)
        assert_string_equal(env_value(&env, SET[i][0]), SET[i][2]);
}

static void endless_references_end(void **state)
{
    AUTO(env) struct env env = {0};
    AUTO(env) struct env bomb = {0};

    (void)state;
    assert_int_equal(env_set(&env, ENV_JOB, "A", "x${A}"), 0);
    assert_int_equal(env_substitute(&env), 0);
    assert_string_equal(env_value(&env, "A"), "xxxxxxxxxxx${A}");
    for (int i = 0; i < 9; i++) {
        char key[16];
        char value[64];
        (void)snprintf(key, sizeof(key), "V%d", i);
        (void)snprintf(value, sizeof(value), "${V%d}${V%d}${V%d}${V%d}${V%d}", i + 1, i + 1, i + 1, i + 1,
                       i + 1);
        assert_int_equal(env_set(&bomb, ENV_JOB, key, value), 0);
    }
    assert_int_equal(env_set(&bomb, ENV_JOB, "V9", "boom"), 0);
    assert_int_equal(env_substitute(&bomb), -E2BIG);
    assert_string_equal(env_value(&bomb, "V8"), "${V9}${V9}${V9}${V9}${V9}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_as_a_shell),      cmocka_unit_test(unfinished_quotes_are_placed),
        cmocka_unit_test(joins_as_python_quotes), cmocka_unit_test(substitutes_as_ads),
        cmocka_unit_test(endless_references_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
