/* test_scan.c - the fast passes give what the plain ones give, at every length and alignment. */
#include "cmocka_all.h"

#include <stdlib.h>

#include "base/auto.h"
#include "record/scan.h"

#define BIG (300 * 1024)

/* Bytes with some newlines among them; the same every time. */
static unsigned char *noise(size_t n)
{
    unsigned char *bytes = malloc(n);
    uint32_t x = 12345;

    for (size_t i = 0; i < n; i++) {
        x = x * 1664525 + 1013904223;
        bytes[i] = (unsigned char)(x >> 24) % 40;
    }
    return bytes;
}

static void known_sums(void **state)
{
    static const unsigned char ZEROS[32];

    (void)state;
    assert_int_equal(crc32c(0, "", 0), 0);
    assert_int_equal(crc32c(0, "123456789", 9), 0xE3069283);
    assert_int_equal(crc32c_portable(0, "123456789", 9), 0xE3069283);
    assert_int_equal(crc32c(0, ZEROS, sizeof(ZEROS)), 0x8A9136AA);
}

static void fast_and_portable_sums_agree(void **state)
{
    AUTO_FREE unsigned char *bytes = noise(BIG);
    static const size_t LENGTHS[] = {3071, 3072, 3073, 6143, 6144, 6145, 9999, 65536, 65537, BIG - 16};

    (void)state;
    for (size_t n = 0; n < 200; n++)
        for (size_t at = 0; at < 9; at++)
            assert_int_equal(crc32c((uint32_t)n, bytes + at, n), crc32c_portable((uint32_t)n, bytes + at, n));
    for (size_t i = 0; i < ARRAY_SIZE(LENGTHS); i++)
        for (size_t at = 0; at < 3; at++)
            assert_int_equal(crc32c(7, bytes + at, LENGTHS[i]), crc32c_portable(7, bytes + at, LENGTHS[i]));
}

static void sums_can_be_continued(void **state)
{
    AUTO_FREE unsigned char *bytes = noise(10000);
    uint32_t whole = crc32c(0, bytes, 10000);

    (void)state;
    for (size_t cut = 0; cut <= 10000; cut += 613)
        assert_int_equal(crc32c(crc32c(0, bytes, cut), bytes + cut, 10000 - cut), whole);
}

static uint64_t plain_count(const unsigned char *bytes, size_t n)
{
    uint64_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += bytes[i] == '\n';
    return count;
}

static void newlines_are_counted(void **state)
{
    AUTO_FREE unsigned char *bytes = noise(BIG);
    AUTO_FREE unsigned char *full = malloc(BIG);

    (void)state;
    for (size_t n = 0; n < 200; n++)
        for (size_t at = 0; at < 17; at++)
            assert_int_equal(count_newlines(bytes + at, n), plain_count(bytes + at, n));
    assert_int_equal(count_newlines(bytes, BIG), plain_count(bytes, BIG));
    /* Nothing but newlines: no lane overflows. */
    memset(full, '\n', BIG);
    assert_int_equal(count_newlines(full, BIG), BIG);
    assert_int_equal(count_newlines(full + 1, BIG - 2), BIG - 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_sums),
        cmocka_unit_test(fast_and_portable_sums_agree),
        cmocka_unit_test(sums_can_be_continued),
        cmocka_unit_test(newlines_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
