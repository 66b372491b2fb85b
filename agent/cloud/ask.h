/*
 * ask.h - one question to the instance metadata service, answered before anything else happens: at the start of a program.
 */
#ifndef CLOUD_ASK_H
#define CLOUD_ASK_H

#include "base/err.h"
#include "cloud/provider.h"

#define CLOUD_WHY_MAX 256

/* Takes the body of an answer with status 200. False when it is none that is wanted, with the reason in `why`. */
typedef bool (*cloud_take)(void *context, const char *body, size_t n, char why[CLOUD_WHY_MAX]);

/* Asks for the path until an answer was taken, five times at most, on a loop of its own. endpoint: "": the provider's own.
 * 0, or negative with *e. */
int cloud_ask(enum cloud_provider provider, const char *endpoint, const char *path, cloud_take take,
              void *context, struct err *e);

#endif
