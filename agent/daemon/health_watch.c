/* health_watch.c - see health_watch.h. */
#include "daemon/health_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/auto.h"
#include "base/log.h"
#include "daemon/health_probe.h"
#include "io/child.h"

#define COMMAND_OUT_MAX 4096

struct health_watch {
    struct agent *agent; /* borrowed */
    struct loop_timer *timer;
    struct child *child; /* health.command, while it runs */
    unsigned blocking;
    enum health_command command;
    char command_said[HEALTH_TEXT_MAX / 2];
    struct health_result result[HEALTH_CHECK_COUNT];
    wall_ms_t since[HEALTH_CHECK_COUNT];
};

const struct health_result *health_results(const struct agent *a)
{
    return a->health != NULL ? a->health->result : NULL;
}

wall_ms_t health_since(const struct agent *a, enum health_check check)
{
    return a->health->since[check];
}

static void say(enum health_check check, const struct health_result *now)
{
    const char *name = health_check_name(check);

    if (now->state == HEALTH_BLOCKS)
        log_error("health: %s: %s; the node takes up no run: %s", name, now->what, now->remedy);
    else if (now->state == HEALTH_WARNS)
        log_warning("health: %s: %s: %s", name, now->what, now->remedy);
    else
        log_notice("health: %s is as it should be again", name);
}

static void look(struct health_watch *h)
{
    struct health_result result[HEALTH_CHECK_COUNT];
    struct health_facts facts;

    health_probe(h->agent, &facts);
    facts.command = h->command;
    (void)snprintf(facts.command_said, sizeof(facts.command_said), "%s", h->command_said);
    health_judge(&facts, h->blocking, result);
    for (unsigned i = 0; i < HEALTH_CHECK_COUNT; i++) {
        const struct health_result *former = &h->result[i];
        bool failed = result[i].state > HEALTH_PASSED;
        if (former->state != result[i].state)
            h->since[i] = facts.now;
        /* How far a number is off is no news; what a program says is. */
        if (former->state != result[i].state
                ? failed || former->state > HEALTH_PASSED
                : i == HEALTH_COMMAND && strcmp(former->what, result[i].what) != 0)
            say((enum health_check)i, &result[i]);
        h->result[i] = result[i];
    }
    agent_admit(h->agent);
}

/* The first line that the program wrote, on standard output or else on standard error. */
static void take_words(const struct child_end *end, char *ret, size_t size)
{
    const char *text = end->out_size > 0 ? end->out : end->words;
    int n = end->out_size > 0 ? (int)end->out_size : (int)strlen(text);
    int line = 0;

    while (line < n && text[line] != '\n' && text[line] != '\0')
        line++;
    (void)snprintf(ret, size, "%.*s", line, text);
    for (char *p = ret; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7F)
            *p = ' ';
}

static void command_ended(void *context, const struct child_end *end)
{
    struct health_watch *h = context;
    bool passed =
        !end->late && !end->too_much && WIFEXITED(end->wait_status) && WEXITSTATUS(end->wait_status) == 0;

    h->command = passed ? HEALTH_COMMAND_PASSED : HEALTH_COMMAND_FAILED;
    take_words(end, h->command_said, sizeof(h->command_said));
    if (end->late)
        (void)snprintf(h->command_said, sizeof(h->command_said), "it did not end in its time");
    else if (end->too_much)
        (void)snprintf(h->command_said, sizeof(h->command_said), "it wrote more than %d bytes",
                       COMMAND_OUT_MAX);
    else if (h->command_said[0] == '\0' && WIFEXITED(end->wait_status))
        (void)snprintf(h->command_said, sizeof(h->command_said), "exit status %d",
                       WEXITSTATUS(end->wait_status));
    else if (h->command_said[0] == '\0')
        (void)snprintf(h->command_said, sizeof(h->command_said), "signal %d", WTERMSIG(end->wait_status));
    child_free(h->child);
    h->child = NULL;
    look(h);
}

static void start_command(struct health_watch *h)
{
    char *argv[] = {h->agent->config->health_command, NULL};
    char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
         locale[] = "LC_ALL=C.UTF-8";
    char *environment[] = {path, locale, NULL};
    const struct child_order order = {.argv = argv,
                                      .environment = environment,
                                      .budget_ms = h->agent->config->health_command_ms,
                                      .out_max = COMMAND_OUT_MAX};
    struct err e = ERR_INIT;

    if (argv[0][0] == '\0' || h->child != NULL)
        return;
    h->child = child_start(h->agent->loop, &order, command_ended, h, &e);
    if (h->child != NULL)
        return;
    h->command = HEALTH_COMMAND_FAILED;
    (void)snprintf(h->command_said, sizeof(h->command_said), "%.*s", (int)sizeof(h->command_said) - 1,
                   e.text);
}

static void tick(void *context)
{
    struct health_watch *h = context;

    start_command(h);
    look(h);
}

int health_watch_start(struct agent *a, struct err *e)
{
    struct health_watch *h = calloc(1, sizeof(*h));

    if (h == NULL)
        return err_oom(e);
    *h = (struct health_watch){.agent = a,
                               .timer = loop_timer_new(a->loop, tick, h),
                               .blocking = ~health_checks_of(a->config->health_warn_only),
                               .command = a->config->health_command[0] != '\0' ? HEALTH_COMMAND_NOT_YET
                                                                               : HEALTH_COMMAND_NONE};
    a->health = h;
    if (h->timer == NULL)
        return err_oom(e);
    tick(h);
    loop_timer_start(h->timer, (uint64_t)a->config->health_period_ms, (uint64_t)a->config->health_period_ms);
    return 0;
}

void health_watch_stop(struct agent *a)
{
    if (a->health == NULL)
        return;
    child_free(a->health->child);
    loop_timer_free(a->health->timer);
    free(a->health);
    a->health = NULL;
}
