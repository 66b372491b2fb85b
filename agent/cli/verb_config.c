/* verb_config.c - runlet config check|show|supervisor-options. */
#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "cli/configuration.h"
#include "cli/help.h"
#include "daemon/layout.h"

#define SHOW_MAX (256U * 1024)

/* What a word may hold that systemd splits off an unquoted variable as it is. */
static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+@:,=-";

static int check(struct cli *cli, const struct config *config)
{
    (void)config;
    (void)fprintf(cli->out, "the configuration is fine\n");
    return 0;
}

static int show(struct cli *cli, const struct config *config)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(SHOW_MAX);

    if (config_show(config, cli_flag(cli, "origin"), &text) < 0) {
        (void)fprintf(cli->err, "runlet: out of memory\n");
        return 1;
    }
    (void)fputs(strbuf_str(&text), cli->out);
    return 0;
}

static int supervisor_options(struct cli *cli, const struct config *config)
{
    AUTO(strlist) struct strlist options = {0};
    struct layout layout;
    struct err e = ERR_INIT;

    if (layout_paths(config, &layout, &e) < 0 || layout_users(config, &layout, &e) < 0)
        return cli_fail(cli, 1, &e);
    if (layout_policy_options(config, &layout, &options) < 0) {
        (void)err_oom(&e);
        return cli_fail(cli, 1, &e);
    }
    for (size_t i = 0; i < options.count; i++)
        if (options.item[i][0] == '\0' || options.item[i][strspn(options.item[i], PLAIN)] != '\0') {
            (void)err_set(&e, -EINVAL, BLAME_NODE,
                          "'%s' cannot be an option in a unit of systemd: only %s can", options.item[i],
                          "letters, digits and /._+@:,=-");
            return cli_fail(cli, 1, &e);
        }
    (void)fputs("RUNLET_SUPERVISOR_OPTIONS=\"", cli->out);
    for (size_t i = 0; i < options.count; i++)
        (void)fprintf(cli->out, "%s%s", i > 0 ? " " : "", options.item[i]);
    (void)fputs("\"\n", cli->out);
    return 0;
}

int verb_config(struct cli *cli)
{
    static const struct {
        const char *name;
        int (*function)(struct cli *cli, const struct config *config);
    } WHAT[] = {{"check", check}, {"show", show}, {"supervisor-options", supervisor_options}};
    AUTO(config) struct config config = {0};
    const char *what = cli_arg(cli, 0);

    for (size_t i = 0; i < ARRAY_SIZE(WHAT); i++)
        if (strcmp(what, WHAT[i].name) == 0)
            return cli_load_config(cli, &config) < 0 ? 1 : WHAT[i].function(cli, &config);
    (void)fprintf(cli->err, "runlet: expected check, show or supervisor-options, found '%.40s'\n", what);
    help_print_usage(cli->verb, cli->err);
    return EXIT_USAGE;
}
