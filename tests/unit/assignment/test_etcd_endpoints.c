/* test_etcd_endpoints.c - members of a cluster as people write them. */
#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "assignment/etcd/endpoints.h"
#include "base/auto.h"

static void endpoints_are_read(void **state)
{
    AUTO(strlist) struct strlist l = {0};
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(etcd_endpoints_read("http://10.0.0.1:2379,https://etcd.example/,http://[::1]:1", &l, &e),
                     0);
    assert_int_equal(l.count, 3);
    assert_string_equal(l.item[0], "http://10.0.0.1:2379");
    assert_string_equal(l.item[1], "https://etcd.example");
    assert_string_equal(l.item[2], "http://[::1]:1");
}

static void what_is_none_is_refused_with_its_number(void **state)
{
    static const char *const BAD[] = {"",
                                      "http://",
                                      "10.0.0.1:2379",
                                      "http://a,",
                                      "http://a,,http://b",
                                      "ftp://a",
                                      "http://user:secret@a",
                                      "http://a/path",
                                      "http://a b"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++) {
        AUTO(strlist) struct strlist l = {0};
        struct err e = ERR_INIT;
        assert_int_equal(etcd_endpoints_read(BAD[i], &l, &e), -EINVAL);
        assert_non_null(strstr(e.text, strchr(BAD[i], ',') != NULL ? "endpoint 2" : "endpoint 1"));
    }
}

static void there_are_no_more_than_some(void **state)
{
    AUTO(strlist) struct strlist l = {0};
    struct err e = ERR_INIT;
    char text[512] = "http://a";

    (void)state;
    for (int i = 1; i <= ETCD_ENDPOINTS_MAX; i++)
        strcat(text, ",http://a");
    assert_int_equal(etcd_endpoints_read(text, &l, &e), -E2BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoints_are_read),
        cmocka_unit_test(what_is_none_is_refused_with_its_number),
        cmocka_unit_test(there_are_no_more_than_some),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
