/* http_server.c - see http_server.h. */
#include "daemon/http_server.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crash_point.h"

#define TIMEOUT_SECONDS 10
/* microhttpd's own timeouts are looked at this often. */
#define TICK_MS 1000

struct http_server {
    struct MHD_Daemon *daemon;
    struct loop_watch *watch;
    struct loop_timer *tick;
};

static void turn(void *context)
{
    const struct http_server *server = context;

    (void)MHD_run(server->daemon);
}

struct http_server *http_server_start(struct loop *loop, int listen_fd, MHD_AccessHandlerCallback handle,
                                      void *context, struct err *e)
{
    struct http_server *server = calloc(1, sizeof(*server));
    const union MHD_DaemonInfo *info;

    if (server == NULL) {
        (void)close(listen_fd);
        (void)err_oom(e);
        return NULL;
    }
    server->daemon =
        MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, handle, context, MHD_OPTION_LISTEN_SOCKET, listen_fd,
                         MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_SERVER_CONNECTIONS_MAX,
                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_SECONDS, MHD_OPTION_END);
    if (server->daemon == NULL) {
        (void)close(listen_fd);
        (void)err_set(e, -EIO, BLAME_NODE, "start the HTTP server");
        http_server_stop(server);
        return NULL;
    }
    info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    server->watch = info != NULL ? loop_watch_new(loop, info->epoll_fd, turn, server) : NULL;
    server->tick = loop_timer_new(loop, turn, server);
    if (server->watch == NULL || server->tick == NULL) {
        (void)err_set(e, -EIO, BLAME_NODE, "watch the HTTP server");
        http_server_stop(server);
        return NULL;
    }
    loop_timer_start(server->tick, TICK_MS, TICK_MS);
    return server;
}

void http_server_stop(struct http_server *server)
{
    if (server == NULL)
        return;
    loop_watch_free(server->watch);
    loop_timer_free(server->tick);
    if (server->daemon != NULL)
        MHD_stop_daemon(server->daemon);
    free(server);
}

enum MHD_Result http_server_answer(struct MHD_Connection *c, unsigned status, const char *type,
                                   const struct strbuf *body)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body->len, (void *)(uintptr_t)strbuf_str(body), MHD_RESPMEM_MUST_COPY);
    enum MHD_Result r;

    if (response == NULL)
        return MHD_NO;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    CRASH_POINT("answer-send");
    r = MHD_queue_response(c, status, response);
    MHD_destroy_response(response);
    return r;
}

bool http_server_not_yet(size_t *upload_size, void **state)
{
    static int seen;

    if (*state == NULL) {
        *state = &seen;
        return true;
    }
    if (*upload_size == 0)
        return false;
    *upload_size = 0;
    return true;
}
