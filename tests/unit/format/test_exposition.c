/* test_exposition.c - metrics as text: escapes, numbers, labels. */
#include "cmocka_all.h"

#include <math.h>

#include "base/auto.h"
#include "format/exposition.h"

static void a_family_and_its_samples(void **state)
{
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(1000);
    const struct exposition_label labels[] = {{"phase", "RUNNING"}, {"name", "a\"b\\c\nd"}};

    (void)state;
    exposition_family(&out, "runlet_runs", "gauge", "Runs, by phase.");
    exposition_sample(&out, "runlet_runs", labels, 2, 3);
    exposition_sample(&out, "runlet_runs", NULL, 0, 0.25);
    assert_string_equal(strbuf_str(&out), "# HELP runlet_runs Runs, by phase.\n"
                                          "# TYPE runlet_runs gauge\n"
                                          "runlet_runs{phase=\"RUNNING\",name=\"a\\\"b\\\\c\\nd\"} 3\n"
                                          "runlet_runs 0.25\n");
}

static void numbers_keep_what_a_counter_needs(void **state)
{
    static const struct {
        double value;
        const char *text;
    } ROWS[] = {
        {0, "m 0\n"},
        {-1, "m -1\n"},
        {9007199254740.0, "m 9007199254740\n"},
        {900719925.474099, "m 900719925.474099\n"},
        {HUGE_VAL, "m +Inf\n"},
        {-HUGE_VAL, "m -Inf\n"},
        {NAN, "m NaN\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        AUTO(strbuf) struct strbuf out = STRBUF_INIT(100);
        exposition_sample(&out, "m", NULL, 0, ROWS[i].value);
        assert_string_equal(strbuf_str(&out), ROWS[i].text);
    }
}

static void a_full_buffer_fails_for_good(void **state)
{
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(8);

    (void)state;
    exposition_sample(&out, "runlet_long_name", NULL, 0, 1);
    assert_int_not_equal(out.failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_family_and_its_samples),
        cmocka_unit_test(numbers_keep_what_a_counter_needs),
        cmocka_unit_test(a_full_buffer_fails_for_good),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
