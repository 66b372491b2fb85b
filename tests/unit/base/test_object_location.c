/* test_object_location.c - addresses of buckets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/object_location.h"

static void parts(void **state)
{
    static const struct {
        const char *text, *bucket, *namespace_name, *prefix;
    } CASES[] = {
        {"oci://b@n", "b", "n", ""},
        {"oci://b@n/", "b", "n", ""},
        {"oci://my-bucket_1@tenancy/a/b c/", "my-bucket_1", "tenancy", "a/b c"},
        {"s3://data.example", "data.example", "", ""},
        {"s3://b/x/y", "b", "", "x/y"},
        {"s3://b/.hidden/..x", "b", "", ".hidden/..x"},
    };
    struct object_location l;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        if (!object_location_parse(CASES[i].text, &l))
            fail_msg("%s", CASES[i].text);
        assert_string_equal(l.bucket, CASES[i].bucket);
        assert_string_equal(l.namespace_name, CASES[i].namespace_name);
        assert_string_equal(l.prefix, CASES[i].prefix);
    }
}

static void what_is_none(void **state)
{
    static const char *const TEXTS[] = {"",
                                        "oci://",
                                        "oci://b",
                                        "oci://@n",
                                        "oci://b@",
                                        "oci://b@n/a//b",
                                        "oci://b@n//",
                                        "oci://b@n/../x",
                                        "oci://b@n/x/.",
                                        "oci://b@n/x\ny",
                                        "oci://b:x@n",
                                        "oci://-b@n",
                                        "s3://",
                                        "s3:///x",
                                        "s3://b@n/x",
                                        "s3://b,x",
                                        "file:///x",
                                        "s3:b"};
    char longest[1200] = "s3://b/";

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(TEXTS); i++)
        if (object_location_valid(TEXTS[i]))
            fail_msg("'%s'", TEXTS[i]);
    memset(longest + 7, 'x', 1024);
    assert_true(object_location_valid(longest));
    longest[7 + 1024] = 'x';
    assert_false(object_location_valid(longest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts),
        cmocka_unit_test(what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
