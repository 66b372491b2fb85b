/* cli.c - the command line parser over the table of verbs; see cli.h. */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/suggest.h"

void cli_free(struct cli *cli)
{
    free(cli->values);
    strlist_free(&cli->args);
    strlist_free(&cli->rest);
    cli->values = NULL;
    cli->value_count = 0;
}

/* Options of the verb come first, so that a verb can give a global name a meaning of its own. */
static const struct cli_option *option_at(const struct verb *verb, size_t i)
{
    size_t own = verb != NULL ? verb->option_count : 0;

    if (i < own)
        return &verb->options[i];
    return i - own < CLI_GLOBAL_OPTION_COUNT ? &CLI_GLOBAL_OPTIONS[i - own] : NULL;
}

static const struct cli_option *find_long(const struct verb *verb, const char *name, size_t n)
{
    const struct cli_option *option;

    for (size_t i = 0; (option = option_at(verb, i)) != NULL; i++)
        if (strlen(option->name) == n && memcmp(option->name, name, n) == 0)
            return option;
    return NULL;
}

static const struct cli_option *find_letter(const struct verb *verb, char letter)
{
    const struct cli_option *option;

    for (size_t i = 0; (option = option_at(verb, i)) != NULL; i++)
        if (option->letter == letter)
            return option;
    return NULL;
}

static int unknown_option(const struct verb *verb, const char *name, struct err *e)
{
    struct suggestion near = {0};
    const struct cli_option *option;

    for (size_t i = 0; (option = option_at(verb, i)) != NULL; i++)
        suggest_offer(&near, name, option->name);
    if (near.best != NULL)
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "unknown option --%.40s (did you mean --%s?)", name,
                       near.best);
    return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "unknown option --%.40s", name);
}

static void add_value(struct cli *cli, const struct cli_option *option, const char *value)
{
    cli->values[cli->value_count++] = (struct cli_value){.option = option, .value = value};
}

/* Where the parser is in argv. */
struct cursor {
    int argc;
    char *const *argv;
    int next;
};

static int take_argument(struct cli *cli, const struct cli_option *option, const char *attached,
                         struct cursor *at, struct err *e)
{
    if (option->argument == NULL) {
        if (attached != NULL)
            return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "option --%s takes no argument", option->name);
        add_value(cli, option, NULL);
        return 0;
    }
    if (attached == NULL) {
        if (at->next == at->argc)
            return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "option --%s needs an argument: --%s %s",
                           option->name, option->name, option->argument);
        attached = at->argv[at->next++];
    }
    add_value(cli, option, attached);
    return 0;
}

static int parse_long(struct cli *cli, const char *word, struct cursor *at, struct err *e)
{
    const char *equals = strchr(word, '=');
    size_t n = equals != NULL ? (size_t)(equals - word) : strlen(word);
    const struct cli_option *option = find_long(cli->verb, word, n);

    if (option == NULL) {
        char name[SUGGEST_WORD_MAX + 1];
        size_t kept = n < sizeof(name) ? n : sizeof(name) - 1;
        memcpy(name, word, kept);
        name[kept] = '\0';
        return unknown_option(cli->verb, name, e);
    }
    return take_argument(cli, option, equals != NULL ? equals + 1 : NULL, at, e);
}

/* "-f", "-fq", "-e K=V", "-eK=V" */
static int parse_letters(struct cli *cli, const char *letters, struct cursor *at, struct err *e)
{
    for (const char *p = letters; *p != '\0'; p++) {
        const struct cli_option *option = find_letter(cli->verb, *p);
        bool attached = option != NULL && option->argument != NULL && p[1] != '\0';
        int r;

        if (option == NULL)
            return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "unknown option -%c", *p);
        r = take_argument(cli, option, attached ? p + 1 : NULL, at, e);
        if (r < 0 || attached)
            return r;
    }
    return 0;
}

static int take_verb(struct cli *cli, const char *name, struct err *e)
{
    const struct verb *near;

    cli->verb = verb_find(name);
    if (cli->verb != NULL)
        return 0;
    near = verb_suggest(name);
    if (near != NULL)
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "unknown verb '%.40s' (did you mean '%s'?)", name,
                       near->name);
    return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "unknown verb '%.40s'", name);
}

static int take_rest(struct cli *cli, struct cursor *at, struct err *e)
{
    cli->has_rest = true;
    if (cli->verb != NULL && !cli->verb->takes_rest && at->next < at->argc)
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "nothing may follow --");
    while (at->next < at->argc)
        if (strlist_add(&cli->rest, at->argv[at->next++]) < 0)
            return err_oom(e);
    return 0;
}

static int parse_word(struct cli *cli, const char *word, struct cursor *at, struct err *e)
{
    if (strcmp(word, "--") == 0)
        return take_rest(cli, at, e);
    if (strncmp(word, "--", 2) == 0)
        return parse_long(cli, word + 2, at, e);
    if (word[0] == '-' && word[1] != '\0')
        return parse_letters(cli, word + 1, at, e);
    if (cli->verb == NULL)
        return take_verb(cli, word, e);
    if (strlist_add(&cli->args, word) < 0)
        return err_oom(e);
    return 0;
}

static int check_words(const struct cli *cli, struct err *e)
{
    if (cli->verb == NULL || cli_flag(cli, "help"))
        return 0;
    if (cli->args.count < cli->verb->args_min)
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "something is missing: runlet %s %s", cli->verb->name,
                       cli->verb->synopsis);
    if (cli->args.count > cli->verb->args_max)
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "'%.80s' is one word too many%s",
                       cli->args.item[cli->verb->args_max],
                       cli->verb->takes_rest ? " (arguments of the job follow after --)" : "");
    return 0;
}

int cli_parse(struct cli *cli, int argc, char *const *argv, struct err *e)
{
    struct cursor at = {.argc = argc, .argv = argv, .next = 1};

    /* A cluster of letters can hold more options than argv has words. */
    size_t most = 1;
    for (int i = 1; i < argc; i++)
        most += argv[i][0] == '-' ? strlen(argv[i]) : 0;
    cli->values = calloc(most, sizeof(*cli->values));
    if (cli->values == NULL)
        return err_oom(e);
    while (at.next < argc) {
        int r = parse_word(cli, argv[at.next++], &at, e);
        if (r < 0)
            return r;
    }
    return check_words(cli, e);
}

static const struct cli_option *known_option(const struct cli *cli, const char *name)
{
    const struct cli_option *option = find_long(cli->verb, name, strlen(name));

    if (option == NULL)
        abort();
    return option;
}

const char *cli_next_value(const struct cli *cli, const char *name, size_t *position)
{
    const struct cli_option *option = known_option(cli, name);

    while (*position < cli->value_count) {
        const struct cli_value *given = &cli->values[(*position)++];
        if (given->option == option)
            return given->value;
    }
    return NULL;
}

bool cli_flag(const struct cli *cli, const char *name)
{
    const struct cli_option *option = known_option(cli, name);

    for (size_t i = 0; i < cli->value_count; i++)
        if (cli->values[i].option == option)
            return true;
    return false;
}

const char *cli_value(const struct cli *cli, const char *name)
{
    const char *last = NULL;
    const char *value;
    size_t position = 0;

    while ((value = cli_next_value(cli, name, &position)) != NULL)
        last = value;
    return last;
}

const char *cli_arg(const struct cli *cli, size_t i)
{
    return i < cli->args.count ? cli->args.item[i] : NULL;
}
