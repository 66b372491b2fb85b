/*
 * bootstrap.h - a node's first word to its control plane: a one-time token, exchanged for the node's credential.
 *
 * The call `bootstrap` of docs/api/control-plane.openapi.yaml. It may be made again with the same key, and then has the same answer:
 * one that was lost costs nothing.
 */
#ifndef ASSIGNMENT_HTTP_BOOTSTRAP_H
#define ASSIGNMENT_HTTP_BOOTSTRAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Texts are borrowed; those that may be "" are marked so. */
struct bootstrap_order {
    const char *endpoint;
    const char *ca_file; /* "" */
    const char *token;
    const char *key;     /* of this exchange: one word, the same each time */
    const char *node_id; /* "": the control plane names the node */
    const char *run_id;  /* "" */
    int64_t timeout_ms;
    /* Called before each wait for a further attempt. */
    void (*waiting)(const char *why, int64_t ms, void *context);
    void *context;
};

struct bootstrap_credential {
    char *node_id, *token; /* owned */
};

void bootstrap_credential_free(struct bootstrap_credential *c);
#define bootstrap_credential_auto bootstrap_credential_free

/* Makes the exchange, on a loop of its own, with as many attempts as the time allows. 0; -EACCES when the control plane refuses it for
 * good; -ETIMEDOUT; or another negative. *e says why, without the token. */
int bootstrap_exchange(const struct bootstrap_order *order, struct bootstrap_credential *ret, struct err *e);

/* Reads the answer: in *ret, which must be empty. 0 or negative with *e, which has the position. */
int bootstrap_answer(const char *text, size_t n, struct bootstrap_credential *ret, struct err *e);

#endif
