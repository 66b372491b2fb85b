/* dispatch.c - from a parsed command line to its verb: help, version, usage errors; see cli.h. */
#include "cli/cli.h"

#include "base/auto.h"
#include "cli/help.h"

int cli_fail(const struct cli *cli, int status, const struct err *e)
{
    (void)fprintf(cli->err, "runlet: %s\n", e->text);
    return status;
}

static int usage_error(const struct cli *cli, const struct err *e)
{
    (void)cli_fail(cli, 0, e);
    help_print_usage(cli->verb, cli->err);
    return cli->verb != NULL ? cli->verb->usage_status : EXIT_USAGE;
}

/* A full disk or a closed pipe must not look like success. */
static int finish_output(struct cli *cli, int status)
{
    bool failed = fflush(cli->out) != 0 || ferror(cli->out) != 0;

    if (!failed || status != 0)
        return status;
    (void)fprintf(cli->err, "runlet: the output could not be written\n");
    return 1;
}

int cli_main(int argc, char *const *argv, FILE *out, FILE *err)
{
    AUTO(cli) struct cli cli = {.out = out, .err = err};
    struct err e = ERR_INIT;

    if (cli_parse(&cli, argc, argv, &e) < 0)
        return usage_error(&cli, &e);
    if (cli_flag(&cli, "help")) {
        if (cli.verb != NULL)
            help_print_verb(cli.verb, out);
        else
            help_print_overview(out);
        return finish_output(&cli, 0);
    }
    if (cli.verb == NULL && cli_flag(&cli, "version"))
        return finish_output(&cli, verb_version(&cli));
    if (cli.verb == NULL) {
        help_print_overview(err);
        return EXIT_USAGE;
    }
    return finish_output(&cli, verb_function_of(cli.verb)(&cli));
}
