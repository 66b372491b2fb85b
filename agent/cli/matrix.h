/*
 * matrix.h - one job, handed in once for each combination of some variables' values.
 *
 *   --matrix lr=0.1,0.01 --matrix layers=2,4      ID-1 ... ID-4, NAME[lr=0.1,layers=2] ... NAME[lr=0.01,layers=4]
 */
#ifndef CLI_MATRIX_H
#define CLI_MATRIX_H

#include "base/err.h"
#include "base/strlist.h"
#include "cli/cli.h"
#include "job/job.h"

#define MATRIX_AXES_MAX 16
#define MATRIX_RUNS_MAX 1000

struct matrix {
    struct {
        char *key; /* owned */
        struct strlist value;
    } axis[MATRIX_AXES_MAX];
    size_t axes;
    size_t count;    /* of runs; 1 without axes */
    char *id, *name; /* owned: of the whole; NULL until matrix_check */
};

void matrix_free(struct matrix *m);
#define matrix_auto matrix_free

/* Reads --matrix. 0, or negative with *e: no name, no values, one name twice, too many combinations. */
int matrix_read(const struct cli *cli, struct matrix *m, struct err *e);

/* Remembers the request's id and name, and checks that every combination can be a run. 0, or negative with *e. */
int matrix_check(struct matrix *m, struct job_request *request, struct err *e);

/* Makes the request that of combination i: its id, its name, its variables. The last axis moves fastest. */
int matrix_take(const struct matrix *m, size_t i, struct job_request *request, struct err *e);

#endif
