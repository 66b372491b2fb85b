/*
 * credentials.h - how a request to a control plane proves who asks: a bearer token, or a signature as OCI's services want it.
 */
#ifndef ASSIGNMENT_HTTP_CREDENTIALS_H
#define ASSIGNMENT_HTTP_CREDENTIALS_H

#include "assignment/http/http.h"
#include "base/strbuf.h"
#include "base/strlist.h"

#define CONTROL_CONTENT_TYPE "application/json"

struct credentials_request {
    const struct http_settings *settings;
    const char *method, *url;
    const struct strbuf *body; /* of CONTROL_CONTENT_TYPE; NULL: none */
    wall_ms_t now;
};

/* Adds the headers, from files that are read now. 0 or negative with *e, which shows nothing secret. */
int credentials_add(const struct credentials_request *r, struct strlist *headers, struct err *e);

#endif
