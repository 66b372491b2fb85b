/* verb_config.c - runlet config check|show. */
#include <string.h>

#include "base/auto.h"
#include "cli/configuration.h"
#include "cli/help.h"

#define SHOW_MAX (256U * 1024)

int verb_config(struct cli *cli)
{
    AUTO(config) struct config config = {0};
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(SHOW_MAX);
    const char *what = cli_arg(cli, 0);
    bool show = strcmp(what, "show") == 0;

    if (!show && strcmp(what, "check") != 0) {
        (void)fprintf(cli->err, "runlet: expected check or show, found '%.40s'\n", what);
        help_print_usage(cli->verb, cli->err);
        return EXIT_USAGE;
    }
    if (cli_load_config(cli, &config) < 0)
        return 1;
    if (!show) {
        (void)fprintf(cli->out, "the configuration is fine\n");
        return 0;
    }
    if (config_show(&config, cli_flag(cli, "origin"), &text) < 0) {
        (void)fprintf(cli->err, "runlet: out of memory\n");
        return 1;
    }
    (void)fputs(strbuf_str(&text), cli->out);
    return 0;
}
