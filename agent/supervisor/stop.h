/*
 * stop.h - the stop ladder: what to do next to a run that must end. Pure.
 *
 * asked -> first signal (to the main process, or to the whole tree), further ones in their time -> grace -> SIGKILL to the tree -> a
 * moment for init to reap -> SIGKILL to init, with which the kernel ends whatever is left -> budget -> give
 * up: unkillable. A main process that ended by itself leads to the same ladder for what it left behind.
 */
#ifndef SUPERVISOR_STOP_H
#define SUPERVISOR_STOP_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/stop_signals.h"

enum stop_action {
    STOP_WAIT = 0,    /* nothing until next_at */
    STOP_SIGNAL_MAIN, /* the first signal, to the main process */
    STOP_SIGNAL_TREE, /* the first signal, to all */
    STOP_KILL_TREE,
    STOP_KILL_INIT,
    STOP_GIVE_UP,
    STOP_SIGNAL_NEXT, /* the next of the further signals, to whom the first went; last, because journals hold the numbers */
};

struct stop_policy {
    int64_t
        grace_ms; /* from the first signal to the kill; further signals that would be later are not sent */
    struct stop_signals then;
    bool whole_tree;
    int64_t reap_ms;        /* between the kill of the tree and the kill of init */
    int64_t kill_budget_ms; /* from the kill of the tree until giving up */
};

struct stop_progress {
    bool main_ended;
    bool signalled;   /* the first signal was sent, at signalled_at */
    size_t then_sent; /* of the further signals */
    bool hurry;       /* "kill now": the rest of the grace is skipped */
    bool killed_tree;
    bool killed_init;
    boot_ms_t signalled_at;
    boot_ms_t killed_at; /* when the tree was killed */
};

struct stop_step {
    enum stop_action action;
    boot_ms_t next_at; /* with STOP_WAIT: ask again then */
};

struct stop_step stop_next(const struct stop_policy *policy, const struct stop_progress *so_far,
                           boot_ms_t now);

#endif
