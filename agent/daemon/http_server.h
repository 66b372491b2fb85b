/*
 * http_server.h - an HTTP server on the agent's loop, for one listening socket: libmicrohttpd, and no thread.
 *
 * The owner makes it, and frees it before the loop.
 */
#ifndef DAEMON_HTTP_SERVER_H
#define DAEMON_HTTP_SERVER_H

#include <microhttpd.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "io/loop.h"

#define HTTP_SERVER_CONNECTIONS_MAX 32

struct http_server;

/* Serves on listen_fd (taken over in every case) with the handler (MHD's contract). NULL with *e on failure. */
struct http_server *http_server_start(struct loop *loop, int listen_fd, MHD_AccessHandlerCallback handle,
                                      void *context, struct err *e);
void http_server_stop(struct http_server *server);

/* Queues an answer; the body is copied. */
enum MHD_Result http_server_answer(struct MHD_Connection *c, unsigned status, const char *type,
                                   const struct strbuf *body);

/* Whether this call only announces the request or brings a part of its body, which nobody reads: the handler returns MHD_YES then. */
bool http_server_not_yet(size_t *upload_size, void **state);

#endif
