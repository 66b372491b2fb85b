/*
 * bodies.h - what a node tells a control plane: values into bodies. Pure. The contract is docs/api/control-plane.openapi.yaml.
 */
#ifndef ASSIGNMENT_HTTP_BODIES_H
#define ASSIGNMENT_HTTP_BODIES_H

#include "assignment/http/bootstrap.h"
#include "assignment/node.h"
#include "base/strbuf.h"
#include "engine/status_report.h"

#define BODY_BYTES_MAX (256U * 1024)

/* What changes while the agent lives. The texts are borrowed. */
struct node_state {
    size_t room;
    const char *not_ready;
    const char *problem;
};

/* Each appends to `out`, whose failure says whether it worked. */
void body_node(const struct node_facts *node, const struct node_state *state, struct strbuf *out);

void body_bootstrap(const struct bootstrap_order *order, struct strbuf *out);

/* Which execution is spoken of. */
struct execution {
    const char *node_id;
    int64_t epoch, attempt;
};

/* `reason`: with a release; NULL: a lease. */
void body_execution(const struct execution *x, const char *reason, struct strbuf *out);

void body_status(const char *node_id, const struct status_report *report, struct strbuf *out);

#endif
