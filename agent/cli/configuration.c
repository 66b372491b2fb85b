/* configuration.c - see configuration.h. */
#include "cli/configuration.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "cli/verbs.h"

#define REPORT_MAX (256U * 1024)

static int set_path(char **slot, const char *folder, const char *rest)
{
    char *path = NULL;

    if (asprintf(&path, "%s/%s", folder, rest) < 0)
        return -ENOMEM;
    free(*slot);
    *slot = path;
    return 0;
}

/* Makes the folder that one's runs are in, and those that lead to it below the home. */
static void make_folders(const char *path)
{
    char part[PATH_MAX];

    (void)snprintf(part, sizeof(part), "%s", path);
    for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(part, 0700);
        *slash = '/';
    }
    (void)mkdir(part, 0700);
}

/*
 * An ordinary user has runs of his own where he may not see the node's: below XDG_STATE_HOME and XDG_RUNTIME_DIR (XDG
 * Base Directory Specification), or their usual places. What a configuration says about folders stands.
 */
static int be_ordinary(const struct cli *cli, struct config *c)
{
    const char *home = getenv("HOME"), *state = getenv("XDG_STATE_HOME"), *run = getenv("XDG_RUNTIME_DIR");
    char own[PATH_MAX];
    int r = 0;

    (void)snprintf(own, sizeof(own), "%s/runs", c->state_directory);
    if (strcmp(cli->verb->name, "run") != 0 && access(own, R_OK | X_OK) == 0 &&
        c->origin[CONFIG_DIRECTORIES_STATE].file == NULL)
        return 0; /* he may see the node's */
    c->rootless = true;
    if (c->origin[CONFIG_DIRECTORIES_STATE].file == NULL) {
        if (state != NULL && state[0] == '/')
            r = set_path(&c->state_directory, state, "runlet");
        else
            r = set_path(&c->state_directory, home != NULL ? home : "/tmp", ".local/state/runlet");
        make_folders(c->state_directory);
    }
    if (r == 0 && c->origin[CONFIG_DIRECTORIES_RUN].file == NULL) {
        (void)snprintf(own, sizeof(own), "runlet-%u", geteuid());
        if (run != NULL && run[0] == '/')
            r = set_path(&c->run_directory, run, "runlet");
        else
            r = set_path(&c->run_directory, "/tmp", own);
        make_folders(c->run_directory);
    }
    return r;
}

int cli_load_config(const struct cli *cli, struct config *ret)
{
    AUTO(diag) struct diag_list diags = {0};
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(REPORT_MAX);
    int r = config_load(cli_value(cli, "config"), ret, &diags);

    if (r == -ENOMEM) {
        (void)fprintf(cli->err, "runlet: out of memory\n");
        return r;
    }
    diag_print(&diags, &text);
    (void)fputs(strbuf_str(&text), cli->err);
    return r == 0 && geteuid() != 0 ? be_ordinary(cli, ret) : r;
}
