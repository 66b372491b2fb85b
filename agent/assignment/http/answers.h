/*
 * answers.h - what a control plane says, read strictly: bodies into values. Pure.
 *
 * The contract is docs/api/control-plane.openapi.yaml. Nothing that comes in is trusted: every number has bounds, every text and list
 * a limit, and what is wrong is told with its position.
 */
#ifndef ASSIGNMENT_HTTP_ANSWERS_H
#define ASSIGNMENT_HTTP_ANSWERS_H

#include <stddef.h>

#include "assignment/source.h"
#include "base/parse.h"
#include "format/diag.h"

#define ANSWER_BYTES_MAX      (64U * 1024)
#define DIRECTIVES_BYTES_MAX  (512U * 1024)
#define DIRECTIVES_MAX        1000
#define DIRECTIVE_ID_MAX      128
#define ERROR_CODE_MAX        64
#define ERROR_MESSAGE_MAX     200
#define HEARTBEAT_SECONDS_MAX 86400

struct registration {
    int64_t heartbeat_ms;
    int64_t lease_ms; /* 0: not said */
};

int answer_registration(const char *text, size_t n, struct registration *ret, struct err *e);

int answer_lease(const char *text, size_t n, int64_t *ret_ms, struct err *e);

/* Whose run it is, so that it can be taken; the documents in it are read when they are used (job/assignment.h). */
struct offer {
    struct run_name name; /* of one node */
    int64_t epoch;
    int64_t lease_ms; /* 0: not said, or not readable: the documents' reader says so */
};

int answer_assignment(const char *text, size_t n, struct offer *ret, struct err *e);

/* One item of the list. */
struct wanted {
    char id[DIRECTIVE_ID_MAX];
    bool of_node;
    struct node_directive node; /* of_node */
    struct directive run;       /* otherwise */
    char run_id[RUN_ID_BYTES];
    int64_t epoch; /* 0: any */
    bool done;     /* the user's: it was carried out */
};

struct wanted_list {
    struct wanted *item; /* owned */
    size_t count;
};

void wanted_list_free(struct wanted_list *l);
#define wanted_list_auto wanted_list_free

/* Items that cannot be read are passed over: each is an entry in `diags`. A text that is no list at all is an error. *ret must be empty.
 * 0, -EINVAL with an entry, or -ENOMEM. */
int answer_directives(const char *text, size_t n, struct wanted_list *ret, struct diag_list *diags);

/* An error's word and sentence; both "" when the body is none of the contract. Only letters and digits in the word; no control characters
 * in the sentence. */
struct answer_error {
    char code[ERROR_CODE_MAX];
    char message[ERROR_MESSAGE_MAX];
};

void answer_error(const char *text, size_t n, struct answer_error *ret);

/* The value of a Date header. 0 or -EINVAL. */
int answer_date(const char *text, wall_ms_t *ret);

#endif
