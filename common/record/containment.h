/*
 * containment.h - what a run was really contained by: every limit and wall, as it was read back.
 *
 * The supervisor notes each as a fact `contained` in its journal, before the job's first instruction; so it is part of
 * the run's record.
 */
#ifndef RECORD_CONTAINMENT_H
#define RECORD_CONTAINMENT_H

#include <stddef.h>

#include "base/err.h"
#include "record/journal.h"

#define CONTAINMENT_EVENT     "contained"
#define CONTAINMENT_ITEMS_MAX 96
#define CONTAINMENT_TEXT_MAX  96

enum containment_state {
    CONTAINMENT_APPLIED = 0, /* it was read back as it was asked for */
    CONTAINMENT_CAPPED,      /* the node allowed less than was asked for; that holds */
    CONTAINMENT_MISSING,     /* this machine could not, and the policy takes its best effort */
    CONTAINMENT_STATE_COUNT,
};

struct containment_fact {
    char name[48]; /* "memory", "seccomp" */
    enum containment_state state;
    char value[CONTAINMENT_TEXT_MAX]; /* what holds, or why it is missing; may be empty */
    char by[32];                      /* "cgroup-v2", "rlimit"; may be empty */
};

struct containment_list {
    struct containment_fact *item; /* owned */
    size_t count;
};

void containment_free(struct containment_list *list);
#define containment_auto containment_free

/* "applied", "capped", "missing". */
const char *containment_state_name(enum containment_state state);

/* Appends a fact; texts are cut to their fields. 0 or -ENOMEM, -E2BIG when there are too many. */
int containment_add(struct containment_list *list, const char *name, enum containment_state state,
                    const char *value, const char *by);

/* Appends the facts to a journal, not durably: they are evidence. 0 or negative with *e. */
int containment_note(const struct containment_list *list, struct journal *journal, wall_ms_t now,
                     struct err *e);

/* Reads a fact `contained`. 0 or -EBADMSG. */
int containment_from_fact(const struct fact *f, struct containment_fact *ret);

/* Takes a fact of a journal up, if it is one of these. 0 or as containment_add. */
int containment_take(const struct fact *f, struct containment_list *ret);

#endif
