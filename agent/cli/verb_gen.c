/* verb_gen.c - runlet gen WHAT [NAME]: pages derived from the tables, for the build. */
#include <string.h>

#include "cli/cli.h"
#include "cli/gen.h"
#include "cli/help.h"

static int unknown(struct cli *cli, const char *what)
{
    (void)fprintf(cli->err, "runlet: gen knows nothing about '%.40s'\n", what);
    help_print_usage(cli->verb, cli->err);
    return EXIT_USAGE;
}

static int gen_man(struct cli *cli, const char *name)
{
    const struct verb *verb = verb_find(name);

    if (verb != NULL)
        gen_man_verb(verb, cli->out);
    else if (strcmp(name, "@verbs") == 0)
        gen_man_verbs(cli->out);
    else if (strcmp(name, "@options") == 0)
        gen_man_global_options(cli->out);
    else if (strcmp(name, "@keys") == 0)
        gen_man_config_keys(cli->out);
    else
        return unknown(cli, name);
    return 0;
}

static int gen_verbs(struct cli *cli)
{
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (!VERBS[i].hidden)
            (void)fprintf(cli->out, "%s\n", VERBS[i].name);
    return 0;
}

int verb_gen(struct cli *cli)
{
    const char *what = cli_arg(cli, 0);
    const char *name = cli_arg(cli, 1);

    if (strcmp(what, "man") == 0 && name != NULL)
        return gen_man(cli, name);
    if (strcmp(what, "verbs") == 0)
        return gen_verbs(cli);
    if (strcmp(what, "bash-completion") == 0)
        gen_bash_completion(cli->out);
    else if (strcmp(what, "config-reference") == 0)
        gen_config_reference(cli->out);
    else
        return unknown(cli, what);
    return 0;
}
