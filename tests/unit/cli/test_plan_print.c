/* test_plan_print.c - the page of --dry-run: everything of the plan is on it, secrets are not. */
#include "cmocka_all.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "cli/plan_print.h"
#include "cli/secret.h"

struct sample {
    struct plan plan;
    struct run_spec spec;
};

static int set_up(void **state)
{
    struct sample *s = calloc(1, sizeof(*s));
    struct plan *p = &s->plan;

    p->run_id = strdup("local.20261124");
    p->job_name = strdup("train");
    p->placement_count = 2;
    p->placement[0] =
        (struct placement){PLACE_ARCHIVE, strdup("project.zip"), strdup("decompressed_artifact")};
    p->placement[1] = (struct placement){PLACE_FILE, strdup("driver.py"), strdup("")};
    p->entry_kind = ENTRY_ARCHIVE;
    p->entrypoint = strdup("project/main.py");
    p->python = strdup("/usr/bin/python3");
    p->maximum_runtime_ms = 90000;
    p->stop_grace_ms = 5000;
    p->stop_signal = SIGINT;
    p->oom_score_adj = 100;
    p->umask_bits = 022;
    s->spec.maximum_runtime_layer = ENV_RUN;
    (void)strlist_add(&p->args, "--epochs");
    (void)strlist_add(&p->args, "3\033[2J");
    (void)env_set(&p->env, ENV_DEFAULT, "HOME", "/home/datascience");
    (void)env_set(&p->env, ENV_JOB, "LINES_TEXT", "a\nb");
    (void)env_set(&p->env, ENV_RUN, "DB_PASSWORD", "hunter2");
    (void)env_set(&p->env, ENV_PLATFORM, "JOB_RUN_OCID", "local.20261124");
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct sample *s = *state;

    plan_free(&s->plan);
    run_spec_free(&s->spec);
    free(s);
    return 0;
}

static void the_page_for_people(void **state)
{
    static const char *const LINES[] = {
        "  id            local.20261124\n",
        "  job           train\n",
        "  unpack        project.zip in /home/datascience/decompressed_artifact\n",
        "  place         driver.py as /home/datascience/driver.py\n",
        "  directory     /home/datascience/decompressed_artifact\n",
        "  argv          /usr/bin/python3\n",
        "                /home/datascience/decompressed_artifact/project/main.py\n",
        "                3\\x1b[2J\n",
        "  default       HOME=/home/datascience\n",
        "  job           LINES_TEXT=a\\nb\n",
        "  run           DB_PASSWORD=******\n",
        "  platform      JOB_RUN_OCID=local.20261124\n",
        "  deadline      1 min 30 s after the start (run)\n",
        "  stop          SIGINT to the main process; after 5",
        "  OOM score     100\n",
        "  umask         0022\n",
        "\nNothing was created.\n",
    };
    struct sample *s = *state;
    AUTO_FREE char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);

    assert_non_null(out);
    plan_print_text(&s->plan, &s->spec, false, out);
    assert_int_equal(fclose(out), 0);
    for (size_t i = 0; i < ARRAY_SIZE(LINES); i++)
        if (strstr(text, LINES[i]) == NULL)
            fail_msg("'%s' is not in:\n%s", LINES[i], text);
    assert_null(strstr(text, "hunter2"));
    assert_null(strchr(text, '\033'));
}

static void an_archive_that_decides_itself(void **state)
{
    struct sample *s = *state;
    AUTO_FREE char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);

    free(s->plan.entrypoint);
    s->plan.entrypoint = NULL;
    assert_non_null(out);
    plan_print_text(&s->plan, &s->spec, true, out);
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(text, "jobruntime.yaml decides"));
    assert_non_null(strstr(text, "\033[1mLimits\033[0m\n"));
}

static void the_json_form(void **state)
{
    struct sample *s = *state;
    AUTO_FREE char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    json_t *root, *variable;

    assert_non_null(out);
    assert_int_equal(plan_print_json(&s->plan, &s->spec, out), 0);
    assert_int_equal(fclose(out), 0);
    root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    assert_int_equal(json_array_size(json_object_get(root, "argv")), 4);
    assert_string_equal(json_string_value(json_array_get(json_object_get(root, "arguments"), 1)), "3\033[2J");
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(json_object_get(root, "files"), 0), "into")),
        "/home/datascience/decompressed_artifact");
    variable = json_array_get(json_object_get(root, "environment"), 2);
    assert_string_equal(json_string_value(json_object_get(variable, "name")), "DB_PASSWORD");
    assert_string_equal(json_string_value(json_object_get(variable, "value")), SECRET_MASK);
    assert_string_equal(json_string_value(json_object_get(variable, "layer")), "run");
    assert_true(json_is_true(json_object_get(variable, "masked")));
    assert_string_equal(json_string_value(json_object_get(json_object_get(root, "stop"), "signal")),
                        "SIGINT");
    assert_int_equal(json_integer_value(json_object_get(root, "maximumRuntimeMilliseconds")), 90000);
    assert_true(json_is_null(json_object_get(root, "conda")));
    json_decref(root);
}

static void names_of_secrets(void **state)
{
    static const struct {
        const char *name;
        bool secret;
    } CASES[] = {
        {"API_KEY", true},
        {"apikey", true},
        {"AWS_SECRET_ACCESS_KEY", true},
        {"HF_TOKEN", true},
        {"DB_PASSWORD", true},
        {"TOKENS", true},
        {"CREDENTIALS_FILE", true},
        {"SSH_PASSPHRASE", true},
        {"TOKENIZERS_PARALLELISM", false},
        {"KEYBOARD", false},
        {"PATH", false},
        {"", false},
        {"S", false},
        {"_", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
        if (secret_name(CASES[i].name) != CASES[i].secret)
            fail_msg("%s", CASES[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_page_for_people, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_archive_that_decides_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_json_form, set_up, tear_down),
        cmocka_unit_test(names_of_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
