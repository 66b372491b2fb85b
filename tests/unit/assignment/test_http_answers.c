/* test_http_answers.c - what a control plane says over HTTP, read; what a node tells it, written; and what an answer means. */
#include "cmocka_all.h"

#include <errno.h>

#include "assignment/http/answers.h"
#include "assignment/http/bootstrap.h"
#include "assignment/http/bodies.h"
#include "assignment/http/client.h"
#include "assignment/http/credentials.h"
#include "base/auto.h"
#include "format/read.h"
#include "scratch.h"

static void numbers_have_bounds(void **state)
{
    static const char *const BAD[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"seconds\": 0}",
                                      "{\"seconds\": -5}",
                                      "{\"seconds\": 604801}",
                                      "{\"seconds\": {}}",
                                      "{\"seconds\": 1e300}",
                                      "{\"seconds\": 60",
                                      "{\"seconds\": 1, \"seconds\": 2}"};
    struct registration r;
    struct err e = ERR_INIT;
    int64_t ms = 7;

    (void)state;
    assert_int_equal(answer_lease("{\"seconds\": 60, \"later\": 1}", 27, &ms, &e), 0);
    assert_int_equal(ms, 60000);
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++)
        if (answer_lease(BAD[i], strlen(BAD[i]), &ms, &e) != -EINVAL || ms != 60000 ||
            strncmp(e.text, "lease:", 6) != 0)
            fail_msg("%s: %s", BAD[i], e.text);
    assert_int_equal(answer_registration("{\"heartbeatSeconds\": 5}", 23, &r, &e), 0);
    assert_int_equal(r.heartbeat_ms, 5000);
    assert_int_equal(r.lease_ms, 0);
}

static int read_offer(const char *text, struct offer *ret, struct err *e)
{
    return answer_assignment(text, strlen(text), ret, e);
}

static void an_offer_is_known_by_its_run(void **state)
{
    struct offer o;
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(read_offer("{\"job\": 5, \"jobRun\": {\"id\": \"r.1\"}, \"epoch\": 9, \"attempt\": 3, "
                                "\"lease\": {\"seconds\": 2}}",
                                &o, &e),
                     0);
    assert_string_equal(o.name.id, "r.1");
    assert_int_equal(o.name.attempt, 3);
    assert_int_equal(o.name.rank, -1);
    assert_int_equal(o.epoch, 9);
    assert_int_equal(o.lease_ms, 2000);
    /* What the documents' reader complains about is not in the way of knowing whose it is. */
    assert_int_equal(
        read_offer("{\"jobRun\": {\"id\": \"r\"}, \"epoch\": 1, \"attempt\": 0, \"lease\": []}", &o, &e), 0);
    assert_int_equal(o.name.attempt, 1);
    assert_int_equal(o.lease_ms, 0);
    assert_int_equal(read_offer("{\"jobRun\": {\"id\": \"../r\"}, \"epoch\": 1}", &o, &e), -EINVAL);
    assert_non_null(strstr(e.text, "/jobRun/id"));
    assert_int_equal(read_offer("{\"jobRun\": {\"id\": \"r\"}}", &o, &e), -EINVAL);
    assert_non_null(strstr(e.text, "'epoch' is missing"));
    assert_int_equal(read_offer("{\"jobRun\":\n {\"id\": }}", &o, &e), -EINVAL);
    assert_non_null(strstr(e.text, "assignment:2:"));
}

static void a_list_is_read_item_by_item(void **state)
{
    static const char TEXT[] =
        "{\"items\": [{\"id\": \"a\", \"kind\": \"cancel\", \"runId\": \"r\", \"kill\": true},"
        "{\"id\": \"b\", \"kind\": \"stop\", \"runId\": \"r\", \"epoch\": 4, \"graceInSeconds\": 30},"
        "{\"id\": \"c\", \"kind\": \"dance\"}, 5, {\"kind\": \"drain\"},"
        "{\"id\": \"d\", \"kind\": \"deadline\", \"runId\": \"r\"},"
        "{\"id\": \"e\", \"kind\": \"deadline\", \"runId\": \"r\", \"maximumRuntimeInSeconds\": 9},"
        "{\"id\": \"f\", \"kind\": \"drain\", \"reason\": \"why\"},"
        "{\"id\": \"g\", \"kind\": \"logLevel\", \"logLevel\": \"debug\"}]}";
    AUTO(diag) struct diag_list diags = {0};
    AUTO(wanted_list) struct wanted_list l = {0};
    AUTO(wanted_list) struct wanted_list none = {0};

    (void)state;
    assert_int_equal(answer_directives(TEXT, sizeof(TEXT) - 1, &l, &diags), 0);
    assert_int_equal(diags.errors, 4);
    assert_string_equal(diags.entry[0].where.pointer, "/items/2/kind");
    assert_int_equal(l.count, 5);
    assert_true(l.item[0].run.kill && l.item[0].run.kind == DIRECTIVE_CANCEL && l.item[0].epoch == 0);
    assert_int_equal(l.item[1].run.grace_ms, 30000);
    assert_int_equal(l.item[1].epoch, 4);
    assert_int_equal(l.item[2].run.maximum_runtime_ms, 9000);
    assert_true(l.item[3].of_node && l.item[3].node.kind == NODE_DIRECTIVE_DRAIN);
    assert_string_equal(l.item[3].node.reason, "why");
    assert_int_equal(l.item[4].node.log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(answer_directives("{\"items\": {}}", 13, &none, &diags), -EINVAL);
    assert_int_equal(answer_directives("[]", 2, &none, &diags), -EINVAL);
}

static void an_answer_means_what_the_contract_says(void **state)
{
    static const struct {
        long status;
        const char *code;
        enum call_end end;
    } CASES[] = {
        {200, "", CALL_DONE},
        {204, "", CALL_DONE},
        {304, "", CALL_DONE},
        {400, "InvalidParameter", CALL_FINAL},
        {400, "", CALL_AGAIN},
        {401, "NotAuthenticated", CALL_AGAIN},
        {403, "NotAuthorized", CALL_AGAIN},
        {404, "NotAuthorizedOrNotFound", CALL_FINAL},
        {404, "", CALL_AGAIN},
        {408, "X", CALL_AGAIN},
        {409, "StaleEpoch", CALL_FINAL},
        {409, "IncorrectState", CALL_AGAIN},
        {412, "NoEtagMatch", CALL_FINAL},
        {429, "TooManyRequests", CALL_AGAIN},
        {302, "", CALL_AGAIN},
        {500, "InternalServerError", CALL_AGAIN},
        {501, "X", CALL_AGAIN},
        {503, "", CALL_AGAIN},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
        if (control_meaning(CASES[i].status, CASES[i].code) != CASES[i].end)
            fail_msg("%ld %s", CASES[i].status, CASES[i].code);
}

static void errors_and_dates_are_read(void **state)
{
    static const char BODY[] = "{\"code\": \"StaleEpoch\", \"message\": \"a\\nb\"}";
    struct answer_error e;
    wall_ms_t t = {0};

    (void)state;
    answer_error(BODY, sizeof(BODY) - 1, &e);
    assert_string_equal(e.code, "StaleEpoch");
    assert_string_equal(e.message, "a b");
    answer_error("<html>", 6, &e);
    assert_string_equal(e.code, "");
    answer_error("{\"code\": \"a b\", \"message\": \"\"}", 30, &e);
    assert_string_equal(e.code, "");
    assert_int_equal(answer_date("Tue, 24 Nov 2026 17:00:00 GMT", &t), 0);
    assert_int_equal(t.ms, 1795539600000);
    assert_int_equal(answer_date("yesterday", &t), -EINVAL);
}

static void a_status_is_told_whole(void **state)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(BODY_BYTES_MAX);
    struct exit_record record = {.main_end = MAIN_SIGNALED, .status = 9, .ended_at = {1000}, .log_bytes = 5};
    struct verdict verdict = {.cause = CAUSE_OOM_KILLED, .end_code = 1003};
    const struct status_report report = {.run_id = "r",
                                         .attempt = 2,
                                         .epoch = 7,
                                         .sequence = 4,
                                         .state = STATE_FAILED,
                                         .details = "why \"so\"",
                                         .time = {2000},
                                         .record = &record,
                                         .verdict = &verdict};

    (void)state;
    usage_set(&record.usage, USAGE_WALL_MS, 12);
    body_status("n", &report, &body);
    assert_int_equal(body.failed, 0);
    assert_string_equal(
        strbuf_str(&body),
        "{\"nodeId\":\"n\",\"epoch\":7,\"attempt\":2,\"sequence\":4,\"lifecycleState\":\"FAILED\","
        "\"lifecycleDetails\":\"why "
        "\\\"so\\\"\",\"cause\":\"oom-killed\",\"time\":\"1970-01-01T00:00:02.000Z\","
        "\"signal\":9,\"endCode\":1003,\"timeFinished\":\"1970-01-01T00:00:01.000Z\","
        "\"log\":{\"lines\":0,\"bytes\":5,\"complete\":false},\"usage\":{\"wall-ms\":12}}");
}

static void a_token_is_one_word_and_never_shown(void **state)
{
    struct scratch s;
    AUTO(strlist) struct strlist headers = {0};
    struct http_settings settings = {.auth = "bearer"};
    const struct credentials_request r = {.settings = &settings, .method = "GET", .url = "https://h/v1"};
    struct err e = ERR_INIT;
    char path[128];

    (void)state;
    assert_int_equal(scratch_make(&s), 0);
    (void)snprintf(path, sizeof(path), "%s/token", s.path);
    settings.token_file = path;
    assert_int_equal(credentials_add(&r, &headers, &e), -ENOENT);
    assert_int_equal(file_replace(s.fd, "token", "abc.def\r\n", 9, 0600), 0);
    assert_int_equal(credentials_add(&r, &headers, &e), 0);
    assert_int_equal(headers.count, 1);
    assert_string_equal(headers.item[0], "Authorization: Bearer abc.def");
    assert_int_equal(file_replace(s.fd, "token", "abc\nX-Evil: 1\n", 14, 0600), 0);
    assert_int_equal(credentials_add(&r, &headers, &e), -EINVAL);
    assert_null(strstr(e.text, "Evil"));
    assert_int_equal(file_replace(s.fd, "token", "\n", 1, 0600), 0);
    assert_int_equal(credentials_add(&r, &headers, &e), -EINVAL);
    scratch_remove(&s);
}

static void a_credential_is_one_word_of_each(void **state)
{
    static const struct {
        const char *text, *said;
    } BAD[] = {
        {"{}", "credential: error: 'nodeId' is missing"},
        {"[]", "expected a mapping"},
        {"{\"nodeId\": \"n\"}", "'nodeToken' is missing"},
        {"{\"nodeId\": \"n\", \"nodeToken\": \"\"}", "'nodeToken' is missing"},
        {"{\"nodeId\": \"n\", \"nodeToken\": 5}", "/nodeToken"},
        {"{\"nodeId\": \"n\", \"nodeToken\": \"a\\r\\nX: y\"}",
         "/nodeToken: error: 'nodeToken' is more than one word"},
        {"{\"nodeId\": \"a b\", \"nodeToken\": \"t\"}", "/nodeId: error: 'nodeId' is more than one word"},
        {"{\"nodeId\": ", "error"},
    };
    AUTO(bootstrap_credential) struct bootstrap_credential good = {0};
    struct err e = ERR_INIT;
    const char *text = "{\"nodeId\": \"gpu-17\", \"nodeToken\": \"t.0\", \"more\": [1]}";

    (void)state;
    assert_int_equal(bootstrap_answer(text, strlen(text), &good, &e), 0);
    assert_string_equal(good.node_id, "gpu-17");
    assert_string_equal(good.token, "t.0");
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        AUTO(bootstrap_credential) struct bootstrap_credential c = {0};
        struct err why = ERR_INIT;
        assert_true(bootstrap_answer(BAD[i].text, strlen(BAD[i].text), &c, &why) < 0);
        if (strstr(why.text, BAD[i].said) == NULL)
            fail_msg("%s: %s", BAD[i].text, why.text);
        assert_null(c.token);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_credential_is_one_word_of_each),
        cmocka_unit_test(numbers_have_bounds),
        cmocka_unit_test(an_offer_is_known_by_its_run),
        cmocka_unit_test(a_list_is_read_item_by_item),
        cmocka_unit_test(an_answer_means_what_the_contract_says),
        cmocka_unit_test(errors_and_dates_are_read),
        cmocka_unit_test(a_status_is_told_whole),
        cmocka_unit_test(a_token_is_one_word_and_never_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
