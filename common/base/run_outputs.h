/*
 * run_outputs.h - what of a run's home is copied away after its end.
 *
 * From `x-runlet: outputs:` of the job document.
 */
#ifndef BASE_RUN_OUTPUTS_H
#define BASE_RUN_OUTPUTS_H

#include <stdbool.h>
#include <stddef.h>

#define RUN_OUTPUTS_MAX 16

struct run_outputs {
    struct run_output {
        char *from;  /* owned: a file or folder below the home, without ".."; "." for the home itself */
        char *to;    /* owned: oci://bucket@namespace/prefix or s3://bucket/prefix; a folder */
        bool always; /* also when the job failed or was stopped */
    } item[RUN_OUTPUTS_MAX];
    size_t count;
};

void run_outputs_free(struct run_outputs *o);
#define run_outputs_auto run_outputs_free

/* Appends copies. 0, -E2BIG when there is no room, or -ENOMEM. */
int run_outputs_add(struct run_outputs *o, const char *from, const char *to, bool always);

int run_outputs_addall(struct run_outputs *o, const struct run_outputs *from);

/* Whether `from` is "." or a path without empty parts, "." , ".." and control characters that stays below the home. */
bool run_output_from_valid(const char *from);

#endif
