/*
 * stop_signals.h - what a run that must end is sent after its first stop signal and before SIGKILL.
 *
 * From `x-runlet: stopThen:` of the job document: an INT, say, then a TERM for what did not listen.
 */
#ifndef BASE_STOP_SIGNALS_H
#define BASE_STOP_SIGNALS_H

#include <stddef.h>
#include <stdint.h>

#define STOP_SIGNALS_MAX 4

struct stop_signals {
    struct {
        int signal;
        int64_t after_ms; /* the first stop signal; later than the entry before */
    } item[STOP_SIGNALS_MAX];
    size_t count;
};

#endif
