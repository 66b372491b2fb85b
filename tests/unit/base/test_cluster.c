/* test_cluster.c - the nodes of a run, and the document that lists them. */
#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "base/cluster.h"

static void metadata(void **state)
{
    AUTO(cluster) struct cluster c = {0};
    AUTO(cluster) struct cluster copy = {0};
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(4096);

    (void)state;
    assert_int_equal(cluster_add(&c, "head", "127.0.0.1", "a.example"), 0);
    assert_int_equal(cluster_add(&c, "w\"1", "fd00::1", ""), 0);
    (void)strcpy(c.interface, "eth0");
    assert_int_equal(cluster_addall(&copy, &c), 0);
    assert_string_equal(copy.interface, "eth0");
    assert_int_equal(cluster_metadata(&copy, &text), 0);
    assert_string_equal(
        strbuf_str(&text),
        "[{\"Rank\":0,\"IPAddress\":\"127.0.0.1\",\"FQDN\":\"a.example\",\"NodeGroupName\":\"head\"},\n"
        " {\"Rank\":1,\"IPAddress\":\"fd00::1\",\"FQDN\":\"\",\"NodeGroupName\":\"w\\\"1\"}]\n");
}

static void what_is_no_node(void **state)
{
    static const char *const BAD[][3] = {
        {"", "127.0.0.1", ""}, {"a\nb", "127.0.0.1", ""}, {"\xff", "127.0.0.1", ""},
        {"g", "", ""},         {"g", "localhost", ""},    {"g", "127.0.0.1 ", ""},
        {"g", "1.2.3", ""},    {"g", "127.0.0.1", "a b"}, {"g", "127.0.0.1", "a\"b"},
    };
    AUTO(cluster) struct cluster c = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++)
        assert_int_equal(cluster_add(&c, BAD[i][0], BAD[i][1], BAD[i][2]), -EINVAL);
    assert_int_equal(c.count, 0);
    assert_false(node_interface_valid("a b"));
    assert_false(node_interface_valid("sixteen-letters-"));
    assert_true(node_interface_valid("lo"));
}

static void there_is_a_limit(void **state)
{
    AUTO(cluster) struct cluster c = {0};

    (void)state;
    for (int i = 0; i < CLUSTER_NODES_MAX; i++)
        assert_int_equal(cluster_add(&c, "g", "10.0.0.1", "h"), 0);
    assert_int_equal(cluster_add(&c, "g", "10.0.0.1", "h"), -E2BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(metadata), cmocka_unit_test(what_is_no_node),
                                       cmocka_unit_test(there_is_a_limit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
