/* test_verbs.c - the table of verbs is complete, its help fits 80 columns, and its examples are command
 * lines. */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/strlist.h"
#include "cli/cli.h"
#include "cli/gen.h"
#include "cli/help.h"

typedef void printer(const struct verb *verb, FILE *out);

static char *printed(printer *print, const struct verb *verb)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);

    assert_non_null(out);
    print(verb, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void overview(const struct verb *verb, FILE *out)
{
    (void)verb;
    help_print_overview(out);
}

static void assert_narrow(const char *text)
{
    while (*text != '\0') {
        size_t n = strcspn(text, "\n");
        if (n > 80)
            fail_msg("%zu columns: %.*s", n, (int)n, text);
        if (n > 0 && text[n - 1] == ' ')
            fail_msg("blank at the end: %.*s", (int)n, text);
        text += n + (text[n] == '\n' ? 1 : 0);
    }
}

static void help_fits_the_terminal(void **state)
{
    AUTO_FREE char *all = printed(overview, NULL);

    (void)state;
    assert_narrow(all);
    for (size_t i = 0; i < VERB_COUNT; i++) {
        AUTO_FREE char *text = printed(help_print_verb, &VERBS[i]);
        assert_narrow(text);
        assert_int_equal(strstr(all, VERBS[i].summary) != NULL, !VERBS[i].hidden);
        for (size_t o = 0; o < VERBS[i].option_count; o++) {
            char left[OPTION_TEXT_MAX];
            help_option_text(&VERBS[i].options[o], left);
            assert_non_null(strstr(text, left));
        }
    }
}

static void every_row_is_filled(void **state)
{
    (void)state;
    for (size_t i = 0; i < VERB_COUNT; i++) {
        const struct verb *v = &VERBS[i];
        assert_ptr_equal(verb_find(v->name), v);
        assert_non_null(v->synopsis);
        assert_non_null(v->description[0]);
        assert_true(v->usage_status == EXIT_USAGE || v->usage_status == EXIT_RUN_ERROR);
        assert_true(v->args_min <= v->args_max);
        assert_true((v->completion == COMPLETE_WORD) == (v->words != NULL));
        assert_true(v->summary[strlen(v->summary) - 1] != '.');
        for (size_t o = 0; o < v->option_count; o++) {
            assert_true(v->options[o].help[strlen(v->options[o].help) - 1] == '.');
            for (size_t p = 0; p < o; p++) {
                assert_string_not_equal(v->options[o].name, v->options[p].name);
                assert_true(v->options[o].letter == 0 || v->options[o].letter != v->options[p].letter);
            }
        }
    }
}

static void every_verb_has_a_function(void **state)
{
    (void)state;
    for (size_t i = 0; i < VERB_COUNT; i++)
        assert_non_null(verb_function_of(&VERBS[i]));
}

static void assert_parses(const char *command)
{
    AUTO(strlist) struct strlist words = {0};
    AUTO(cli) struct cli cli = {0};
    struct err e = ERR_INIT;

    for (const char *p = command; *p != '\0';) {
        size_t n = strcspn(p, " ");
        assert_int_equal(strlist_addn(&words, p, n), 0);
        p += n;
        p += strspn(p, " ");
    }
    if (cli_parse(&cli, (int)words.count, words.item, &e) < 0)
        fail_msg("%s: %s", command, e.text);
}

static void examples_are_command_lines(void **state)
{
    size_t seen = 0;

    (void)state;
    for (size_t i = 0; i < VERB_COUNT; i++)
        for (const char *const *p = VERBS[i].examples; p != NULL && *p != NULL; p += 2) {
            assert_parses(p[0]);
            seen++;
        }
    assert_true(seen > 0);
}

static void man_pages_escape(void **state)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);

    (void)state;
    assert_non_null(out);
    gen_roff_text(out, ".dot `code-x` a\\b\n'quote");
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, "\\&.dot \\fBcode\\-x\\fR a\\eb\n\\&'quote");
    free(text);
}

static void man_pages_name_every_option(void **state)
{
    (void)state;
    for (size_t i = 0; i < VERB_COUNT; i++) {
        AUTO_FREE char *text = printed(gen_man_verb, &VERBS[i]);
        char name[64];

        (void)snprintf(name, sizeof(name), "runlet\\-%s \\- ", VERBS[i].name);
        assert_non_null(strstr(text, name));
        assert_non_null(strstr(text, "\\fB\\-\\-config\\fR \\fIFILE\\fR"));
        assert_non_null(strstr(text, ".SH EXIT STATUS"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_fits_the_terminal),    cmocka_unit_test(every_row_is_filled),
        cmocka_unit_test(every_verb_has_a_function), cmocka_unit_test(examples_are_command_lines),
        cmocka_unit_test(man_pages_escape),          cmocka_unit_test(man_pages_name_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
