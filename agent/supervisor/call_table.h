/*
 * call_table.h - the system calls a job may make, and why the others are denied, as data. Pure.
 *
 * In the manner of the container engines' default profiles: what programs need, without what reaches past the run.
 * Names, not numbers: a call that an architecture or the library does not have is passed over.
 */
#ifndef SUPERVISOR_CALL_TABLE_H
#define SUPERVISOR_CALL_TABLE_H

#include <stdbool.h>
#include <stddef.h>

/* The calls a job may make whatever their arguments. `ret_count` names. */
const char *const *allowed_calls(size_t *ret_count);

/* Calls that answer "not implemented" and are not reported: programs have another way and take it. */
const char *const *absent_calls(size_t *ret_count);

/* Calls allowed with some arguments only; the filter knows which. */
const char *const *guarded_calls(size_t *ret_count);

/* What a profile that names its calls has anyway: without them no program starts and ends. */
const char *const *needed_calls(size_t *ret_count);

/* Why a call is denied: "debugging other processes". Never NULL. */
const char *denial_rule(const char *call);

/* The i-th reason, with its calls up to a NULL; NULL at the end. For the documentation and tests. */
const char *const *denial_group(size_t i, const char **ret_rule);

#endif
