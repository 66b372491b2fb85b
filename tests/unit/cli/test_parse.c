/* test_parse.c - the command line: options in every form, words, and what a wrong one is told. */
#include "cmocka_all.h"

#include <errno.h>

#include "base/auto.h"
#include "cli/cli.h"

#define WORDS_MAX 12

/* The words outlive the command line that borrows from them. */
struct parsed {
    struct strlist words;
    struct cli cli;
};

static void parsed_auto(struct parsed *p)
{
    cli_free(&p->cli);
    strlist_free(&p->words);
}

static int parse(struct parsed *p, const char *const words[WORDS_MAX], struct err *e)
{
    for (size_t i = 0; i < WORDS_MAX && words[i] != NULL; i++)
        assert_int_equal(strlist_add(&p->words, words[i]), 0);
    return cli_parse(&p->cli, (int)p->words.count, p->words.item, e);
}

static void options_in_every_form(void **state)
{
    static const char *const FORMS[][WORDS_MAX] = {
        {"runlet", "run", "--env", "A=1", "--env=B=2", "f.py", "-q"},
        {"runlet", "run", "-e", "A=1", "-eB=2", "--quiet", "f.py"},
        {"runlet", "run", "f.py", "-qe", "A=1", "-e", "B=2"},
        {"runlet", "run", "-qeA=1", "f.py", "--env", "B=2", "--"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(FORMS); i++) {
        AUTO(parsed) struct parsed p = {0};
        struct err e = ERR_INIT;
        size_t position = 0;

        assert_int_equal(parse(&p, FORMS[i], &e), 0);
        assert_string_equal(p.cli.verb->name, "run");
        assert_true(cli_flag(&p.cli, "quiet"));
        assert_false(cli_flag(&p.cli, "detach"));
        assert_string_equal(cli_next_value(&p.cli, "env", &position), "A=1");
        assert_string_equal(cli_next_value(&p.cli, "env", &position), "B=2");
        assert_null(cli_next_value(&p.cli, "env", &position));
        assert_string_equal(cli_value(&p.cli, "env"), "B=2");
        assert_null(cli_value(&p.cli, "name"));
        assert_string_equal(cli_arg(&p.cli, 0), "f.py");
        assert_null(cli_arg(&p.cli, 1));
        assert_int_equal(p.cli.rest.count, 0);
    }
}

static void the_jobs_arguments_are_left_alone(void **state)
{
    const char *const words[WORDS_MAX] = {"runlet", "run", "f.py", "--", "--env", "-x", "--", "last"};
    AUTO(parsed) struct parsed p = {0};
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(parse(&p, words, &e), 0);
    assert_true(p.cli.has_rest);
    assert_int_equal(p.cli.rest.count, 4);
    assert_string_equal(p.cli.rest.item[0], "--env");
    assert_string_equal(p.cli.rest.item[2], "--");
    assert_null(cli_value(&p.cli, "env"));
}

static void global_options_stand_anywhere(void **state)
{
    static const char *const FORMS[][WORDS_MAX] = {
        {"runlet", "--config", "c.yaml", "config", "show"},
        {"runlet", "config", "--config=c.yaml", "show"},
        {"runlet", "config", "show", "--config", "c.yaml"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(FORMS); i++) {
        AUTO(parsed) struct parsed p = {0};
        struct err e = ERR_INIT;

        assert_int_equal(parse(&p, FORMS[i], &e), 0);
        assert_string_equal(p.cli.verb->name, "config");
        assert_string_equal(cli_value(&p.cli, "config"), "c.yaml");
        assert_string_equal(cli_arg(&p.cli, 0), "show");
    }
}

static void a_lone_dash_is_a_word(void **state)
{
    const char *const words[WORDS_MAX] = {"runlet", "validate", "-"};
    AUTO(parsed) struct parsed p = {0};
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(parse(&p, words, &e), 0);
    assert_string_equal(cli_arg(&p.cli, 0), "-");
}

static void help_needs_no_words(void **state)
{
    const char *const words[WORDS_MAX] = {"runlet", "logs", "-h"};
    AUTO(parsed) struct parsed p = {0};
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(parse(&p, words, &e), 0);
    assert_true(cli_flag(&p.cli, "help"));
}

static void refusals(void **state)
{
    static const struct {
        const char *words[WORDS_MAX];
        const char *says;
    } CASES[] = {
        {{"runlet", "rnu"}, "unknown verb 'rnu' (did you mean 'run'?)"},
        {{"runlet", "frobnicate"}, "unknown verb 'frobnicate'"},
        {{"runlet", "run", "--detahc", "f"}, "unknown option --detahc (did you mean --detach?)"},
        {{"runlet", "run", "--xyzzy=1", "f"}, "unknown option --xyzzy"},
        {{"runlet", "logs", "--env", "A=1", "r"}, "unknown option --env"},
        {{"runlet", "run", "-Z", "f"}, "unknown option -Z"},
        {{"runlet", "run", "--detach=yes", "f"}, "--detach takes no argument"},
        {{"runlet", "run", "f", "--name"}, "--name needs an argument: --name NAME"},
        {{"runlet", "run", "f", "-e"}, "--env needs an argument"},
        {{"runlet", "logs"}, "something is missing: runlet logs [-f] RUN"},
        {{"runlet", "logs", "a", "b"}, "'b' is one word too many"},
        {{"runlet", "run", "f", "g"}, "arguments of the job follow after --"},
        {{"runlet", "cancel", "r", "--", "x"}, "nothing may follow --"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(parsed) struct parsed p = {0};
        struct err e = ERR_INIT;

        assert_int_equal(parse(&p, CASES[i].words, &e), -EINVAL);
        if (strstr(e.text, CASES[i].says) == NULL)
            fail_msg("case %zu: '%s' not in '%s'", i, CASES[i].says, e.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_in_every_form),         cmocka_unit_test(the_jobs_arguments_are_left_alone),
        cmocka_unit_test(global_options_stand_anywhere), cmocka_unit_test(a_lone_dash_is_a_word),
        cmocka_unit_test(help_needs_no_words),           cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
