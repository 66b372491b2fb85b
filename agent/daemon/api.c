/* api.c - see api.h. */
#include "daemon/api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "base/limits.h"
#include "base/parse.h"
#include "daemon/directive.h"
#include "daemon/http_server.h"
#include "daemon/metrics.h"
#include "daemon/node_view.h"
#include "daemon/run_view.h"
#include "sys/packet.h"

#define BODY_MAX (64U * 1024)

struct api {
    struct agent *agent;        /* borrowed */
    struct http_server *server; /* owned */
    boot_ms_t started;
};

int api_bind(const struct layout *layout, struct err *e)
{
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (fd < 0)
        return err_errno(e, errno, BLAME_NODE, "make the API's socket");
    if (strlen(layout->api_socket) >= sizeof(address.sun_path))
        return err_set(e, -ENAMETOOLONG, BLAME_NODE, "the path of the API's socket is too long: %s",
                       layout->api_socket);
    memcpy(address.sun_path, layout->api_socket, strlen(layout->api_socket));
    (void)unlink(layout->api_socket);
    CRASH_POINT("api-socket-removed");
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(fd, HTTP_SERVER_CONNECTIONS_MAX) < 0)
        return err_errno(e, errno, BLAME_NODE, "listen on %s", layout->api_socket);
    if (chmod(layout->api_socket, 0660) < 0 ||
        (geteuid() == 0 && chown(layout->api_socket, 0, layout->agent_ids.gid) < 0))
        return err_errno(e, errno, BLAME_NODE, "set owner and mode of %s", layout->api_socket);
    return take_fd(&fd);
}

static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, const struct strbuf *body)
{
    return http_server_answer(c, status, "application/json", body);
}

/* An error as {"code":...,"message":...}, the way OCI's services say it. */
static enum MHD_Result answer_error(struct MHD_Connection *c, unsigned status, const char *code,
                                    const char *message)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(BODY_MAX);
    struct fact_writer w = fact_begin(&body);

    fact_put_string(&w, "code", code);
    fact_put_string(&w, "message", message);
    (void)fact_end(&w);
    return answer(c, status, &body);
}

static enum MHD_Result get_node(const struct api *api, struct MHD_Connection *c, const char *id)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(NODE_VIEW_MAX);

    (void)id;
    node_view_json(api->agent, api->started, &body);
    return answer(c, MHD_HTTP_OK, &body);
}

static enum MHD_Result get_metrics(const struct api *api, struct MHD_Connection *c, const char *id)
{
    (void)id;
    return metrics_answer(api->agent, c);
}

static enum MHD_Result get_run(const struct api *api, struct MHD_Connection *c, const char *id)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(BODY_MAX);
    struct run_view view;
    struct err e = ERR_INIT;

    if (run_view_read(api->agent->layout, id, &view, &e) < 0)
        return answer_error(c, MHD_HTTP_NOT_FOUND, "NotAuthorizedOrNotFound", e.text);
    run_view_json(&view, api->agent->layout, &body);
    (void)strbuf_addch(&body, '\n');
    return answer(c, MHD_HTTP_OK, &body);
}

/* Whoever may change things: root and the agent itself. */
static bool may_change(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    uid_t uid;
    pid_t pid;

    return info != NULL && peer_user(info->connect_fd, &uid, &pid) == 0 && (uid == 0 || uid == geteuid());
}

/* It was taken, and is on disk. */
static enum MHD_Result answer_reference(struct MHD_Connection *c, const struct run *run)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(BODY_MAX);
    struct fact_writer w = fact_begin(&body);

    fact_put_string(&w, "id", run->id);
    (void)fact_end(&w);
    return answer(c, MHD_HTTP_ACCEPTED, &body);
}

static enum MHD_Result post_cancel(const struct api *api, struct MHD_Connection *c, const char *id)
{
    struct run *run = engine_find(api->agent->engine, id);

    if (!may_change(c))
        return answer_error(c, MHD_HTTP_FORBIDDEN, "NotAuthorized",
                            "only root and the agent's user may do this");
    if (run == NULL)
        return answer_error(c, MHD_HTTP_NOT_FOUND, "NotAuthorizedOrNotFound",
                            "runletd does not attend this run");
    if (run_cancel(run, false) < 0)
        return answer_error(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "InternalError",
                            "the run is asked to stop, but the request could not be written to disk");
    return answer_reference(c, run);
}

static enum MHD_Result post_deadline(const struct api *api, struct MHD_Connection *c, const char *id)
{
    const char *text = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "maximumRuntime");
    struct directive d = {.kind = DIRECTIVE_DEADLINE};
    struct run *run = engine_find(api->agent->engine, id);

    if (!may_change(c))
        return answer_error(c, MHD_HTTP_FORBIDDEN, "NotAuthorized",
                            "only root and the agent's user may do this");
    if (text == NULL || parse_duration_ms(text, &d.maximum_runtime_ms) < 0 || d.maximum_runtime_ms < 1000 ||
        d.maximum_runtime_ms > JOB_RUNTIME_MS_MAX)
        return answer_error(c, MHD_HTTP_BAD_REQUEST, "InvalidParameter",
                            "maximumRuntime must be a length of time of 1s to 30d, such as 90m");
    if (run == NULL || run->phase >= PHASE_SHIPPING)
        return answer_error(c, MHD_HTTP_NOT_FOUND, "NotAuthorizedOrNotFound",
                            "runletd does not attend this run");
    if (directive_to_run(run, &d) < 0)
        return answer_error(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "InternalError",
                            "the deadline is changed, but that could not be written to disk");
    return answer_reference(c, run);
}

/* The node is drained, or not any more, when the answer comes: the answer shows it. */
static enum MHD_Result change_node(const struct api *api, struct MHD_Connection *c, bool drain)
{
    const char *reason = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "reason");
    int r;

    if (!may_change(c))
        return answer_error(c, MHD_HTTP_FORBIDDEN, "NotAuthorized",
                            "only root and the agent's user may do this");
    r = drain ? agent_drain(api->agent, reason != NULL ? reason : "") : agent_undrain(api->agent);
    if (r < 0)
        return answer_error(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "InternalError",
                            "the node stays as it is: that could not be written to disk");
    return get_node(api, c, "");
}

static enum MHD_Result post_drain(const struct api *api, struct MHD_Connection *c, const char *id)
{
    (void)id;
    return change_node(api, c, true);
}

static enum MHD_Result post_undrain(const struct api *api, struct MHD_Connection *c, const char *id)
{
    (void)id;
    return change_node(api, c, false);
}

/* Splits "/v1/runs/ID/cancel" into the run and what is asked of it, "/cancel"; "" for the run itself. */
static bool run_path(const char *url, char id[RUN_ID_BYTES], const char **ret_action)
{
    static const char PREFIX[] = "/v1/runs/";
    const char *rest = url + sizeof(PREFIX) - 1;
    size_t n;

    if (strncmp(url, PREFIX, sizeof(PREFIX) - 1) != 0)
        return false;
    n = strcspn(rest, "/");
    if (n == 0 || n >= RUN_ID_BYTES)
        return false;
    memcpy(id, rest, n);
    id[n] = '\0';
    *ret_action = rest + n;
    return true;
}

static const struct action {
    bool of_run; /* the name is what follows the run; else the whole path */
    const char *name, *method;
    enum MHD_Result (*answer)(const struct api *api, struct MHD_Connection *c, const char *id);
} ACTIONS[] = {
    {true, "", "GET", get_run},
    {true, "/cancel", "POST", post_cancel},
    {true, "/deadline", "POST", post_deadline},
    {false, "/metrics", "GET", get_metrics},
    {false, "/v1/node", "GET", get_node},
    {false, "/v1/node/drain", "POST", post_drain},
    {false, "/v1/node/undrain", "POST", post_undrain},
};

static const struct action *find_action(bool of_run, const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(ACTIONS); i++)
        if (ACTIONS[i].of_run == of_run && strcmp(ACTIONS[i].name, name) == 0)
            return &ACTIONS[i];
    return NULL;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *c, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **state)
{
    const struct api *api = context;
    char id[RUN_ID_BYTES] = "";
    const char *name = url;
    const struct action *action;
    bool of_run;

    (void)version;
    (void)upload;
    if (http_server_not_yet(upload_size, state))
        return MHD_YES;
    of_run = run_path(url, id, &name);
    action = find_action(of_run, name);
    if (action == NULL)
        return answer_error(c, MHD_HTTP_NOT_FOUND, "NotAuthorizedOrNotFound",
                            "there is nothing at this path");
    if (strcmp(method, action->method) == 0)
        return action->answer(api, c, id);
    return answer_error(c, MHD_HTTP_METHOD_NOT_ALLOWED, "MethodNotAllowed",
                        "this path does not take this method");
}

struct api *api_start(struct agent *agent, int listen_fd, struct err *e)
{
    struct api *api = calloc(1, sizeof(*api));

    if (api == NULL) {
        (void)close(listen_fd);
        (void)err_oom(e);
        return NULL;
    }
    api->agent = agent;
    api->started = clock_boot();
    api->server = http_server_start(agent->loop, listen_fd, handle, api, e);
    if (api->server != NULL)
        return api;
    free(api);
    return NULL;
}

void api_stop(struct api *api)
{
    if (api == NULL)
        return;
    http_server_stop(api->server);
    free(api);
}
