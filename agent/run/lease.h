/*
 * lease.h - the right to execute a run, for a time: when to ask for more of it, and when it is gone. Pure.
 *
 * Time is that since boot, which goes on while the machine sleeps. What was confirmed counts from the moment at which it was asked for,
 * so that this node never believes in a lease longer than the other side does.
 */
#ifndef RUN_LEASE_H
#define RUN_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

struct lease {
    int64_t duration_ms;
    boot_ms_t asked_at; /* of the last request that was confirmed */
    boot_ms_t tried_at; /* of the last request */
    int64_t failures;   /* requests in a row without an answer */
};

enum lease_step {
    LEASE_WAIT = 0,
    LEASE_RENEW,   /* ask now */
    LEASE_EXPIRED, /* it ran out: whoever gave it may give the run to somebody else */
};

/* What to do now; in ret_wait_ms how long to wait before asking again. Renewal is tried after a third of the lease, then with
 * full jitter. `random` is any number. */
enum lease_step lease_step(const struct lease *l, boot_ms_t now, uint64_t random, int64_t *ret_wait_ms);

void lease_asked(struct lease *l, boot_ms_t now);
/* The last request was answered; the lease is now that long. */
void lease_confirmed(struct lease *l, int64_t duration_ms);
void lease_unanswered(struct lease *l);

/* Until when it holds. */
boot_ms_t lease_until(const struct lease *l);

#endif
