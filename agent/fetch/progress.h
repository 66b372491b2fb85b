/*
 * progress.h - how far a transfer is: its rate and the time it still takes. Pure; and the note of it that `runlet status`
 * reads.
 */
#ifndef FETCH_PROGRESS_H
#define FETCH_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/fact.h"

/* The rate is that of the last some seconds. */
#define PROGRESS_SAMPLES 8

struct progress {
    char source[256]; /* as it may be shown */
    char name[256];   /* of the file */
    uint64_t bytes;   /* here so far */
    int64_t total;    /* -1: unknown */
    int64_t attempt;  /* 1 for the first */
    bool waiting;     /* for another run, which fetches the same */
    struct {
        boot_ms_t at;
        uint64_t bytes;
    } sample[PROGRESS_SAMPLES];
    unsigned samples; /* in all */
};

/* Notes where it is now; call about once a second. */
void progress_sample(struct progress *p, boot_ms_t now);

/* Bytes a second; -1: not known yet. */
int64_t progress_rate(const struct progress *p);

/* Milliseconds that the rest takes at this rate; -1: not known. */
int64_t progress_left_ms(const struct progress *p);

/* The note, as one fact. */
void progress_put(const struct progress *p, struct strbuf *out);

#endif
