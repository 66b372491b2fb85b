/*
 * metadata.h - asks the machine's instance metadata service, on the loop. It is reached directly, never by a proxy; jobs do not get
 * to it (docs/SECURITY.md).
 */
#ifndef CLOUD_METADATA_H
#define CLOUD_METADATA_H

#include "cloud/provider.h"
#include "io/exchange.h"

struct metadata;       /* a service; remembers Amazon's token */
struct metadata_query; /* a request under way */

/* endpoint: "": the provider's own. The caller owns it, and frees it after its requests. NULL without memory. */
struct metadata *metadata_new(struct transfers *transfers, enum cloud_provider provider,
                              const char *endpoint);
void metadata_free(struct metadata *m);

/* Asks for the path. `done` comes once, from the loop, and gets the answer of the last request: where a token is needed and cannot
 * be had, that one's. total_ms: for each request. NULL with *e. */
struct metadata_query *metadata_get(struct metadata *m, const char *path, int64_t total_ms,
                                    exchange_done done, void *context, struct err *e);

/* Ends it: `done` does not come. Not from inside `done`. NULL is fine. */
void metadata_stop(struct metadata_query *q);

#endif
