/*
 * client.h - requests to one control plane: its address, this node's credentials, and what an answer means.
 *
 * Credentials are read anew for each request, so that whoever rotates them only has to replace the files; a request that is
 * answered 401 is made once more at once. Connections are kept and shared by all requests of a client.
 */
#ifndef ASSIGNMENT_HTTP_CLIENT_H
#define ASSIGNMENT_HTTP_CLIENT_H

#include "assignment/http/answers.h"
#include "assignment/http/http.h"
#include "io/exchange.h"

struct control_client;
struct control_request;

/* NULL with *e when the settings contradict each other. The caller owns it, and frees it after its requests. */
struct control_client *control_client_new(struct loop *loop, const struct http_settings *settings,
                                          struct err *e);
void control_client_free(struct control_client *c);

/* Whether the other end answers, for displays. */
void control_client_describe(const struct control_client *c, struct source_state *ret);

struct control_call {
    const char *method;
    const char *path;          /* from "/v1" on, encoded, with the query; copied */
    const struct strbuf *body; /* JSON, copied; NULL: none */
    const char *etag;          /* If-None-Match; NULL or "": none; copied */
    const char *retry_token;   /* opc-retry-token; NULL: none; copied */
    int64_t wait_ms;           /* how long the server may hold it; 0: it answers at once */
    size_t answer_max;         /* bytes */
};

enum call_end {
    CALL_DONE = 0, /* 2xx or 304 */
    CALL_AGAIN,    /* worth another request: see after_ms */
    CALL_FINAL,    /* the control plane's own word, which stays: see code */
};

struct call_result {
    enum call_end end;
    long status; /* HTTP; 0: there was no answer */
    const char *body;
    size_t body_size;
    const char *etag;
    const char *code;   /* of an error; "" otherwise */
    const char *why;    /* for people when end is not DONE */
    int64_t after_ms;   /* to wait at least; -1: not said */
    int64_t elapsed_ms; /* since the request began */
};

/* Called once, from the loop; the request is gone then, and its texts after the call. */
typedef void (*call_done)(void *context, const struct call_result *result);

/* NULL with *e when the request cannot even be made (a file of credentials is missing). */
struct control_request *control_start(struct control_client *c, const struct control_call *call,
                                      call_done done, void *context, struct err *e);

/* Ends it now: `done` does not come. NULL is fine. */
void control_stop(struct control_request *r);

/* What a status and an error's code mean together. Pure. */
enum call_end control_meaning(long status, const char *code);

#endif
