/* test_yaml.c - YAML to nodes: typing, positions, aliases, and what is refused where. */
#include "cmocka_all.h"

#include <stdlib.h>

#include "base/auto.h"
#include "format/read.h"

static struct node *read_text(const char *text, struct diag_list *diags)
{
    return yaml_read(text, strlen(text), diags);
}

static void scalars_are_typed(void **state)
{
    static const struct {
        const char *text;
        enum node_kind kind;
        int64_t integer;
        double real;
    } CASES[] = {
        {"", NODE_NULL, 0, 0},           {"# only a comment\n", NODE_NULL, 0, 0},
        {"~", NODE_NULL, 0, 0},          {"null", NODE_NULL, 0, 0},
        {"true", NODE_BOOL, 1, 0},       {"False", NODE_BOOL, 0, 0},
        {"yes", NODE_STRING, 0, 0},      {"on", NODE_STRING, 0, 0},
        {"42", NODE_INT, 42, 42},        {"+7", NODE_INT, 7, 7},
        {"-1", NODE_INT, -1, -1},        {"0x1F", NODE_INT, 31, 31},
        {"0o17", NODE_INT, 15, 15},      {"0xG", NODE_STRING, 0, 0},
        {"1.5", NODE_REAL, 0, 1.5},      {".5", NODE_REAL, 0, .5},
        {"1e3", NODE_REAL, 0, 1000},     {"1e", NODE_STRING, 0, 0},
        {".", NODE_STRING, 0, 0},        {"-", NODE_SEQ, 0, 0},
        {"1.2.3", NODE_STRING, 0, 0},    {"99999999999999999999", NODE_REAL, 0, 1e20},
        {"\"42\"", NODE_STRING, 0, 0},   {"'true'", NODE_STRING, 0, 0},
        {"!!str 42", NODE_STRING, 0, 0}, {"!!float 42", NODE_REAL, 0, 42},
        {"! 42", NODE_STRING, 0, 0},     {"2026-11-24", NODE_STRING, 0, 0},
        {"12:30", NODE_STRING, 0, 0},    {"|\n  5\n", NODE_STRING, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(diag) struct diag_list diags = {0};
        AUTO(node) struct node *n = read_text(CASES[i].text, &diags);
        if (n == NULL || n->kind != CASES[i].kind)
            fail_msg("%s: %s", CASES[i].text, n != NULL ? node_kind_name(n->kind) : "not read");
        if (n->kind == NODE_INT || n->kind == NODE_BOOL)
            assert_int_equal(n->integer, CASES[i].integer);
        if (n->kind == NODE_INT || n->kind == NODE_REAL)
            assert_true(n->real == CASES[i].real);
        assert_int_equal(diags.errors, 0);
    }
}

static void positions_and_text_are_kept(void **state)
{
    AUTO(diag) struct diag_list diags = {0};
    AUTO(node)
    struct node *root = read_text("kind: job\n"
                                  "spec:\n"
                                  "  env:\n"
                                  "    - name: A\n"
                                  "      value: 007\n"
                                  "  text: |\n"
                                  "    two\n"
                                  "    lines\n",
                                  &diags);
    const struct node *spec = node_get(root, "spec");
    const struct node *value;
    AUTO_FREE char *pointer = NULL;

    (void)state;
    assert_non_null(spec);
    value = node_get(node_get(spec, "env")->item[0], "value");
    assert_string_equal(value->text, "007");
    assert_int_equal(value->line, 5);
    assert_int_equal(value->column, 14);
    assert_int_equal(value->key_line, 5);
    assert_int_equal(value->key_column, 7);
    pointer = node_pointer(value);
    assert_string_equal(pointer, "/spec/env/0/value");
    assert_string_equal(node_get(spec, "text")->text, "two\nlines\n");
    assert_true(node_get(spec, "text")->quoted);
}

static void aliases_and_merge_keys_are_resolved(void **state)
{
    AUTO(diag) struct diag_list diags = {0};
    AUTO(node)
    struct node *root = read_text("base: &b {a: 1, b: [x, y]}\n"
                                  "word: &w hello\n"
                                  "same: *b\n"
                                  "again: *w\n"
                                  "more:\n"
                                  "  <<: *b\n"
                                  "  a: 2\n"
                                  "list:\n"
                                  "  <<: [&late {c: 5, a: 9}, *b]\n"
                                  "  d: 6\n"
                                  "after: *late\n",
                                  &diags);

    (void)state;
    assert_non_null(root);
    assert_string_equal(node_get(node_get(root, "same"), "b")->item[1]->text, "y");
    assert_string_equal(node_get(root, "again")->text, "hello");
    assert_int_equal(node_get(node_get(root, "more"), "a")->integer, 2);
    assert_int_equal(node_get(node_get(root, "more"), "b")->count, 2);
    assert_null(node_get(node_get(root, "more"), "<<"));
    assert_int_equal(node_get(node_get(root, "list"), "a")->integer, 9);
    assert_int_equal(node_get(node_get(root, "list"), "d")->integer, 6);
    assert_int_equal(node_get(node_get(root, "after"), "c")->integer, 5);
}

static void refusals_name_their_place(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } CASES[] = {
        {"a: 1\nb: 2\na: 3\n", "f:3:1: error: key 'a' appears twice"},
        {"a: [1, 2\n", "f:2:1: error: not valid YAML: did not find expected ',' or ']'"},
        {"a: b: c\n", "f:1:5: error: not valid YAML: mapping values are not allowed in this context"},
        {"a:\n\t- b\n", "f:2:1: error: not valid YAML: found character that cannot start any token"},
        {"a: 1\n---\nb: 2\n", "f:2:1: error: a second document; one is expected"},
        {"a: *nobody\n", "f:1:4: error: alias '*nobody' has no anchor before it"},
        {"a: &x [*x]\n", "f:1:8: error: an alias inside the value it stands for"},
        {"[a]: 1\n", "f:1:1: error: a key must be a plain word or a string"},
        {"? \n: 1\n", "f:1:2: error: a key is missing before ':'"},
        {"a: !!binary aGk=\n", "f:1:4: error: tag 'tag:yaml.org,2002:binary' is not supported"},
        {"a: !!python/object:os.system {}\n", "is not supported"},
        {"a: !!int x\n", "f:1:4: error: 'x' is not of type integer"},
        {"a: \"x\\0y\"\n", "f:1:4: error: a string must not hold a NUL character"},
        {"ok: 1\nbad: \xFF\n", "f:2:1: error: the line is not UTF-8 text"},
        {"<<: 5\n", "f:1:5: error: '<<' takes a mapping or a list of mappings, found integer"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(diag) struct diag_list diags = {.file = "f"};
        AUTO(strbuf) struct strbuf out = STRBUF_INIT(4096);
        AUTO(node) struct node *n = read_text(CASES[i].text, &diags);
        diag_print(&diags, &out);
        if (n != NULL || diags.errors != 1 || strstr(strbuf_str(&out), CASES[i].says) == NULL)
            fail_msg("%s: %s", CASES[i].text, strbuf_str(&out));
    }
}

static void caps_hold(void **state)
{
    AUTO(strbuf) struct strbuf deep = STRBUF_INIT(4096);
    AUTO(strbuf) struct strbuf laughs = STRBUF_INIT(4096);
    AUTO(strbuf) struct strbuf large = STRBUF_INIT(2U * DOCUMENT_BYTES_MAX);
    AUTO(diag) struct diag_list diags = {0};
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(4096);

    (void)state;
    for (int i = 0; i < DOCUMENT_DEPTH_MAX + 1; i++)
        strbuf_addch(&deep, '[');
    assert_null(read_text(strbuf_str(&deep), &diags));

    strbuf_addstr(&laughs, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 8; i++) {
        strbuf_addf(&laughs, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            strbuf_addf(&laughs, "%s*a%d", k > 0 ? ", " : "", i - 1);
        strbuf_addstr(&laughs, "]\n");
    }
    assert_null(read_text(strbuf_str(&laughs), &diags));

    for (unsigned i = 0; i <= DOCUMENT_BYTES_MAX / 8; i++)
        strbuf_addstr(&large, "# words\n");
    assert_null(read_text(strbuf_str(&large), &diags));
    diag_print(&diags, &out);
    assert_non_null(strstr(strbuf_str(&out), "nested too deep"));
    assert_non_null(strstr(strbuf_str(&out), "too many values"));
    assert_non_null(strstr(strbuf_str(&out), "over the limit of 1048576"));
    assert_int_equal(diags.errors, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_are_typed),
        cmocka_unit_test(positions_and_text_are_kept),
        cmocka_unit_test(aliases_and_merge_keys_are_resolved),
        cmocka_unit_test(refusals_name_their_place),
        cmocka_unit_test(caps_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
