/* test_class_file.c - the name in a class file, and what is none. */
#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "unpack/class_file.h"

/* Header for a pool of `count`; then constants; then access flags and this_class. */
#define HEAD(count)        "\xCA\xFE\xBA\xBE\0\0\0\x34\0" count
#define TEXT(length, text) "\1\0" length text
#define CLASS(index)       "\7\0" index
#define TAIL(index)        "\0\x21\0" index

static int name_of(const char *bytes, size_t n, char name[CLASS_NAME_MAX])
{
    return class_file_name((const unsigned char *)bytes, n, name);
}

static void names(void **state)
{
    static const char SIMPLE[] = HEAD("\3") TEXT("\4", "Main") CLASS("\1") TAIL("\2");
    static const char DEEP[] = HEAD("\3") CLASS("\2") TEXT("\x0D", "com/acme/Main") TAIL("\1");
    /* A long takes two entries of the pool. */
    static const char WIDE[] =
        HEAD("\6") "\5\0\0\0\0\0\0\0\1" TEXT("\1", "x") TEXT("\3", "a/B") CLASS("\4") TAIL("\5");
    char name[CLASS_NAME_MAX];

    (void)state;
    assert_int_equal(name_of(SIMPLE, sizeof(SIMPLE) - 1, name), 0);
    assert_string_equal(name, "Main");
    assert_int_equal(name_of(DEEP, sizeof(DEEP) - 1, name), 0);
    assert_string_equal(name, "com/acme/Main");
    assert_int_equal(name_of(WIDE, sizeof(WIDE) - 1, name), 0);
    assert_string_equal(name, "a/B");
    /* Cut short anywhere it is none. */
    for (size_t n = 0; n < sizeof(WIDE) - 1; n++)
        assert_int_equal(name_of(WIDE, n, name), -EINVAL);
}

#define BAD(text)                                                                                            \
    {                                                                                                        \
        text, sizeof(text) - 1                                                                               \
    }

static void what_is_no_class_or_has_no_usable_name(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
    } CASES[] = {
        BAD("PK\3\4 a jar, not a class"),
        BAD(HEAD("\3") TEXT("\4", "Main") CLASS("\1") TAIL("\0")), /* no class of its own */
        BAD(HEAD("\3") TEXT("\4", "Main") CLASS("\1") TAIL("\1")), /* not a class */
        BAD(HEAD("\3") TEXT("\4", "Main") CLASS("\1") TAIL("\7")), /* beyond the pool */
        BAD(HEAD("\3") TEXT("\4", "Main") CLASS("\2") TAIL("\2")), /* its name is no text */
        BAD(HEAD("\3") "\2\0\0" CLASS("\1") TAIL("\2")),           /* no such constant */
        BAD(HEAD("\3") TEXT("\0", "") CLASS("\1") TAIL("\2")),
        BAD(HEAD("\3") TEXT("\4", "../x") CLASS("\1") TAIL("\2")),
        BAD(HEAD("\3") TEXT("\4", "/etc") CLASS("\1") TAIL("\2")),
        BAD(HEAD("\3") TEXT("\4", "a//b") CLASS("\1") TAIL("\2")),
        BAD(HEAD("\3") TEXT("\3", "a\0b") CLASS("\1") TAIL("\2")),
        BAD(HEAD("\3") TEXT("\4", "-Xmx") CLASS("\1") TAIL("\2")),
    };
    char name[CLASS_NAME_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
        if (name_of(CASES[i].bytes, CASES[i].n, name) != -EINVAL)
            fail_msg("case %zu: '%s'", i, name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(what_is_no_class_or_has_no_usable_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
