/* test_order.c - the work order: what is read, and what is refused with its line. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/strbuf.h"
#include "unpack/order.h"

#define LIMITS "{\"max-bytes\":100,\"max-files\":10,\"max-ratio\":7}\n"

static void reads_an_order(void **state)
{
    static const char TEXT[] =
        "{\"place\":\"file\",\"name\":\"driver.py\",\"into\":\"decompressed_artifact\"}\n"
        "{\"place\":\"archive\",\"name\":\"p.zip\",\"into\":\"decompressed_artifact/./code/\"}\n"
        "{\"place\":\"file\",\"name\":\"x\",\"into\":\"\"}\n"
        "{\"entry\":\"archive\",\"entrypoint\":\"driver.py\"}\n" LIMITS;
    AUTO(order) struct order o = {0};
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(order_decode(TEXT, sizeof(TEXT) - 1, &o, &e), 0);
    assert_int_equal(o.placement_count, 3);
    assert_int_equal(o.placement[0].form, PLACE_FILE);
    assert_string_equal(o.placement[0].name, "driver.py");
    assert_int_equal(o.placement[1].form, PLACE_ARCHIVE);
    assert_string_equal(o.placement[1].into, "decompressed_artifact/code");
    assert_string_equal(o.placement[2].into, "");
    assert_int_equal(o.entry_kind, ENTRY_ARCHIVE);
    assert_string_equal(o.entrypoint, "driver.py");
    assert_int_equal(o.limits.max_bytes, 100);
    assert_int_equal(o.limits.max_files, 10);
    assert_int_equal(o.limits.max_ratio, 7);
}

static void entrypoint_may_be_left_to_the_archive(void **state)
{
    static const char *const TEXT[] = {"{\"entry\":\"archive\"}\n" LIMITS,
                                       "{\"entry\":\"archive\",\"entrypoint\":\"\"}\n" LIMITS};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(TEXT); i++) {
        AUTO(order) struct order o = {0};
        struct err e = ERR_INIT;
        assert_int_equal(order_decode(TEXT[i], strlen(TEXT[i]), &o, &e), 0);
        assert_null(o.entrypoint);
    }
}

static void refusals(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } CASES[] = {
        {"", "ends too early"},
        {"{\"entry\":\"archive\"}\n", "ends too early"},
        {LIMITS, "line 1: unexpected line"},
        {"nonsense\n", "line 1: "},
        {"{\"place\":\"link\",\"name\":\"a\",\"into\":\"\"}\n", "line 1: 'place' is neither"},
        {"{\"place\":\"file\",\"name\":\"a/b\",\"into\":\"\"}\n", "'name' is not"},
        {"{\"place\":\"file\",\"name\":\"..\",\"into\":\"\"}\n", "'name' is not"},
        {"{\"place\":\"file\",\"into\":\"\"}\n", "'name' is not"},
        {"{\"place\":\"file\",\"name\":\"a\",\"into\":\"../b\"}\n", "'into' is not"},
        {"{\"place\":\"file\",\"name\":\"a\",\"into\":\"/b\"}\n", "'into' is not"},
        {"{\"entry\":\"none\"}\n", "line 1: 'entry' is neither"},
        {"{\"entry\":\"file\"}\n", "line 1: a file entry names no file"},
        {"{\"entry\":\"archive\"}\n{\"max-bytes\":1,\"max-files\":1}\n", "line 2: 'max-ratio'"},
        {"{\"entry\":\"archive\"}\n{\"max-bytes\":0,\"max-files\":1,\"max-ratio\":1}\n",
         "line 2: 'max-bytes'"},
        {"{\"entry\":\"archive\"}\n" LIMITS LIMITS, "line 3: unexpected line"},
        {"{\"entry\":\"archive\"}\n{\"place\":\"file\",\"name\":\"a\",\"into\":\"\"}\n", "line 2: "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct order o = {0};
        struct err e = ERR_INIT;
        int r = order_decode(CASES[i].text, strlen(CASES[i].text), &o, &e);
        if (r >= 0 || strstr(e.text, CASES[i].says) == NULL)
            fail_msg("case %zu: %d %s", i, r, e.text);
        assert_int_equal(e.blame, BLAME_BUG);
        assert_int_equal(o.placement_count, 0);
    }
}

static void placements_are_capped(void **state)
{
    static const char LINE[] = "{\"place\":\"file\",\"name\":\"a\",\"into\":\"\"}\n";
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(4096);
    struct order o = {0};
    struct err e = ERR_INIT;

    (void)state;
    for (int i = 0; i <= PLAN_PLACEMENTS_MAX; i++)
        (void)strbuf_addstr(&text, LINE);
    assert_true(order_decode(strbuf_str(&text), text.len, &o, &e) < 0);
    assert_string_equal(e.text, "work order, line 11: too many placements");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_an_order),
        cmocka_unit_test(entrypoint_may_be_left_to_the_archive),
        cmocka_unit_test(refusals),
        cmocka_unit_test(placements_are_capped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
