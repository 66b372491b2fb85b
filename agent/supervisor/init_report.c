/* init_report.c - what supervisor and init say to each other, and the witness file: see init.h. */
#include "supervisor/init_report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/fact.h"
#include "sys/fd.h"
#include "sys/packet.h"

static const char *const WORDS[] = {
    [INIT_FAILED] = "failed",         [INIT_CONTAINED] = "contained", [INIT_STARTED] = "started",
    [INIT_MAIN_ENDED] = "main-ended", [INIT_PROBED] = "probed",
};

int init_report_encode(const struct init_report *report, struct strbuf *out)
{
    struct fact_writer w = fact_begin(out);

    fact_put_string(&w, "word", WORDS[report->word]);
    if (report->word == INIT_FAILED) {
        fact_put_string(&w, "reason", report->error.text);
        fact_put_string(&w, "blame", blame_name(report->error.blame));
        fact_put_int(&w, "code", report->error.code);
        fact_put_string(&w, "cause", cause_name(report->cause));
        fact_put_int(&w, "launch-errno", report->launch_errno);
    }
    if (report->word == INIT_CONTAINED) {
        fact_put_string(&w, "event", CONTAINMENT_EVENT);
        fact_put_string(&w, "name", report->fact.name);
        fact_put_string(&w, "state", containment_state_name(report->fact.state));
        fact_put_string(&w, "value", report->fact.value);
        fact_put_string(&w, "by", report->fact.by);
    }
    if (report->word == INIT_PROBED)
        fact_put_string(&w, "reason", report->error.text);
    if (report->word == INIT_MAIN_ENDED || report->word == INIT_PROBED) {
        fact_put_string(&w, "end", main_end_name(report->main_end));
        fact_put_int(&w, "status", report->status);
        fact_put_bool(&w, "core", report->core_dumped);
    }
    return fact_end(&w);
}

static int init_report_decode(const char *text, size_t n, struct init_report *ret)
{
    AUTO(fact) struct fact f = {0};
    struct init_report report = {0};
    struct err e = ERR_INIT;
    int64_t number = 0;

    if (fact_decode(text, n, &f, &e) < 0)
        return -EBADMSG;
    for (unsigned i = INIT_FAILED; i < ARRAY_SIZE(WORDS); i++)
        if (strcmp(WORDS[i], fact_str(&f, "word")) == 0)
            report.word = (enum init_word)i;
    if (report.word == 0)
        return -EBADMSG;
    report.error.blame = blame_from_name(fact_str(&f, "blame"));
    (void)snprintf(report.error.text, sizeof(report.error.text), "%s", fact_str(&f, "reason"));
    if (fact_int(&f, "code", &number))
        report.error.code = (int)number;
    if (fact_int(&f, "launch-errno", &number))
        report.launch_errno = (int)number;
    report.cause = cause_from_name(fact_str(&f, "cause"));
    if (report.cause == CAUSE_COUNT)
        report.cause = CAUSE_LAUNCH_FAILED;
    if (report.word == INIT_CONTAINED && containment_from_fact(&f, &report.fact) < 0)
        return -EBADMSG;
    report.main_end = main_end_from_name(fact_str(&f, "end"));
    if (fact_int(&f, "status", &number))
        report.status = (int)number;
    (void)fact_bool(&f, "core", &report.core_dumped);
    *ret = report;
    return 0;
}

int init_signal(const struct init_process *p, int signal, bool whole_tree)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(MESSAGE_BYTES_MAX);
    struct fact_writer w = fact_begin(&text);

    fact_put_int(&w, "signal", signal);
    fact_put_bool(&w, "tree", whole_tree);
    if (fact_end(&w) < 0)
        return text.failed;
    return p->control_fd < 0 ? -EPIPE : packet_send(p->control_fd, text.data, text.len, NULL, 0);
}

int init_probe(const struct init_process *p)
{
    static const char WORD[] = "{\"probe\":true}\n";

    return p->control_fd < 0 ? -EPIPE : packet_send(p->control_fd, WORD, sizeof(WORD) - 1, NULL, 0);
}

int init_release(const struct init_process *p)
{
    return packet_send(p->control_fd, "+", 1, NULL, 0);
}

int init_receive(const struct init_process *p, struct init_report *ret)
{
    char text[MESSAGE_BYTES_MAX];
    pid_t pid = 0;
    ssize_t n = packet_receive_from(p->control_fd, text, sizeof(text), &pid);
    int r;

    if (n <= 0)
        return (int)n;
    r = init_report_decode(text, (size_t)n, ret);
    if (r < 0)
        return r;
    ret->pid = pid;
    return 1;
}

int witness_read(int run_fd, enum main_end *ret_end, int *ret_status, bool *ret_core)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(MESSAGE_BYTES_MAX);
    struct init_report report;

    if (file_read(run_fd, WITNESS_NAME, &text) < 0 || text.len == 0 ||
        init_report_decode(text.data, text.len, &report) < 0)
        return 0;
    if (report.word != INIT_MAIN_ENDED || report.main_end == MAIN_END_COUNT)
        return 0;
    *ret_end = report.main_end;
    *ret_status = report.status;
    *ret_core = report.core_dumped;
    return 1;
}
