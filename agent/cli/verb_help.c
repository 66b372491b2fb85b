/* verb_help.c - runlet help [VERB], and runlet version. */
#include "cli/cli.h"
#include "cli/help.h"

int verb_help(struct cli *cli)
{
    const char *name = cli_arg(cli, 0);
    const struct verb *verb;
    const struct verb *near;

    if (name == NULL) {
        help_print_overview(cli->out);
        return 0;
    }
    verb = verb_find(name);
    if (verb != NULL) {
        help_print_verb(verb, cli->out);
        return 0;
    }
    near = verb_suggest(name);
    (void)fprintf(cli->err, "runlet: there is no verb '%.40s'%s%s%s\n", name,
                  near != NULL ? " (did you mean '" : "", near != NULL ? near->name : "",
                  near != NULL ? "'?)" : "");
    return EXIT_USAGE;
}

int verb_version(struct cli *cli)
{
    (void)fprintf(cli->out, "runlet %s\n", RUNLET_VERSION);
    return 0;
}
