/*
 * leave.h - whether the agent's work on this machine is done, and what becomes of the machine then. Pure.
 *
 * A machine that was made for one run goes when that run's end was taken; one that is idle for too long goes as well. Never while a
 * run is here in any way: at work, waiting, or ended and not reported.
 */
#ifndef RUN_LEAVE_H
#define RUN_LEAVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

enum leave_action {
    LEAVE_WAIT = 0, /* stay, and take up the next run */
    LEAVE_EXIT,     /* the agent ends */
    LEAVE_POWEROFF, /* the agent ends, and the machine is switched off */
    LEAVE_COMMAND,  /* a program is run, and the agent ends when it has succeeded */
};

/* With which the agent then exits: its service manager starts no further one, and for the second switches the machine off. */
#define LEAVE_STATUS_EXIT     80
#define LEAVE_STATUS_POWEROFF 81

struct leave_state {
    enum leave_action after_run;
    int64_t idle_ms; /* 0: any time */
    enum leave_action idle_action;
    bool served; /* a run has finished here in this boot */
    bool busy;   /* a run is here */
    boot_ms_t idle_since, now;
};

enum leave_action leave_decide(const struct leave_state *s);

/* "wait", "exit", "poweroff", "command"; anything else is wait. */
enum leave_action leave_action_of(const char *name);

#endif
