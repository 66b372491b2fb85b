/* metrics.c - see metrics.h. */
#include "daemon/metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "daemon/drained.h"
#include "daemon/health_watch.h"
#include "daemon/process_metrics.h"
#include "daemon/run_metrics.h"
#include "format/exposition.h"

/* A thousand runs with two dozen lines each. */
#define METRICS_MAX (8U << 20)

static void put_identity(struct strbuf *out, const struct agent *a)
{
    const struct exposition_label labels[] = {
        {"version", RUNLET_VERSION}, {"node", a->node.id}, {"pool", a->node.pool}, {"shape", a->node.shape}};

    exposition_family(out, "runlet_node_info", "gauge",
                      "The agent's version, and who the node is. Always 1.");
    exposition_sample(out, "runlet_node_info", labels, 4, 1);
}

static void put_readiness(struct strbuf *out, const struct agent *a)
{
    const struct health_result *results = health_results(a);
    char why[AGENT_NOT_READY_MAX];
    struct drained drained;

    agent_not_ready(a, why, sizeof(why));
    exposition_single(out, "runlet_node_ready", "gauge", "1 when the node would take up a further run now.",
                      why[0] == '\0');
    exposition_single(out, "runlet_node_drained", "gauge",
                      "1 when an operator or a control plane drained the node.",
                      drained_read(a->agent_fd, &drained));
    exposition_family(out, "runlet_health_check_status", "gauge",
                      "What a check of the node's health found: 0 passed, 1 warns, 2 keeps runs away.");
    for (unsigned i = 0; results != NULL && i < HEALTH_CHECK_COUNT; i++) {
        const struct exposition_label label = {"check", health_check_name((enum health_check)i)};
        if (results[i].state != HEALTH_OFF)
            exposition_sample(out, "runlet_health_check_status", &label, 1,
                              results[i].state == HEALTH_PASSED  ? 0
                              : results[i].state == HEALTH_WARNS ? 1
                                                                 : 2);
    }
}

static void put_disk(struct strbuf *out, const struct agent *a)
{
    struct statvfs st;

    if (fstatvfs(a->launcher.runs_fd, &st) < 0)
        return;
    exposition_single(out, "runlet_state_disk_size_bytes", "gauge",
                      "Size of the file system that holds runs.", (double)st.f_blocks * (double)st.f_frsize);
    exposition_single(out, "runlet_state_disk_free_bytes", "gauge", "What is free there.",
                      (double)st.f_bavail * (double)st.f_frsize);
}

static void put_sources(struct strbuf *out, const struct agent *a)
{
    exposition_family(out, "runlet_source_up", "gauge",
                      "1 while the control plane or store behind this source answers. Absent for one with "
                      "nothing behind it.");
    for (size_t i = 0; i < a->source_count; i++) {
        const struct exposition_label label = {"source", a->source[i]->ops->name};
        struct source_state state = {0};
        if (a->source[i]->ops->describe != NULL)
            a->source[i]->ops->describe(a->source[i], &state);
        if (state.link != SOURCE_LINK_NONE)
            exposition_sample(out, "runlet_source_up", &label, 1, state.link == SOURCE_LINK_UP);
    }
}

static void put_tally(struct strbuf *out, const struct tally *t)
{
    exposition_family(out, "runlet_runs_ended_total", "counter",
                      "Runs that ended and were reported since the agent's start, by cause and state.");
    for (unsigned cause = CAUSE_NONE + 1; cause < CAUSE_COUNT; cause++)
        for (unsigned state = 0; state < STATE_COUNT; state++) {
            const struct exposition_label labels[] = {{"cause", cause_name((enum cause)cause)},
                                                      {"state", state_name((enum lifecycle_state)state)}};
            if (t->ended[cause][state] > 0)
                exposition_sample(out, "runlet_runs_ended_total", labels, 2, (double)t->ended[cause][state]);
        }
}

static void put_phase(struct strbuf *out, const struct tally *t, enum phase phase)
{
    struct exposition_label labels[] = {{"phase", phase_name(phase)}, {"le", ""}};
    uint64_t sum = 0;

    for (size_t i = 0; i < TALLY_CLASSES; i++) {
        char bound[32] = "+Inf";
        if (i < TALLY_CLASSES - 1)
            (void)snprintf(bound, sizeof(bound), "%.15g", (double)TALLY_BOUND_MS[i] / 1000);
        labels[1].value = bound;
        sum += t->spent[phase][i];
        exposition_sample(out, "runlet_phase_duration_seconds_bucket", labels, 2, (double)sum);
    }
    exposition_sample(out, "runlet_phase_duration_seconds_sum", labels, 1, (double)t->spent_ms[phase] / 1000);
    exposition_sample(out, "runlet_phase_duration_seconds_count", labels, 1, (double)sum);
}

void metrics_put(const struct agent *a, struct strbuf *out)
{
    put_identity(out, a);
    put_readiness(out, a);
    exposition_single(out, "runlet_concurrency_limit", "gauge",
                      "How many runs the node executes at the same time.", (double)a->config->concurrency);
    put_disk(out, a);
    put_sources(out, a);
    put_tally(out, &a->tally);
    exposition_family(out, "runlet_phase_duration_seconds", "histogram",
                      "How long runs were in a phase, of those that left it since the agent's start.");
    for (unsigned phase = 0; phase < PHASE_FINISHED; phase++)
        put_phase(out, &a->tally, (enum phase)phase);
    run_metrics_put(a, out);
    process_metrics_put(out);
}

enum MHD_Result metrics_answer(const struct agent *a, struct MHD_Connection *c)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(METRICS_MAX);

    metrics_put(a, &body);
    /* A part of the metrics would look like a node with fewer runs. */
    if (body.failed != 0) {
        strbuf_reset(&body);
        return http_server_answer(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "text/plain", &body);
    }
    return http_server_answer(c, MHD_HTTP_OK, EXPOSITION_CONTENT_TYPE, &body);
}

static enum MHD_Result handle(void *context, struct MHD_Connection *c, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **state)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(256);

    (void)version;
    (void)upload;
    if (http_server_not_yet(upload_size, state))
        return MHD_YES;
    if (strcmp(url, "/metrics") != 0) {
        (void)strbuf_addstr(&body, "here are only /metrics\n");
        return http_server_answer(c, MHD_HTTP_NOT_FOUND, "text/plain", &body);
    }
    if (strcmp(method, "GET") == 0)
        return metrics_answer(context, c);
    (void)strbuf_addstr(&body, "metrics can only be read\n");
    return http_server_answer(c, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", &body);
}

int metrics_serve(struct agent *a, struct http_server **ret, struct err *e)
{
    AUTO_CLOSE int fd = -1;
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)},
                                        .sin_port = htons((uint16_t)a->config->metrics_port)};
    int on = 1;

    *ret = NULL;
    if (a->config->metrics_port == 0)
        return 0;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_errno(e, errno, BLAME_NODE, "make the socket of metrics.port");
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(fd, HTTP_SERVER_CONNECTIONS_MAX) < 0)
        return err_errno(e, errno, BLAME_NODE, "listen on 127.0.0.1, port %lld (metrics.port)",
                         (long long)a->config->metrics_port);
    *ret = http_server_start(a->loop, take_fd(&fd), handle, a, e);
    return *ret != NULL ? 0 : e->code;
}
