/*
 * plan_print.h - what `runlet run --dry-run` shows: the whole plan, for people or as JSON.
 */
#ifndef CLI_PLAN_PRINT_H
#define CLI_PLAN_PRINT_H

#include <stdio.h>

#include "job/job.h"
#include "wire/plan.h"

/* Prints files, command, directory, every variable with its layer, limits and deadline. Values of variables
 * whose names look like secrets are masked; control characters are escaped. `color` as style_wanted() says.
 */
void plan_print_text(const struct plan *plan, const struct run_spec *spec, bool color, FILE *out);

/* The same as one JSON object. 0 or -ENOMEM, with nothing written. */
int plan_print_json(const struct plan *plan, const struct run_spec *spec, FILE *out);

/* One of the two. 0 or -ENOMEM. */
int plan_print(const struct plan *plan, const struct run_spec *spec, bool json, FILE *out);

#endif
