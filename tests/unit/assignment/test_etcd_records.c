/* test_etcd_records.c - names and values of keys in etcd: what is written is read back, what is wrong is said with its place. */
#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "assignment/etcd/moves.h"
#include "assignment/etcd/record.h"
#include "base/auto.h"

static const struct etcd_keys KEYS = {.prefix = "/runlet"};

static void test_urgent_runs_have_smaller_keys(void **state)
{
    char early[ETCD_KEY_MAX], late[ETCD_KEY_MAX], urgent[ETCD_KEY_MAX], never[ETCD_KEY_MAX],
        run[RUN_ID_BYTES];
    const char *below;

    (void)state;
    etcd_key_waiting(&KEYS, "p", 0, (wall_ms_t){999}, "b", early);
    etcd_key_waiting(&KEYS, "p", 0, (wall_ms_t){1000}, "a", late);
    etcd_key_waiting(&KEYS, "p", ETCD_PRIORITY_LIMIT, (wall_ms_t){1000}, "z", urgent);
    etcd_key_waiting(&KEYS, "p", -ETCD_PRIORITY_LIMIT, (wall_ms_t){1}, "a", never);
    assert_true(strcmp(urgent, early) < 0 && strcmp(early, late) < 0 && strcmp(late, never) < 0);
    below = etcd_key_below(late, "/runlet/queue/p/");
    assert_non_null(below);
    assert_true(etcd_queue_run(below, run));
    assert_string_equal(run, "a");
    assert_false(etcd_queue_run("1000.1000.a", run));
    assert_false(etcd_queue_run("1000.0000000001000.a~2", run));
    assert_false(etcd_queue_run("1000.0000000001000.", run));
    assert_null(etcd_key_below("/other/queue/p/x", "/runlet/queue/p/"));
}

static void test_names_and_prefixes(void **state)
{
    char end[ETCD_KEY_MAX];

    (void)state;
    assert_true(etcd_name_valid("worker-3.example"));
    assert_false(etcd_name_valid("") || etcd_name_valid("a/b") || etcd_name_valid(".a") ||
                 etcd_name_valid("a b"));
    assert_true(etcd_prefix_valid("/runlet") && etcd_prefix_valid("/a/b.c"));
    assert_false(etcd_prefix_valid("runlet") || etcd_prefix_valid("/") || etcd_prefix_valid("/a/") ||
                 etcd_prefix_valid("/a//b"));
    etcd_key_end("/runlet/queue/p/", end);
    assert_string_equal(end, "/runlet/queue/p0");
}

static struct etcd_state a_state(void)
{
    struct etcd_state s = {.run = "train-7",
                           .pool = "gpu",
                           .display_name = "a \"name\"",
                           .priority = -3,
                           .on_lost = ETCD_LOST_REQUEUE,
                           .attempts = 3,
                           .submitted_at = {1795500000123},
                           .state = STATE_FAILED,
                           .details = "Job run failed with exit code 3.",
                           .cause = "exited",
                           .has_exit_code = true,
                           .exit_code = 3,
                           .attempt = 2,
                           .epoch = 4711,
                           .sequence = 5,
                           .node = "worker-3",
                           .changed_at = {1795500009999},
                           .started_at = {1795500001000},
                           .finished_at = {1795500009999}};

    return s;
}

static void test_a_state_is_read_back(void **state)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(ETCD_RECORD_MAX);
    AUTO(strbuf) struct strbuf again = STRBUF_INIT(ETCD_RECORD_MAX);
    struct etcd_state s = a_state(), back;
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(etcd_state_write(&s, &text), 0);
    assert_int_equal(etcd_state_read(strbuf_str(&text), text.len, "s", &back, &e), 0);
    assert_int_equal(etcd_state_write(&back, &again), 0);
    assert_string_equal(strbuf_str(&again), strbuf_str(&text));
    assert_true(etcd_state_ended(&back));
}

static void test_what_is_wrong_with_a_state_is_said_with_its_place(void **state)
{
    static const struct {
        const char *text, *says;
    } CASES[] = {
        {"{", "s:1:"},
        {"[]", "expected mapping, found list"},
        {"{\"pool\": \"p\", \"lifecycleState\": \"ACCEPTED\"}", "'run' is missing"},
        {"{\"run\": \"a/b\", \"pool\": \"p\", \"lifecycleState\": \"ACCEPTED\"}",
         "s: /run: error: 'a/b' is no run id"},
        {"{\"run\": \"a\", \"pool\": \"p/q\", \"lifecycleState\": \"ACCEPTED\"}", "/pool"},
        {"{\"run\": \"a\", \"pool\": \"p\", \"lifecycleState\": \"DONE\"}", "unknown lifecycle state 'DONE'"},
        {"{\"run\": \"a\", \"pool\": \"p\", \"lifecycleState\": \"ACCEPTED\", \"priority\": 1001}",
         "/priority"},
        {"{\"run\": \"a\", \"pool\": \"p\", \"lifecycleState\": \"ACCEPTED\", \"attempt\": \"1\"}",
         "expected integer"},
        {"{\"run\": \"a\", \"pool\": \"p\", \"lifecycleState\": \"ACCEPTED\", \"onLost\": \"retry\"}",
         "unknown word 'retry'"},
        {"{\"run\": \"a\", \"pool\": \"p\", \"lifecycleState\": \"ACCEPTED\", \"timeStarted\": \"noon\"}",
         "expected a time"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct etcd_state s;
        struct err e = ERR_INIT;
        assert_int_equal(etcd_state_read(CASES[i].text, strlen(CASES[i].text), "s", &s, &e), -EINVAL);
        assert_non_null(strstr(e.text, CASES[i].says));
    }
}

static void test_a_lost_run_waits_again_as_long_as_it_has_attempts(void **state)
{
    struct etcd_state s = a_state();

    (void)state;
    s.state = STATE_IN_PROGRESS;
    etcd_state_lose(&s, false, "gone", (wall_ms_t){1});
    assert_int_equal(s.state, STATE_ACCEPTED);
    assert_true(s.attempt == 2 && s.epoch == 0 && s.sequence == 0 && !s.has_exit_code);
    s.attempt = 3;
    etcd_state_lose(&s, false, "gone", (wall_ms_t){1});
    assert_int_equal(s.state, STATE_FAILED);
    assert_string_equal(s.cause, "lease-lost");
    s = a_state();
    etcd_state_lose(&s, true, "gone", (wall_ms_t){1});
    assert_int_equal(s.state, STATE_CANCELED);
    s = a_state();
    s.on_lost = ETCD_LOST_FAIL;
    etcd_state_lose(&s, false, "gone", (wall_ms_t){1});
    assert_int_equal(s.state, STATE_FAILED);
}

static void test_directives_are_read_back(void **state)
{
    static const struct directive RUN[] = {
        {.kind = DIRECTIVE_CANCEL, .kill = true, .grace_ms = -1},
        {.kind = DIRECTIVE_STOP, .grace_ms = 5000},
        {.kind = DIRECTIVE_STOP, .grace_ms = -1},
        {.kind = DIRECTIVE_DEADLINE, .grace_ms = -1, .maximum_runtime_ms = 9000}};
    static const struct node_directive NODE[] = {
        {.kind = NODE_DIRECTIVE_DRAIN, .reason = "disks"},
        {.kind = NODE_DIRECTIVE_UNDRAIN},
        {.kind = NODE_DIRECTIVE_LOG_LEVEL, .log_level = LOG_LEVEL_DEBUG}};
    struct err e = ERR_INIT;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(RUN); i++) {
        AUTO(strbuf) struct strbuf text = STRBUF_INIT(ETCD_RECORD_MAX);
        struct directive d;
        assert_int_equal(etcd_directive_write(&RUN[i], &text), 0);
        assert_int_equal(etcd_directive_read(strbuf_str(&text), text.len, "d", &d, &e), 0);
        assert_true(d.kind == RUN[i].kind && d.kill == RUN[i].kill && d.grace_ms == RUN[i].grace_ms &&
                    d.maximum_runtime_ms == RUN[i].maximum_runtime_ms);
    }
    for (size_t i = 0; i < ARRAY_SIZE(NODE); i++) {
        AUTO(strbuf) struct strbuf text = STRBUF_INIT(ETCD_RECORD_MAX);
        struct node_directive d;
        assert_int_equal(etcd_node_directive_write(&NODE[i], &text), 0);
        assert_int_equal(etcd_node_directive_read(strbuf_str(&text), text.len, "d", &d, &e), 0);
        assert_int_equal(d.kind, NODE[i].kind);
        assert_string_equal(d.reason, NODE[i].reason);
        if (d.kind == NODE_DIRECTIVE_LOG_LEVEL)
            assert_int_equal(d.log_level, LOG_LEVEL_DEBUG);
    }
    {
        struct directive d;
        assert_int_equal(etcd_directive_read("{\"directive\":\"deadline\"}", 24, "d", &d, &e), -EINVAL);
        assert_int_equal(etcd_directive_read("{\"directive\":\"cancel\",\"kill\":1}", 31, "d", &d, &e),
                         -EINVAL);
        assert_int_equal(etcd_directive_read("{}", 2, "d", &d, &e), -EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urgent_runs_have_smaller_keys),
        cmocka_unit_test(test_names_and_prefixes),
        cmocka_unit_test(test_a_state_is_read_back),
        cmocka_unit_test(test_what_is_wrong_with_a_state_is_said_with_its_place),
        cmocka_unit_test(test_a_lost_run_waits_again_as_long_as_it_has_attempts),
        cmocka_unit_test(test_directives_are_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
