/* test_json.c - JSON to nodes: values, pointers, loose lookup, refusals with their place. */
#include "cmocka_all.h"

#include <stdlib.h>

#include "base/auto.h"
#include "format/read.h"

static void values_and_pointers(void **state)
{
    static const char TEXT[] = "{\"a\":[1,2.5,true,null,\"x\\u00e9\"],\"b/c~\":{\"JobConfig\":0.1}}";
    AUTO(diag) struct diag_list diags = {0};
    AUTO(node) struct node *root = json_read(TEXT, sizeof(TEXT) - 1, &diags);
    const struct node *list = node_get(root, "a");
    const struct node *inner = node_get_loose(node_get(root, "b/c~"), "jobConfig");
    AUTO_FREE char *pointer = NULL;

    (void)state;
    assert_non_null(list);
    assert_int_equal(list->count, 5);
    assert_int_equal(list->item[0]->integer, 1);
    assert_true(list->item[1]->real == 2.5);
    assert_int_equal(list->item[2]->kind, NODE_BOOL);
    assert_int_equal(list->item[2]->integer, 1);
    assert_int_equal(list->item[3]->kind, NODE_NULL);
    assert_string_equal(list->item[4]->text, "x\xC3\xA9");
    assert_non_null(inner);
    assert_string_equal(inner->text, "0.1");
    assert_null(node_get(node_get(root, "b/c~"), "jobConfig"));
    pointer = node_pointer(inner);
    assert_string_equal(pointer, "/b~1c~0/JobConfig");
    assert_string_equal(node_where(inner).pointer, "/b~1c~0/JobConfig");
    assert_null(node_get(NULL, "a"));
    assert_null(node_get(list, "a"));
}

static void refusals_name_their_place(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } CASES[] = {
        {"", "f:1:1: error: not valid JSON"},
        {"{\"a\":1,\n\"a\":2}", "f:2:3: error: not valid JSON: duplicate object key"},
        {"{\"a\":1}x", "not valid JSON: end of file expected"},
        {"{\"a\":\"\\u0000\"}", "not valid JSON"},
        {"{\"a\":\"\xFF\"}", "not valid JSON: unable to decode byte 0xff"},
        {"{\"a\":999999999999999999999}", "not valid JSON: too big integer"},
        {"{'a':1}", "f:1:2: error: not valid JSON"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(diag) struct diag_list diags = {.file = "f"};
        AUTO(strbuf) struct strbuf out = STRBUF_INIT(4096);
        AUTO(node) struct node *n = json_read(CASES[i].text, strlen(CASES[i].text), &diags);
        diag_print(&diags, &out);
        if (n != NULL || diags.errors != 1 || strstr(strbuf_str(&out), CASES[i].says) == NULL)
            fail_msg("%s: %s", CASES[i].text, strbuf_str(&out));
    }
}

static void caps_hold(void **state)
{
    AUTO(strbuf) struct strbuf deep = STRBUF_INIT(4096);
    AUTO(strbuf) struct strbuf wide = STRBUF_INIT(DOCUMENT_BYTES_MAX);
    AUTO(diag) struct diag_list diags = {0};

    (void)state;
    for (int i = 0; i < DOCUMENT_DEPTH_MAX + 1; i++)
        strbuf_addch(&deep, '[');
    for (int i = 0; i < DOCUMENT_DEPTH_MAX + 1; i++)
        strbuf_addch(&deep, ']');
    assert_null(json_read(deep.data, deep.len, &diags));
    strbuf_addstr(&wide, "[0");
    for (int i = 0; i < DOCUMENT_NODES_MAX; i++)
        strbuf_addstr(&wide, ",0");
    strbuf_addstr(&wide, "]");
    assert_null(json_read(wide.data, wide.len, &diags));
    assert_int_equal(diags.errors, 2);
    assert_string_equal(diags.entry[0].message, "nested too deep");
    assert_non_null(strstr(diags.entry[1].message, "too many values"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_pointers),
        cmocka_unit_test(refusals_name_their_place),
        cmocka_unit_test(caps_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
