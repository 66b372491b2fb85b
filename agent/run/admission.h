/*
 * admission.h - whether this node takes up another run now. Pure.
 */
#ifndef RUN_ADMISSION_H
#define RUN_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct admission {
    size_t concurrency; /* runs at a time */
    size_t active;      /* runs that were started and have not finished, each node of one counted */
    size_t places;      /* nodes of the run in question: it is taken up whole, or not */
    bool stopping;      /* the agent is being shut down */
    bool going_down;    /* the machine goes down */
    bool drained;       /* somebody wants the node to be emptied */
    bool attention;     /* a run of this boot left something that could not be ended or freed */
    bool taken_away;    /* the provider has given notice */
    bool leaving;       /* the agent's work here is done */
    bool unfit;         /* a check of the node's health keeps runs away */
    uint64_t disk_free; /* bytes where run directories go */
    uint64_t disk_reserve;
};

enum admission_answer {
    ADMIT = 0,
    ADMIT_NOT_FULL,       /* as many runs as the node takes */
    ADMIT_NOT_STOPPING,   /* the agent is going away */
    ADMIT_NOT_GOING_DOWN, /* the machine goes down */
    ADMIT_NOT_TAKEN_AWAY, /* the provider takes the machine back */
    ADMIT_NOT_DRAINED,    /* the node is to be emptied */
    ADMIT_NOT_ATTENTION,  /* the node is not as it should be, and needs a look */
    ADMIT_NOT_LEAVING,    /* the node is being left */
    ADMIT_NOT_FIT,        /* the node's health */
    ADMIT_NOT_DISK,       /* too little space for logs and records of another run */
};

enum admission_answer admission_decide(const struct admission *a);

/* For people: why no run is taken up; "" for ADMIT. */
const char *admission_text(enum admission_answer answer);

#endif
