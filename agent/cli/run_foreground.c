/* run_foreground.c - see run_foreground.h. */
#include "cli/run_foreground.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/parse.h"
#include "daemon/identity.h"
#include "daemon/sources.h"
#include "logs/terminal.h"

struct session {
    struct agent agent;
    struct foreground *f;
    struct run *run;
    int interrupts;
    struct terminal_node *node; /* owned: one for each member of the run */
    size_t nodes;
};

/* The run's output, or that of its nodes. */
static bool sink_of(const struct run *run, struct log_sink *ret, void *context)
{
    struct session *s = context;
    struct run_name name, own;

    if (strcmp(run->id, s->f->id) == 0) {
        *ret = terminal_sink();
        return true;
    }
    if (!run_name_parse(run->id, &name) || !run_name_parse(s->f->id, &own) || name.rank < 0 ||
        own.rank >= 0 || strcmp(name.id, own.id) != 0 || name.attempt != own.attempt)
        return false;
    if (s->node == NULL && s->run != NULL) {
        s->nodes = s->run->places;
        s->node = calloc(s->nodes, sizeof(*s->node));
    }
    if (s->node == NULL || (size_t)name.rank >= s->nodes)
        return false;
    s->node[name.rank].rank = name.rank;
    *ret = terminal_node_sink(&s->node[name.rank]);
    return true;
}

static void say(const struct session *s, const char *text)
{
    if (!s->f->quiet)
        (void)fprintf(stderr, "runlet: %s\n", text);
}

static void interrupted(void *context, int signal)
{
    struct session *s = context;

    (void)signal;
    if (s->f->waits)
        loop_stop(s->agent.loop);
    if (s->run == NULL || s->f->waits)
        return;
    s->interrupts++;
    if (s->interrupts == 1)
        say(s, "stopping the run; press Ctrl-C again to kill it");
    else if (s->interrupts == 2)
        say(s, "killing the run");
    (void)run_cancel(s->run, s->interrupts > 1);
}

static void finished(struct run *run, void *context)
{
    struct session *s = context;

    if (strcmp(run->id, s->f->id) != 0)
        return;
    s->f->record = run->record;
    s->f->verdict = run->verdict;
    s->f->ended = true;
    s->run = NULL;
    loop_stop(s->agent.loop);
}

static int drive(struct session *s, int lock_fd, struct err *e)
{
    static const int SIGNALS[] = {SIGINT, SIGTERM, SIGHUP};

    for (size_t i = 0; i < sizeof(SIGNALS) / sizeof(SIGNALS[0]); i++)
        if (loop_signal_new(s->agent.loop, SIGNALS[i], interrupted, s) == NULL)
            return err_oom(e);
    (void)agent_adopt_ended(&s->agent);
    /* It may have been among those, and even have come to its end. */
    if (s->f->ended)
        return 0;
    s->run = engine_find(s->agent.engine, s->f->id);
    if (s->run == NULL)
        s->run = agent_take(&s->agent, s->f->id, lock_fd, e);
    if (s->run == NULL)
        return e->code;
    /* Whoever stands at the terminal is not made to wait for runs of the queue. */
    if (s->run->phase == PHASE_ACCEPTED && s->run->pending_count == 0)
        run_post(s->run, RUN_EVENT_START);
    loop_run(s->agent.loop);
    if (s->f->ended)
        return 0;
    return s->f->waits ? err_set(e, -EINTR, BLAME_NONE, "interrupted")
                       : err_set(e, -1, BLAME_BUG, "the event loop ended before the run");
}

int run_foreground(const struct config *config, const struct layout *layout, struct gate gate, const char *id,
                   int lock_fd, struct foreground *f, struct err *e)
{
    struct session s = {.agent = AGENT_INIT, .f = f};
    int r;

    (void)snprintf(f->id, sizeof(f->id), "%s", id);
    /* `runlet run ... | head`: the reader goes, the run goes on. */
    (void)signal(SIGPIPE, SIG_IGN);
    s.agent.gate = gate;
    if (!f->silent)
        s.agent.sink_of = sink_of;
    s.agent.finished = finished;
    s.agent.context = &s;
    r = agent_open(&s.agent, config, layout, e);
    if (r == 0)
        r = identity_of_machine(&s.agent, e);
    if (r == 0)
        r = sources_open(&s.agent, true, e);
    if (r == 0)
        r = drive(&s, lock_fd, e);
    else if (lock_fd >= 0)
        (void)close(lock_fd);
    agent_close(&s.agent);
    for (size_t i = 0; i < s.nodes; i++)
        terminal_node_end(&s.node[i]);
    free(s.node);
    return r;
}
