/* test_etcd_gateway.c - what is asked of etcd's JSON gateway, and what it answers. Its bodies here are those of etcd 3.4. */
#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "assignment/etcd/answer.h"
#include "assignment/etcd/request.h"
#include "base/auto.h"
#include "base/base64.h"

#define HEADER "\"header\":{\"cluster_id\":\"1\",\"member_id\":\"2\",\"revision\":\"42\",\"raft_term\":\"2\"}"

static void test_a_transaction_is_written(void **state)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(4096);
    struct etcd_txn t;

    (void)state;
    etcd_txn_begin(&t, &body);
    etcd_if_created(&t, "a", 7);
    etcd_if_modified(&t, "a", 0);
    etcd_then(&t);
    etcd_put(&t, "b", "1", 1, 9);
    etcd_delete(&t, "a");
    etcd_else(&t);
    etcd_get(&t, "a");
    etcd_txn_end(&t);
    assert_string_equal(
        strbuf_str(&body),
        "{\"compare\":[{\"target\":\"CREATE\",\"result\":\"EQUAL\",\"key\":\"YQ==\",\"create_revision\":"
        "\"7\"},"
        "{\"target\":\"MOD\",\"result\":\"EQUAL\",\"key\":\"YQ==\",\"mod_revision\":\"0\"}],"
        "\"success\":[{\"request_put\":{\"key\":\"Yg==\",\"value\":\"MQ==\",\"lease\":\"9\"}},"
        "{\"request_delete_range\":{\"key\":\"YQ==\"}}],\"failure\":[{\"request_range\":{\"key\":\"YQ==\"}}]"
        "}");
}

static void test_a_range_and_its_answer(void **state)
{
    static const char ANSWER[] =
        "{" HEADER
        ",\"kvs\":[{\"key\":\"YQ==\",\"create_revision\":\"2\",\"mod_revision\":\"3\",\"version\":\"1\","
        "\"value\":\"MQ==\",\"lease\":\"9007199254740993\"},{\"key\":\"Yg==\"}],\"more\":true,\"count\":"
        "\"5\"}";
    AUTO(etcd_reply) struct etcd_reply reply = {0};
    AUTO(etcd_kvs) struct etcd_kvs kvs = {0};
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(etcd_reply_read(ANSWER, sizeof(ANSWER) - 1, &reply, &e), 0);
    assert_int_equal(reply.revision, 42);
    assert_int_equal(etcd_reply_kvs(&reply, -1, &kvs, &e), 0);
    assert_true(kvs.count == 2 && kvs.more);
    assert_string_equal(kvs.item[0].key, "a");
    assert_string_equal(kvs.item[0].value, "1");
    assert_true(kvs.item[0].created == 2 && kvs.item[0].modified == 3 &&
                kvs.item[0].lease == 9007199254740993);
    assert_string_equal(kvs.item[1].value, "");
}

static void test_answers_that_are_none(void **state)
{
    static const char *const BAD[] = {
        "",
        "nonsense",
        "[]",
        "{}",
        "{\"header\":1}",
        "{\"header\":{\"revision\":\"x\"}}",
        "{" HEADER ",\"succeeded\":\"yes\"}",
    };
    static const char *const BAD_KVS[] = {
        "{" HEADER ",\"kvs\":1}",
        "{" HEADER ",\"kvs\":[1]}",
        "{" HEADER ",\"kvs\":[{}]}",
        "{" HEADER ",\"kvs\":[{\"key\":\"?\"}]}",
        "{" HEADER ",\"kvs\":[{\"key\":\"AGE=\"}]}",
        "{" HEADER ",\"kvs\":[{\"key\":\"YQ==\",\"lease\":true}]}",
        "{" HEADER ",\"more\":1}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++) {
        struct etcd_reply reply;
        struct err e = ERR_INIT;
        assert_true(etcd_reply_read(BAD[i], strlen(BAD[i]), &reply, &e) < 0);
        assert_true(e.text[0] != '\0' && reply.root == NULL);
    }
    for (size_t i = 0; i < ARRAY_SIZE(BAD_KVS); i++) {
        AUTO(etcd_reply) struct etcd_reply reply = {0};
        struct etcd_kvs kvs;
        struct err e = ERR_INIT;
        assert_int_equal(etcd_reply_read(BAD_KVS[i], strlen(BAD_KVS[i]), &reply, &e), 0);
        assert_true(etcd_reply_kvs(&reply, -1, &kvs, &e) < 0);
        assert_true(kvs.count == 0 && kvs.item == NULL);
        assert_true(etcd_reply_kvs(&reply, 0, &kvs, &e) < 0);
    }
}

static void test_errors_say_whether_asking_again_may_help(void **state)
{
    static const struct {
        const char *text;
        bool token, for_good;
    } CASES[] = {
        {"{\"error\":\"etcdserver: invalid auth token\",\"message\":\"etcdserver: invalid auth "
         "token\",\"code\":16}",
         true, false},
        {"{\"message\":\"etcdserver: user name is empty\",\"code\":3}", true, true},
        {"{\"message\":\"etcdserver: permission denied\",\"code\":7}", false, true},
        {"{\"message\":\"etcdserver: request timed out\",\"code\":14}", false, false},
        {"{\"message\":\"etcdserver: requested lease not found\",\"code\":5}", false, false},
        {"<html>bad gateway</html>", false, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct etcd_failure f;
        etcd_failure_read(CASES[i].text, strlen(CASES[i].text), &f);
        assert_int_equal(etcd_failure_of_token(&f), CASES[i].token);
        assert_int_equal(etcd_failure_for_good(&f), CASES[i].for_good);
    }
}

static void test_news_of_a_watch(void **state)
{
    static const char EVENTS[] =
        "{\"result\":{" HEADER
        ",\"events\":[{\"kv\":{\"key\":\"YQ==\",\"create_revision\":\"40\",\"mod_revision\":\"40\","
        "\"value\":\"MQ==\"}},{\"type\":\"DELETE\",\"kv\":{\"key\":\"Yg==\",\"mod_revision\":\"41\"}}]}}";
    static const char COMPACTED[] = "{\"result\":{" HEADER ",\"canceled\":true,\"compact_revision\":\"30\"}}";
    static const char FAILED[] = "{\"error\":{\"grpc_code\":14,\"http_code\":503,\"message\":\"no leader\"}}";
    AUTO(etcd_news) struct etcd_news events = {0};
    AUTO(etcd_news) struct etcd_news news = {0};
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(etcd_news_read(EVENTS, sizeof(EVENTS) - 1, &events, &e), 0);
    assert_true(events.kvs.count == 2 && !events.canceled && !events.failed);
    assert_true(events.kvs.item[0].created == 40 && events.kvs.item[1].created == 0 &&
                events.kvs.item[1].modified == 41);
    assert_int_equal(etcd_news_read(COMPACTED, sizeof(COMPACTED) - 1, &news, &e), 0);
    assert_true(news.canceled && news.compacted == 30);
    etcd_news_free(&news);
    assert_int_equal(etcd_news_read(FAILED, sizeof(FAILED) - 1, &news, &e), 0);
    assert_true(news.failed);
    assert_string_equal(news.failure.message, "no leader");
    assert_true(etcd_news_read("{\"result\":[]}", 13, &news, &e) < 0);
    assert_true(etcd_news_read("{\"result\":{" HEADER ",\"events\":[{}]}}", 90, &news, &e) < 0);
}

static void test_leases(void **state)
{
    static const char KEPT[] = "{\"result\":{" HEADER ",\"ID\":\"77\",\"TTL\":\"30\"}}";
    static const char ENDED[] = "{\"result\":{" HEADER ",\"ID\":\"77\"}}";
    struct err e = ERR_INIT;
    int64_t id, seconds;

    (void)state;
    for (int ended = 0; ended < 2; ended++) {
        AUTO(etcd_reply) struct etcd_reply reply = {0};
        const char *text = ended ? ENDED : KEPT;
        assert_int_equal(etcd_reply_read(text, strlen(text), &reply, &e), 0);
        assert_int_equal(etcd_reply_lease(&reply, &id, &seconds, &e), 0);
        assert_true(id == 77 && seconds == (ended ? 0 : 30));
    }
}

static void test_keys_of_a_lease(void **state)
{
    static const char TWO[] = "{" HEADER ",\"ID\":\"77\",\"TTL\":\"30\",\"keys\":[\"L2E=\",\"L2I=\"]}";
    static const char BAD[] = "{" HEADER ",\"keys\":[\"%\"]}";
    static const char NONE[] = "{" HEADER ",\"ID\":\"77\",\"TTL\":\"-1\"}";
    static const char *const TEXTS[] = {TWO, BAD, NONE};
    static const size_t COUNTS[] = {2, SIZE_MAX, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(TEXTS); i++) {
        AUTO(etcd_reply) struct etcd_reply reply = {0};
        AUTO(strlist) struct strlist keys = {0};
        struct err e = ERR_INIT;
        int r;
        assert_int_equal(etcd_reply_read(TEXTS[i], strlen(TEXTS[i]), &reply, &e), 0);
        r = etcd_reply_leased_keys(&reply, &keys, &e);
        assert_int_equal(r < 0, COUNTS[i] == SIZE_MAX);
        if (r == 0)
            assert_int_equal(keys.count, COUNTS[i]);
        if (keys.count == 2)
            assert_string_equal(keys.item[1], "/b");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_transaction_is_written),
        cmocka_unit_test(test_a_range_and_its_answer),
        cmocka_unit_test(test_answers_that_are_none),
        cmocka_unit_test(test_errors_say_whether_asking_again_may_help),
        cmocka_unit_test(test_news_of_a_watch),
        cmocka_unit_test(test_leases),
        cmocka_unit_test(test_keys_of_a_lease),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
