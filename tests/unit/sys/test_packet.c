/* test_packet.c - packets with descriptors, their limits, and processes' identities. */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/packet.h"
#include "sys/process.h"

static void descriptors_travel(void **state)
{
    AUTO_CLOSE int a = -1;
    AUTO_CLOSE int b = -1;
    int pair[2], fds[2], received[4] = {-1, -1, -1, -1};
    char text[16];
    size_t count = 0;

    (void)state;
    assert_int_equal(packet_pair(pair), 0);
    a = pair[0];
    b = pair[1];
    fds[0] = fds[1] = STDIN_FILENO;
    assert_int_equal(packet_send(a, "hello", 5, fds, 2), 0);
    assert_int_equal(packet_receive(b, text, sizeof(text), received, 4, &count), 5);
    assert_int_equal(count, 2);
    assert_memory_equal(text, "hello", 5);
    assert_true((fcntl(received[0], F_GETFD) & FD_CLOEXEC) != 0);
    (void)close(received[0]);
    (void)close(received[1]);
}

static void what_does_not_fit_is_refused_whole(void **state)
{
    AUTO_CLOSE int a = -1;
    AUTO_CLOSE int b = -1;
    int pair[2], fds[2] = {STDIN_FILENO, STDIN_FILENO}, received[1] = {-1};
    char text[4];
    size_t count = 7;
    int before, after;

    (void)state;
    assert_int_equal(packet_pair(pair), 0);
    a = pair[0];
    b = pair[1];
    before = dup(STDIN_FILENO);
    (void)close(before);
    assert_int_equal(packet_send(a, "ab", 2, fds, 2), 0);
    assert_int_equal(packet_receive(b, text, sizeof(text), received, 1, &count), -EMSGSIZE);
    assert_int_equal(packet_send(a, "longer", 6, NULL, 0), 0);
    assert_int_equal(packet_receive(b, text, sizeof(text), received, 1, &count), -EMSGSIZE);
    after = dup(STDIN_FILENO);
    (void)close(after);
    assert_int_equal(before, after); /* no descriptor was left open */
}

static void the_end_is_zero(void **state)
{
    int pair[2];
    char text[4];
    size_t count = 0;

    (void)state;
    assert_int_equal(packet_pair(pair), 0);
    (void)close(pair[0]);
    assert_int_equal(packet_receive(pair[1], text, sizeof(text), NULL, 0, &count), 0);
    assert_int_equal(packet_send(pair[1], "x", 1, NULL, 0), -EPIPE);
    (void)close(pair[1]);
}

static void the_peer_is_known(void **state)
{
    int pair[2];
    uid_t uid = 12345;
    pid_t pid = 0;

    (void)state;
    assert_int_equal(packet_pair(pair), 0);
    assert_int_equal(peer_user(pair[0], &uid, &pid), 0);
    assert_int_equal(uid, geteuid());
    assert_int_equal(pid, getpid());
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static void identities(void **state)
{
    struct process_identity self, again, none;

    (void)state;
    assert_int_equal(process_identity_of(getpid(), &self), 0);
    assert_int_equal(process_identity_of(getpid(), &again), 0);
    assert_true(self.start_time > 0);
    assert_int_equal(self.start_time, again.start_time);
    assert_int_equal(strlen(self.boot_id), 36);
    assert_int_equal(process_identity_of(0x7FFFFFF0, &none), -ESRCH);
}

static void unknown_users_come_with_a_remedy(void **state)
{
    struct user_ids ids;
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(user_lookup("root", "root", &ids, &e), 0);
    assert_int_equal(ids.uid, 0);
    assert_int_equal(user_lookup("1234", "5678", &ids, &e), 0);
    assert_int_equal(ids.gid, 5678);
    assert_int_equal(user_lookup("no-such-user-here", "root", &ids, &e), -ENOENT);
    assert_non_null(strstr(e.text, "useradd"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_travel), cmocka_unit_test(what_does_not_fit_is_refused_whole),
        cmocka_unit_test(the_end_is_zero),    cmocka_unit_test(the_peer_is_known),
        cmocka_unit_test(identities),         cmocka_unit_test(unknown_users_come_with_a_remedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
