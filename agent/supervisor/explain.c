/* explain.c - what the sandbox denied is told: in the journal, in the job's own log, in what learning found. See supervision.h. */
#include "supervisor/supervision.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "sys/fd.h"
#include "sys/packet.h"

#define CALL_TEXT_MAX 40
/* A job's log is the job's: so many lines of ours at most. */
#define NOTES_MAX 16

static void tell(struct supervision *s, const struct denial *d)
{
    struct fact_writer *w = journal_begin(&s->journal, clock_wall(), "denied");
    char call[CALL_TEXT_MAX], text[256];

    call_name(d->number, call, sizeof(call));
    fact_put_string(w, "call", call);
    fact_put_int(w, "pid", d->pid);
    fact_put_string(w, "command", d->command);
    fact_put_string(w, "rule", d->rule);
    stage_note(s, false);
    if (s->denials.count > NOTES_MAX)
        return;
    (void)snprintf(text, sizeof(text), "runlet: denied: %s of %s (pid %d): %s\n", call, d->command,
                   (int)d->pid, d->rule);
    capture_note(&s->capture, text, clock_wall());
}

void stage_listener(struct supervision *s)
{
    char word[16];
    int fds[1];
    size_t count = 0;
    ssize_t n = packet_receive(s->listener_socket, word, sizeof(word), fds, 1, &count);
    int r;

    if (n == -EAGAIN)
        return;
    fd_close(&s->listener_socket);
    if (n <= 0 || count != 1)
        return;
    r = denials_open(&s->denials, fds[0], &s->filter);
    if (r < 0) {
        (void)close(fds[0]);
        log_warning("run=%s denied calls cannot be explained: %s", s->plan.run_id, strerror(-r));
    }
}

void stage_denials(struct supervision *s)
{
    const struct denial *d;

    while ((d = denials_answer(&s->denials)) != NULL)
        tell(s, d);
}

/* At the end: how often each was denied, and what was learnt. */
void stage_sum_up_denials(struct supervision *s)
{
    AUTO(strbuf) struct strbuf profile = STRBUF_INIT(FACT_LINE_MAX);

    for (size_t i = 0; i < s->denials.count; i++) {
        const struct denial *d = &s->denials.item[i];
        struct fact_writer *w;
        char call[CALL_TEXT_MAX];
        if (d->count == 1)
            continue;
        call_name(d->number, call, sizeof(call));
        w = journal_begin(&s->journal, clock_wall(), "denied-again");
        fact_put_string(w, "call", call);
        fact_put_string(w, "command", d->command);
        fact_put_int(w, "count", d->count);
        stage_note(s, false);
    }
    if (s->plan.sandbox.learn && s->main_pid > 0 && denials_profile(&s->denials, &profile) == 0) {
        struct fact_writer *w = journal_begin(&s->journal, clock_wall(), "learnt");
        fact_put_string(w, "profile", strbuf_str(&profile));
        stage_note(s, false);
    }
}
