/* test_message.c - every message survives the wire; a newer version's words are ignored, wrong ones refused. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/packet.h"
#include "wire/message.h"

static struct message through(const struct message *m)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(MESSAGE_BYTES_MAX);
    struct message back;
    struct err e = ERR_INIT;

    assert_int_equal(message_encode(m, &text), 0);
    assert_int_equal(message_decode(text.data, text.len, &back, &e), 0);
    return back;
}

static void every_type_survives(void **state)
{
    (void)state;
    for (unsigned t = MESSAGE_START; t < MESSAGE_TYPE_COUNT; t++) {
        struct message m = {.type = (enum message_type)t,
                            .version = PROTOCOL_VERSION,
                            .run_id = "local.1",
                            .cause = CAUSE_DEADLINE_EXCEEDED,
                            .grace_ms = 1234,
                            .runtime_ms = 5678,
                            .lease_until = {91},
                            .pid = 99,
                            .started_at = {1000},
                            .deadline = {2000},
                            .refusal = REFUSAL_POLICY,
                            .blame = BLAME_ASSIGNMENT,
                            .text = "why \"not\""};
        struct message back = through(&m);
        assert_int_equal(back.type, t);
        assert_string_equal(back.run_id, "local.1");
        assert_int_equal(back.cause, CAUSE_DEADLINE_EXCEEDED);
        if (t == MESSAGE_STOP)
            assert_int_equal(back.grace_ms, 1234);
        if (t == MESSAGE_LEASE)
            assert_int_equal(back.lease_until.ms, 91);
        if (t == MESSAGE_DEADLINE)
            assert_int_equal(back.runtime_ms + back.deadline.ms, 5678 + 2000);
        if (t == MESSAGE_RUNNING)
            assert_int_equal(back.pid + back.started_at.ms + back.deadline.ms, 99 + 1000 + 2000);
        if (t == MESSAGE_REFUSED) {
            assert_int_equal(back.refusal, REFUSAL_POLICY);
            assert_int_equal(back.blame, BLAME_ASSIGNMENT);
            assert_string_equal(back.text, "why \"not\"");
        }
    }
}

static void decode_cases(void **state)
{
    static const struct {
        const char *text;
        int r;
        enum message_type type;
    } CASES[] = {
        {"{\"type\":\"kill\"}", 0, MESSAGE_KILL},
        {"{\"type\":\"of-version-2\",\"extra\":1}", 0, MESSAGE_NONE},
        {"{}", 0, MESSAGE_NONE},
        {"{\"type\":\"none\"}", 0, MESSAGE_NONE},
        {"{\"type\":\"stop\",\"cause\":\"of-version-2\"}", 0, MESSAGE_STOP},
        {"kill", -EBADMSG, MESSAGE_NONE},
        {"", -EBADMSG, MESSAGE_NONE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct message m = {0};
        struct err e = ERR_INIT;
        assert_int_equal(message_decode(CASES[i].text, strlen(CASES[i].text), &m, &e), CASES[i].r);
        assert_int_equal(m.type, CASES[i].type);
    }
}

static void over_a_socket(void **state)
{
    const struct message sent = {.type = MESSAGE_START, .version = 1};
    struct message m;
    int pair[2], fds[MESSAGE_FDS_MAX], fd = STDIN_FILENO;
    size_t count = 0;

    (void)state;
    assert_int_equal(packet_pair(pair), 0);
    assert_int_equal(message_send(pair[0], &sent, &fd, 1), 0);
    assert_int_equal(message_receive(pair[1], &m, fds, MESSAGE_FDS_MAX, &count), 1);
    assert_int_equal(m.type, MESSAGE_START);
    assert_int_equal(count, 1);
    (void)close(fds[0]);
    assert_int_equal(packet_send(pair[0], "not a message", 13, &fd, 1), 0);
    assert_int_equal(message_receive(pair[1], &m, fds, MESSAGE_FDS_MAX, &count), -EBADMSG);
    assert_int_equal(count, 0);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_survives),
        cmocka_unit_test(decode_cases),
        cmocka_unit_test(over_a_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
