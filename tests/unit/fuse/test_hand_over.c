/* test_hand_over.c - a descriptor as fusermount hands it over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "fuse/hand_over.h"
#include "sys/packet.h"

static void it_arrives(void **state)
{
    int pair[2], got = -1;
    AUTO_CLOSE int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    size_t count = 0;
    struct stat sent, received;
    char number[16], byte = 'x';

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    (void)snprintf(number, sizeof(number), "%d", pair[1]);
    assert_int_equal(hand_over(number, null), 0);
    assert_int_equal(packet_receive(pair[0], &byte, 1, &got, 1, &count), 1);
    assert_int_equal(byte, 0);
    assert_int_equal(count, 1);
    assert_int_equal(fstat(null, &sent), 0);
    assert_int_equal(fstat(got, &received), 0);
    assert_true(sent.st_rdev == received.st_rdev);
    (void)close(got);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static void nobody_asked(void **state)
{
    (void)state;
    assert_int_equal(hand_over(NULL, 0), -EINVAL);
    assert_int_equal(hand_over("", 0), -EINVAL);
    assert_int_equal(hand_over("-1", 0), -EINVAL);
    assert_int_equal(hand_over("99999", 0), -EINVAL);
    assert_true(hand_over("1023", 0) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_arrives),
        cmocka_unit_test(nobody_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
