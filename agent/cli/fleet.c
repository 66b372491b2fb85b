/* fleet.c - see fleet.h. */
#include "cli/fleet.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "assignment/etcd/endpoints.h"
#include "base/auto.h"
#include "base/parse.h"
#include "cli/configuration.h"
#include "cli/run_name.h"
#include "record/verdict.h"

#define LIMIT_DEFAULT_MS 30000
#define LIMIT_MAX_MS     (24LL * 60 * 60 * 1000)
#define CONNECT_MS       3000
#define ANSWER_MS        10000
/* A fleet may have many who wait. */
#define POLL_MS 1000

void fleet_close(struct fleet *f)
{
    etcd_operator_free(f->cluster);
    strlist_free(&f->endpoints);
}

bool fleet_wanted(const struct cli *cli)
{
    return cli_flag(cli, "etcd") || cli_value(cli, "endpoints") != NULL;
}

static int read_limit(const struct cli *cli, int64_t *ret, struct err *e)
{
    const char *text = cli_value(cli, "patience");

    *ret = LIMIT_DEFAULT_MS;
    if (text == NULL || (parse_duration_ms(text, ret) == 0 && *ret > 0 && *ret <= LIMIT_MAX_MS))
        return 0;
    return err_set(e, -EINVAL, BLAME_ASSIGNMENT,
                   "--patience: expected a time such as 10s or 5m, found '%.60s'", text);
}

int fleet_open(const struct cli *cli, const struct config *config, struct fleet *ret, struct err *e)
{
    const char *endpoints = cli_value(cli, "endpoints");
    int64_t limit_ms;

    if (read_limit(cli, &limit_ms, e) < 0)
        return e->code;
    if (endpoints == NULL)
        endpoints = config->etcd_endpoints;
    if (endpoints[0] == '\0')
        return err_set(
            e, -EINVAL, BLAME_NODE,
            "there is no fleet here: set etcd.endpoints in the configuration, or name some with --endpoints");
    if (etcd_endpoints_read(endpoints, &ret->endpoints, e) < 0)
        return e->code;
    ret->settings = (struct etcd_settings){.endpoints = &ret->endpoints,
                                           .user = config->etcd_user,
                                           .password_file = config->etcd_password_file,
                                           .ca_file = config->etcd_ca_file,
                                           .cert_file = config->etcd_cert_file,
                                           .key_file = config->etcd_key_file,
                                           .connect_ms = CONNECT_MS,
                                           .answer_ms = ANSWER_MS};
    ret->cluster = etcd_operator_new(&ret->settings, config->etcd_prefix, limit_ms, e);
    return ret->cluster != NULL ? 0 : e->code;
}

/* ---- one run, by what a person types ---- */

struct search {
    const char *word;
    struct etcd_state *ret;
    size_t found;
    char candidates[200];
};

static int look(const struct etcd_state *state, void *context, struct err *e)
{
    struct search *s = context;
    size_t used = strlen(s->candidates);

    (void)e;
    /* Nodes of a run of several are meant by their whole names alone, which were looked up before. */
    if (etcd_run_is_member(state->run) || !run_name_matches(state->run, s->word))
        return 0;
    *s->ret = *state;
    s->found++;
    (void)snprintf(s->candidates + used, sizeof(s->candidates) - used, "%s%s", used > 0 ? ", " : "",
                   state->run);
    return 0;
}

int fleet_find(struct fleet *f, const char *word, struct etcd_state *ret, struct err *e)
{
    struct search s = {.word = word, .ret = ret};
    struct err none = ERR_INIT;
    int r = run_name_valid(word) ? etcd_operator_run(f->cluster, word, ret, &none) : -ENOENT;

    if (r == 0)
        return 0;
    if (r != -ENOENT) {
        *e = none;
        return r;
    }
    if (etcd_operator_runs(f->cluster, look, &s, e) < 0)
        return e->code;
    if (s.found == 1)
        return 0;
    return s.found == 0
               ? err_set(e, -ENOENT, BLAME_ASSIGNMENT, "there is no run '%.100s' in this fleet", word)
               : err_set(e, -ENOTUNIQ, BLAME_ASSIGNMENT, "'%.100s' can be any of: %s", word, s.candidates);
}

/* ---- cancel ---- */

int fleet_cancel(struct cli *cli, const struct config *config)
{
    AUTO(fleet) struct fleet f = {0};
    struct etcd_state state;
    struct err e = ERR_INIT;
    int r;

    if (fleet_open(cli, config, &f, &e) < 0 || fleet_find(&f, cli_arg(cli, 0), &state, &e) < 0)
        return cli_fail(cli, 1, &e);
    r = etcd_operator_cancel(f.cluster, state.run, false, &state, &e);
    if (r == -EALREADY) {
        (void)fprintf(cli->err, "runlet: run %s has ended already: %s\n", state.run, state_name(state.state));
        return 1;
    }
    if (r < 0)
        return cli_fail(cli, 1, &e);
    if (r > 0)
        (void)fprintf(cli->err, "runlet: run %s is cancelled: it had not begun\n", state.run);
    else
        (void)fprintf(cli->err, "runlet: run %s is asked to stop, on node %s\n", state.run, state.node);
    return 0;
}

/* ---- wait ---- */

/* As `runlet run` would have. */
static int exit_status(const struct etcd_state *s)
{
    const struct verdict verdict = {.state = s->state, .cause = cause_from_name(s->cause)};
    const struct exit_record record = {.main_end = s->has_exit_code ? MAIN_EXITED
                                                   : s->signal > 0  ? MAIN_SIGNALED
                                                                    : MAIN_UNKNOWN,
                                       .status = (int)(s->has_exit_code ? s->exit_code : s->signal)};

    return verdict_shell_status(&verdict, &record);
}

int fleet_wait(struct cli *cli, const struct config *config)
{
    const struct timespec pause = {.tv_sec = POLL_MS / 1000, .tv_nsec = POLL_MS % 1000 * 1000000L};
    AUTO(fleet) struct fleet f = {0};
    struct etcd_state state;
    struct err e = ERR_INIT;

    if (fleet_open(cli, config, &f, &e) < 0 || fleet_find(&f, cli_arg(cli, 0), &state, &e) < 0)
        return cli_fail(cli, EXIT_RUN_ERROR, &e);
    while (!etcd_state_ended(&state)) {
        (void)nanosleep(&pause, NULL);
        /* Whoever waits for a run waits for a cluster as well: only what is wrong for good ends it. */
        if (etcd_operator_run(f.cluster, state.run, &state, &e) < 0 && e.code != -ETIMEDOUT)
            return cli_fail(cli, EXIT_RUN_ERROR, &e);
        e = (struct err)ERR_INIT;
    }
    return exit_status(&state);
}
