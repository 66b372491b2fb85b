/* test_probe.c - what images hold. Signatures of real tools are in the stories; here are sizes, ends and marks. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/auto.h"
#include "probe/probe.h"

#define MIB (1 << 20)

static int image(off_t bytes)
{
    int fd = memfd_create("image", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, bytes), 0);
    return fd;
}

static struct volume_facts look(int fd)
{
    struct volume_facts facts;
    struct err e = ERR_INIT;

    if (probe(fd, &facts, &e) < 0)
        fail_msg("%s", e.text);
    return facts;
}

static void an_empty_one(void **state)
{
    AUTO_CLOSE int fd = image(64 * MIB);
    struct volume_facts facts = look(fd);

    (void)state;
    assert_int_equal(facts.bytes, 64 * MIB);
    assert_true(facts.empty);
    assert_string_equal(facts.signature, "");
    assert_string_equal(facts.mark, "");
}

static void a_byte_at_either_end(void **state)
{
    static const off_t PLACES[] = {0, MIB - 1, 63 * MIB, 64 * MIB - 1};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(PLACES); i++) {
        AUTO_CLOSE int fd = image(64 * MIB);
        assert_int_equal(pwrite(fd, "x", 1, PLACES[i]), 1);
        assert_false(look(fd).empty);
    }
}

static void the_mark_alone_counts_as_empty(void **state)
{
    static const char UUID[] = "01234567-89ab-cdef-0123-456789abcdef";
    AUTO_CLOSE int fd = image(64 * MIB);
    char mark[VOLUME_MARK_BYTES];
    struct volume_facts facts;

    (void)state;
    volume_mark_make(UUID, mark);
    assert_int_equal(pwrite(fd, mark, sizeof(mark), volume_mark_offset(64 * MIB)), sizeof(mark));
    facts = look(fd);
    assert_true(facts.empty);
    assert_string_equal(facts.mark, UUID);
    assert_int_equal(pwrite(fd, "x", 1, 64 * MIB - 1), 1);
    assert_false(look(fd).empty);
}

static void swap_is_no_file_system(void **state)
{
    AUTO_CLOSE int fd = image(64 * MIB);
    struct volume_facts facts;
    unsigned char header[12] = {1, 0, 0, 0, 0xFF, 0x3F};

    (void)state;
    assert_int_equal(pwrite(fd, header, sizeof(header), 1024), sizeof(header));
    assert_int_equal(pwrite(fd, "SWAPSPACE2", 10, 4086), 10);
    facts = look(fd);
    assert_string_equal(facts.signature, "swap");
    assert_string_equal(facts.usage, "other");
    assert_false(facts.empty);
}

static void small_ones(void **state)
{
    static const off_t SIZES[] = {0, 1, 4095, 4096, 8191, MIB};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(SIZES); i++) {
        AUTO_CLOSE int fd = image(SIZES[i]);
        assert_int_equal(look(fd).bytes, SIZES[i]);
    }
}

static void sizes_in_superblocks(void **state)
{
    unsigned char head[4096] = {0};
    bool unfinished;

    (void)state;
    head[1024 + 4] = 0x10; /* blocks */
    head[1024 + 24] = 2;   /* of 4096 bytes */
    assert_int_equal(probe_system_bytes("ext4", head, sizeof(head), &unfinished), 16 * 4096);
    head[1024 + 0x150] = 1;
    assert_int_equal(probe_system_bytes("ext4", head, sizeof(head), &unfinished), 16 * 4096);
    head[1024 + 0x60] = 0x80;
    assert_int_equal(probe_system_bytes("ext4", head, sizeof(head), &unfinished), (16 + (1LL << 32)) * 4096);
    memset(head + 1024 + 0x150, 0xFF, 4);
    memset(head + 1024 + 4, 0xFF, 4);
    assert_int_equal(probe_system_bytes("ext4", head, sizeof(head), &unfinished), 0);
    head[1024 + 24] = 200;
    assert_int_equal(probe_system_bytes("ext4", head, sizeof(head), &unfinished), 0);
    memset(head, 0, sizeof(head));
    head[6] = 0x10;
    head[15] = 3;
    assert_int_equal(probe_system_bytes("xfs", head, sizeof(head), &unfinished), 3 * 4096);
    assert_false(unfinished);
    head[126] = 1;
    (void)probe_system_bytes("xfs", head, sizeof(head), &unfinished);
    assert_true(unfinished);
    assert_int_equal(probe_system_bytes("vfat", head, sizeof(head), &unfinished), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_one),
        cmocka_unit_test(a_byte_at_either_end),
        cmocka_unit_test(the_mark_alone_counts_as_empty),
        cmocka_unit_test(swap_is_no_file_system),
        cmocka_unit_test(small_ones),
        cmocka_unit_test(sizes_in_superblocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
