/*
 * resolve.h - job and run, layered: from a struct job_request to the one struct run_spec that is executed.
 * Pure.
 *
 * The run's environment is laid over the job's key by key; the run's arguments replace the job's whole.
 * Arguments are split as POSIX shell words without any expansion. The platform's own variables (JOB_OCID,
 * JOB_RUN_OCID, PROJECT_OCID, PROJECT_COMPARTMENT_OCID, JOB_COMPARTMENT_OCID, JOB_RUN_COMPARTMENT_OCID,
 * TENANCY_OCID, JOB_ARTIFACT_FILE_NAME, FQDN, NODE_RANK=0, INITIAL_CLUSTER_SIZE=1, RUNLET_ATTEMPT) cannot be overridden;
 * those without a value are not set.
 */
#ifndef JOB_RESOLVE_H
#define JOB_RESOLVE_H

#include "format/diag.h"
#include "job/job.h"

/* What people say on the command line, above both documents. */
struct run_options {
    const struct strlist *args; /* NULL: not given. Replaces all arguments. */
    const struct env *env;      /* NULL or layer ENV_RUN */
    const char *entrypoint;     /* NULL: not given */
    int64_t maximum_runtime_ms; /* -1: not given */
    const char *name;           /* NULL: not given */
    const char *fqdn;           /* of this node; NULL: unknown */
    const char *attempt;        /* which execution of the run it is, in digits; NULL: the first */
};

/* Resolves. Errors (unbalanced quotes, too many characters together) go to diags; 0, -EINVAL or -ENOMEM. */
int run_resolve(const struct job_request *request, const struct run_options *options, struct run_spec *ret,
                struct diag_list *diags);

/* The variable that tells a runtime its entry file: JOB_RUN_ENTRYPOINT, or what the entry program reads. */
const char *entry_variable(enum job_runtime runtime);

/* Splits one string into POSIX shell words: blanks separate, '...' "..." and backslash quote; no expansion,
 * no comments, no operators. 0, -EINVAL (unfinished quote; *ret_at is its byte offset) or -ENOMEM. */
int shell_words_split(const char *text, struct strlist *ret, size_t *ret_at);

/* The inverse: words quoted as Python's shlex.quote does, joined by blanks; malloc'd, NULL without memory. */
char *shell_words_join(const struct strlist *words);

/* ADS's substitution of ${NAME} among one set: `$$` is `$`, a lone `$` stays; values put in are substituted
 * too, ten deep; an unknown name stays, and so does the rest of that value. In place. 0, -E2BIG (grows out of
 * bounds; the set is left as it was) or -ENOMEM. */
int env_substitute(struct env *env);

#endif
