/*
 * http_client.h - one blocking HTTP exchange over a unix socket: how the command line talks to runletd.
 */
#ifndef IO_HTTP_CLIENT_H
#define IO_HTTP_CLIENT_H

#include "base/err.h"
#include "base/strbuf.h"

/*
 * Sends `method` (GET or POST) for `path` to the server at the unix socket and appends the response body.
 * Gives up after timeout_ms. Returns the HTTP status, or negative with *e (-ECONNREFUSED or -ENOENT when no
 * daemon listens).
 */
int http_unix_request(const char *socket_path, const char *method, const char *path, long timeout_ms,
                      struct strbuf *body, struct err *e);

#endif
