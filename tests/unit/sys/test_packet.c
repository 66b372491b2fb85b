/* test_packet.c - what was said arrives, also from a peer that left. */
#include "sys/packet.h"

#include <unistd.h>

#include "cmocka_all.h"

/* A peer that leaves words unread resets the connection; its last words must not go with it. */
static void last_words_of_a_peer_that_did_not_listen(void **state)
{
    char text[16];
    size_t none = 0;
    int pair[2];

    (void)state;
    assert_int_equal(packet_pair(pair), 0);
    assert_int_equal(packet_send(pair[0], "hello", 5, NULL, 0), 0);
    assert_int_equal(packet_send(pair[1], "stop", 4, NULL, 0), 0);
    assert_int_equal(packet_send(pair[1], "now", 3, NULL, 0), 0);
    assert_int_equal(close(pair[1]), 0);
    assert_int_equal(packet_receive(pair[0], text, sizeof(text), NULL, 0, &none), 4);
    assert_memory_equal(text, "stop", 4);
    assert_int_equal(packet_receive(pair[0], text, sizeof(text), NULL, 0, &none), 3);
    assert_int_equal(packet_receive(pair[0], text, sizeof(text), NULL, 0, &none), 0);
    assert_int_equal(close(pair[0]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(last_words_of_a_peer_that_did_not_listen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
