/*
 * client.h - questions to an etcd cluster, through the JSON gateway of any of its members.
 *
 * One question at a time, over one connection that is kept; further ones wait in line. An endpoint that does not answer is left
 * for the next one, and each question is put to every endpoint once before it counts as unanswered: waiting and asking
 * again is the caller's. A question may have been carried out though no answer came, so every transaction must be safe to repeat.
 *
 * With a user, a token is asked for first, and again whenever etcd takes it no longer; the password file is read each time.
 */
#ifndef ASSIGNMENT_ETCD_CLIENT_H
#define ASSIGNMENT_ETCD_CLIENT_H

#include "assignment/etcd/answer.h"
#include "assignment/etcd/request.h"
#include "io/transfer.h"

/* All borrowed; they live longer than the client. */
struct etcd_settings {
    const struct strlist *endpoints; /* "https://host:2379"; at least one */
    const char *user;                /* "": none */
    const char *password_file;
    const char *ca_file;              /* "": the system's */
    const char *cert_file, *key_file; /* "": this side proves nothing */
    int64_t connect_ms;               /* the longest that connecting may take */
    int64_t answer_ms;                /* the longest that an answer may take */
};

enum etcd_outcome {
    ETCD_ANSWERED = 0,
    ETCD_AWAY,      /* no member could say; it may have been carried out or not */
    ETCD_NOT_FOUND, /* there is no such lease */
    ETCD_REFUSED,   /* for good: the same question would not be answered another time */
};

/* Valid during the call. */
struct etcd_answer {
    enum etcd_outcome outcome;
    const struct etcd_reply *reply; /* ANSWERED only */
    const char *why;                /* for people, without secrets; NULL when answered */
};

struct etcd_client;
struct etcd_call;

typedef void (*etcd_done)(void *context, const struct etcd_answer *answer);

/* The caller owns it and frees it before `transfers` and the loop. NULL with *e. */
struct etcd_client *etcd_client_new(struct loop *loop, struct transfers *transfers,
                                    const struct etcd_settings *settings, struct err *e);
/* Ends everything under way, without a callback. NULL is fine. */
void etcd_client_free(struct etcd_client *c);

/* Asks. `path` is one of request.h's, and lives on; the body is copied. `done` comes once, from the loop, unless the call is
 * stopped before. An urgent one goes before all that wait. NULL with *e; *e is also filled when the body is broken. */
struct etcd_call *etcd_ask(struct etcd_client *c, const char *path, const struct strbuf *body, bool urgent,
                           etcd_done done, void *context, struct err *e);

/* `done` does not come any more. It may be carried out all the same. Not from inside `done`. NULL is fine. */
void etcd_call_stop(struct etcd_call *call);

/* The member that answers now, without credentials. */
const char *etcd_client_endpoint(const struct etcd_client *c);
/* What a watch needs: fills in everything of a request to `path` at that member but body and times. The strings are the
 * client's, and `url` the caller's. -EAGAIN while there is no token. */
int etcd_client_address(struct etcd_client *c, const char *path, char *url, size_t size,
                        struct transfer_request *ret, struct err *e);
/* A watch found out that the member does not answer, or that the token is not taken. */
void etcd_client_left(struct etcd_client *c, const char *endpoint);
void etcd_client_token_refused(struct etcd_client *c);

#endif
