/* test_volume.c - what the probe says arrives, and the mark of an unfinished mkfs is no other bytes. */
#include "cmocka_all.h"

#include <string.h>

#include "base/auto.h"
#include "wire/volume.h"

#define UUID "01234567-89ab-cdef-0123-456789abcdef"

static void round_trip(void **state)
{
    const struct volume_facts sent = {.bytes = 1LL << 40,
                                      .signature = "ext4",
                                      .usage = "filesystem",
                                      .label = "a b",
                                      .uuid = UUID,
                                      .system_bytes = 7,
                                      .empty = true};
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(4096);
    struct volume_facts got;
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(volume_facts_encode(&sent, &text), 0);
    assert_int_equal(volume_facts_decode(text.data, text.len, &got, &e), 0);
    assert_int_equal(got.bytes, sent.bytes);
    assert_string_equal(got.signature, "ext4");
    assert_string_equal(got.usage, "filesystem");
    assert_string_equal(got.label, "a b");
    assert_string_equal(got.uuid, UUID);
    assert_string_equal(got.mark, "");
    assert_int_equal(got.system_bytes, 7);
    assert_true(got.empty);
    assert_false(got.ambiguous);
    assert_false(got.unfinished);
}

static void other_answers_are_refused(void **state)
{
    static const char *const TEXTS[] = {
        "",
        "hello",
        "{}\n",
        "{\"volume\":-1}\n",
        "{\"volume\":1,\"system-bytes\":0}\n",
        "{\"volume\":1,\"system-bytes\":0,\"signature\":\"012345678901234567890123456789012\"}\n",
        ("{\"volume\":1,\"system-bytes\":0,\"signature\":\"\",\"usage\":\"\",\"label\":\"\",\"uuid\":\"\","
         "\"mark\":\"\"}\n"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(TEXTS); i++) {
        struct volume_facts got;
        struct err e = ERR_INIT;
        assert_true(volume_facts_decode(TEXTS[i], strlen(TEXTS[i]), &got, &e) < 0);
    }
}

static void the_mark(void **state)
{
    char mark[VOLUME_MARK_BYTES], uuid[VOLUME_UUID_MAX];

    (void)state;
    assert_int_equal(volume_mark_offset(2 << 20), -1);
    assert_int_equal(volume_mark_offset(64 << 20), 63 << 20);
    assert_int_equal(volume_mark_offset((64 << 20) + 512), 63 << 20);
    volume_mark_make(UUID, mark);
    assert_true(volume_mark_read(mark, uuid));
    assert_string_equal(uuid, UUID);
    mark[VOLUME_MARK_BYTES - 1] = 1;
    assert_false(volume_mark_read(mark, uuid));
    volume_mark_make(UUID, mark);
    mark[60] = 'x';
    assert_false(volume_mark_read(mark, uuid));
    memset(mark, 0, sizeof(mark));
    assert_false(volume_mark_read(mark, uuid));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(other_answers_are_refused),
        cmocka_unit_test(the_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
