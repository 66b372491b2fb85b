/*
 * read.h - readers: from documents to a struct job_request, with every error at its place.
 *
 * All readers add to `diags` and go on after an error. They return 0 when there was no error (warnings are
 * fine), -EINVAL when diags->errors grew, -ENOMEM without memory. The request must be zero-initialised and is
 * freed by the caller in every case. Limits of the service are enforced here: characters of env (20,000) and
 * args (4,000), minutes (5..43,200), name (255), mounts (5, their names and targets).
 */
#ifndef JOB_READ_H
#define JOB_READ_H

#include "format/node.h"
#include "job/job.h"

/* An OCI Job document (camelCase as the API returns it; CreateJobDetails too). Fills request->job. Unknown
 * members are warnings, `x-runlet` is strict. `root` is borrowed. */
int oci_read_job(const struct node *root, struct job_request *request, struct diag_list *diags);

/* An OCI JobRun (or CreateJobRunDetails). Fills request->run. */
int oci_read_job_run(const struct node *root, struct job_request *request, struct diag_list *diags);

/*
 * An ADS job YAML (`kind: job`). Fills job, run (empty), runtime and artifact, the way ADS lands it on the
 * service: env with ${NAME} substituted, JOB_RUN_ENTRYPOINT / CODE_ENTRYPOINT / ENTRY_FUNCTION / PYTHON_PATH
 * / OUTPUT_DIR / OUTPUT_URI / WORKING_DIR / JOB_RUN_NOTEBOOK / NOTEBOOK_EXCLUDE_TAGS / NOTEBOOK_ENCODING /
 * GIT_* set, args shell-quoted into one string. `base_dir` is the YAML's folder, absolute, to which local
 * paths are relative. Unknown keys are warnings; `x-runlet` (under spec, or under runtime.spec) is strict.
 * Does not touch the file system: see artifact_resolve.
 */
int ads_read_job(const struct node *root, const char *base_dir, struct job_request *request,
                 struct diag_list *diags);

/* Whether the tree looks like an ADS YAML (a map with `kind: job` or a `spec` with `runtime`), an OCI Job or
 * JobRun. */
enum document_kind {
    DOCUMENT_UNKNOWN,
    DOCUMENT_ADS_JOB,
    DOCUMENT_OCI_JOB,
    DOCUMENT_OCI_JOB_RUN,
    DOCUMENT_ASSIGNMENT, /* {"job":..., "jobRun":..., ...}: see assignment.h */
};
enum document_kind document_kind_of(const struct node *root);

/* What a file name says: archive or single file; false when the type is not one the service takes
 * (.py .sh .jar .zip .tar .tar.gz .tgz .tar.xz .tar.zst .tar.bz2). */
bool artifact_form_of(const char *file_name, enum artifact_form *ret);

/* Looks at the parts on disk: a directory becomes ARTIFACT_DIRECTORY, a missing or unreadable file, a wrong
 * type, one over ARTIFACT_BYTES_MAX is an error. */
int artifact_resolve(struct artifact *artifact, struct diag_list *diags);

/* Sets the artifact from one path (file or directory), as `runlet run train.py` does. */
int artifact_from_path(const char *path, struct job_request *request, struct diag_list *diags);

#endif
