/* help.c - see help.h. */
#include "cli/help.h"

#include <string.h>

#include "cli/cli.h"

#define COLUMNS       80
#define OPTION_COLUMN 24
#define VERB_COLUMN   14

static const char *const COMMON_STATUSES[] = {
    "0", "done", "1", "it failed; the reason is on standard error", "2", "the command line was wrong", NULL,
};

const char *const *verb_statuses(const struct verb *verb)
{
    return verb->statuses != NULL ? verb->statuses : COMMON_STATUSES;
}

void help_wrap(FILE *out, const char *text, int at, int indent)
{
    bool first = true;

    while (*text != '\0') {
        int n = (int)strcspn(text, " ");
        if (!first && at + 1 + n > COLUMNS - 1) {
            (void)fprintf(out, "\n%*s", indent, "");
            at = indent;
        } else if (!first) {
            (void)fputc(' ', out);
            at++;
        }
        (void)fprintf(out, "%.*s", n, text);
        at += n;
        first = false;
        text += n;
        text += strspn(text, " ");
    }
    (void)fputc('\n', out);
}

/* `left` in a column of its own, then the wrapped text; on the next line when left is too wide. */
static void print_row(FILE *out, const char *left, int column, const char *text)
{
    int used = fprintf(out, "  %s", left);

    if (used > column - 2)
        (void)fprintf(out, "\n%*s", column, "");
    else
        (void)fprintf(out, "%*s", column - used, "");
    help_wrap(out, text, column, column);
}

void help_option_text(const struct cli_option *option, char buf[OPTION_TEXT_MAX])
{
    char letter[8] = "    ";

    if (option->letter != 0)
        (void)snprintf(letter, sizeof(letter), "-%c, ", option->letter);
    (void)snprintf(buf, OPTION_TEXT_MAX, "%s--%s%s%s", letter, option->name,
                   option->argument != NULL ? " " : "", option->argument != NULL ? option->argument : "");
}

static void print_options(FILE *out, const char *title, const struct cli_option *options, size_t count)
{
    if (count == 0)
        return;
    (void)fprintf(out, "\n%s:\n", title);
    for (size_t i = 0; i < count; i++) {
        char left[OPTION_TEXT_MAX];
        help_option_text(&options[i], left);
        print_row(out, left, OPTION_COLUMN, options[i].help);
    }
}

static void print_pairs(FILE *out, const char *title, const char *const *pairs, int column)
{
    if (pairs == NULL)
        return;
    (void)fprintf(out, "\n%s:\n", title);
    for (; *pairs != NULL; pairs += 2)
        print_row(out, pairs[0], column, pairs[1]);
}

static void print_examples(FILE *out, const char *const *pairs)
{
    if (pairs == NULL)
        return;
    (void)fprintf(out, "\nExamples:\n");
    for (; *pairs != NULL; pairs += 2) {
        (void)fprintf(out, "  %s\n      ", pairs[0]);
        help_wrap(out, pairs[1], 6, 6);
    }
}

static void print_synopsis(const struct verb *verb, FILE *out)
{
    (void)fprintf(out, "Usage: runlet %s%s%s\n", verb->name, verb->synopsis[0] != '\0' ? " " : "",
                  verb->synopsis);
}

void help_print_verb(const struct verb *verb, FILE *out)
{
    print_synopsis(verb, out);
    (void)fputc('\n', out);
    (void)fprintf(out, "%s.\n", verb->summary);
    for (const char *const *p = verb->description; *p != NULL; p++) {
        (void)fputc('\n', out);
        help_wrap(out, *p, 0, 0);
    }
    print_options(out, "Options", verb->options, verb->option_count);
    print_options(out, "Options of every verb", CLI_GLOBAL_OPTIONS, CLI_GLOBAL_OPTION_COUNT);
    print_pairs(out, "Exit status", verb_statuses(verb), 10);
    print_examples(out, verb->examples);
}

void help_print_overview(FILE *out)
{
    (void)fprintf(out, "Usage: runlet VERB [OPTION...] [WORD...]\n\n");
    help_wrap(
        out,
        "runlet executes job runs, as OCI Data Science Jobs does, on this machine: in the foreground with "
        "`runlet run`, or through the node's agent, runletd, with the other verbs.",
        0, 0);
    (void)fprintf(out, "\nVerbs:\n");
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (!VERBS[i].hidden)
            print_row(out, VERBS[i].name, VERB_COLUMN, VERBS[i].summary);
    print_options(out, "Options", CLI_GLOBAL_OPTIONS, CLI_GLOBAL_OPTION_COUNT);
    (void)fprintf(out, "\n`runlet VERB --help` tells more about a verb.\n");
}

void help_print_usage(const struct verb *verb, FILE *out)
{
    if (verb == NULL) {
        (void)fprintf(out, "Usage: runlet VERB [OPTION...] [WORD...]\n`runlet --help` lists the verbs.\n");
        return;
    }
    print_synopsis(verb, out);
    (void)fprintf(out, "`runlet %s --help` tells more.\n", verb->name);
}
