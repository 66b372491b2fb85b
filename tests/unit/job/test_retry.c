/* test_retry.c - `x-runlet: {retry: ...}`: read with positions, layered value by value, written and read back. */
#include "job/reading.h"

#include <stdio.h>

#include "job/assignment.h"
#include "job/parts.h"

#define RETRY(text) "{\"projectId\":\"p\",\"compartmentId\":\"c\",\"x-runlet\":{\"retry\":" text "}}"

static void a_block_is_read(void **state)
{
    AUTO(reading)
    struct reading r = read_oci(
        RETRY("{\"attempts\":5,\"delay\":\"30s\",\"on\":[\"preempted\",\"exited\"],\"exitCodes\":[75,9]}"),
        NULL);
    const struct run_retry *x = &r.request.job.configuration.x.retry;

    (void)state;
    assert_string_equal(strbuf_str(&r.text), "");
    assert_int_equal(x->attempts, 5);
    assert_int_equal(x->delay_ms, 30000);
    assert_true(x->has_causes && x->cause[CAUSE_PREEMPTED] && x->cause[CAUSE_EXITED]);
    assert_false(x->cause[CAUSE_SIGNALED]);
    assert_true(x->has_exit_codes && x->exit_code[75] && x->exit_code[9] && !x->exit_code[1]);
}

static void what_is_wrong_is_shown(void **state)
{
    static const struct {
        const char *document, *says;
    } CASES[] = {
        {RETRY("{\"attempts\":0}"), "attempts"},
        {RETRY("{\"attempts\":101}"), "attempts"},
        {RETRY("{\"delay\":\"2d\"}"), "/x-runlet/retry/delay"},
        {RETRY("{\"on\":[\"preempted\",\"cancelled\"]}"),
         "/x-runlet/retry/on/1: error: 'on': 'cancelled' is not one of"},
        {RETRY("{\"on\":[\"unkillable\"]}"), "'unkillable' is not one of"},
        {RETRY("{\"on\":[7]}"), "/x-runlet/retry/on/0"},
        {RETRY("{\"exitCodes\":[0]}"), "expected numbers from 1 to 255"},
        {RETRY("{\"exitCodes\":[256]}"), "expected numbers from 1 to 255"},
        {RETRY("{\"exitCodes\":[\"75\"]}"), "expected numbers from 1 to 255"},
        {RETRY("{\"times\":3}"), "times"},
        {RETRY("[]"), "retry"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(reading) struct reading r = read_oci(CASES[i].document, NULL);
        assert_true(r.result < 0);
        expect_text(&r, CASES[i].says);
    }
}

/* The run's words replace the job's one by one; what nobody says is filled in only where somebody says something. */
static void words_are_layered(void **state)
{
    struct run_retry job, run, r;

    (void)state;
    run_retry_init(&job);
    run_retry_init(&run);
    r = run_retry_resolve(&job, &run);
    assert_int_equal(r.attempts, 1);
    job.delay_ms = 5000;
    r = run_retry_resolve(&job, &run);
    assert_int_equal(r.attempts, RETRY_ATTEMPTS_DEFAULT);
    assert_int_equal(r.delay_ms, 5000);
    job.has_causes = job.cause[CAUSE_PREEMPTED] = true;
    run.has_causes = run.cause[CAUSE_SIGNALED] = true;
    run.attempts = 7;
    r = run_retry_resolve(&job, &run);
    assert_int_equal(r.attempts, 7);
    assert_true(r.cause[CAUSE_SIGNALED] && !r.cause[CAUSE_PREEMPTED]);
}

static void what_is_written_is_read_back(void **state)
{
    AUTO(reading)
    struct reading r =
        read_oci(RETRY("{\"attempts\":2,\"delay\":\"1s\",\"on\":[\"unknown\"],\"exitCodes\":[1,255]}"), NULL);
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(65536);
    struct json_out w = {.out = &text};

    (void)state;
    assert_int_equal(r.result, 0);
    json_out_open(&w, NULL, '{');
    retry_write(&w, &r.request.job.configuration.x.retry);
    json_out_close(&w, '}');
    assert_string_equal(strbuf_str(&text),
                        "{\"retry\":{\"attempts\":2,\"delay\":\"1000ms\",\"on\":[\"unknown\"],"
                        "\"exitCodes\":[1,255]}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_is_read),
        cmocka_unit_test(what_is_wrong_is_shown),
        cmocka_unit_test(words_are_layered),
        cmocka_unit_test(what_is_written_is_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
