/*
 * verb_leave.c - runlet leave: what the service manager does as root when runletd has ended.
 *
 * runletd cannot switch the machine off: it has no privilege. It exits with a status that asks for it, and this, run by root after it,
 * does so when the configuration, which is root's, says that it may.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/parse.h"
#include "cli/cli.h"
#include "cli/configuration.h"
#include "run/leave.h"

/* Whether the agent ended with the status that asks for it, as systemd.exec(5) says it. */
static bool asked_for(void)
{
    const char *code = getenv("EXIT_CODE"), *status = getenv("EXIT_STATUS");
    int64_t n;

    return code != NULL && strcmp(code, "exited") == 0 && status != NULL &&
           parse_i64(status, 0, 255, &n) == 0 && n == LEAVE_STATUS_POWEROFF;
}

static bool allowed(const struct config *c)
{
    return leave_action_of(c->after_run) == LEAVE_POWEROFF ||
           (c->idle_shutdown_ms > 0 && leave_action_of(c->idle_action) == LEAVE_POWEROFF);
}

int verb_leave(struct cli *cli)
{
    AUTO(config) struct config config = {0};
    struct err e = ERR_INIT;

    if (!asked_for())
        return 0;
    if (cli_load_config(cli, &config) < 0)
        return 1;
    if (!allowed(&config)) {
        (void)err_set(
            &e, -EPERM, BLAME_NODE,
            "runletd asks for the machine to be switched off, and neither afterRun nor idle.action says so");
        return cli_fail(cli, 1, &e);
    }
    (void)fprintf(cli->err, "runlet: nothing is left to do here: %s\n", config.leave_poweroff);
    (void)fflush(NULL);
    (void)execl(config.leave_poweroff, config.leave_poweroff, (char *)NULL);
    (void)err_errno(&e, errno, BLAME_NODE, "execute %s", config.leave_poweroff);
    return cli_fail(cli, 1, &e);
}
