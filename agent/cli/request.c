/* request.c - see request.h. */
#include "cli/request.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "format/node.h"
#include "format/read.h"
#include "job/assignment.h"
#include "job/read.h"
#include "sys/fd.h"

#define NOWHERE ((struct diag_where){0})

static bool ends_in(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);

    return n > m && strcmp(path + n - m, suffix) == 0;
}

static bool is_document(const char *path)
{
    return ends_in(path, ".yaml") || ends_in(path, ".yml") || ends_in(path, ".json");
}

/* The whole file; -EINVAL with a diagnostic when that is impossible. */
static int read_text(const char *path, struct strbuf *text, struct diag_list *diags)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char words[128];
    int r = fd < 0 ? -errno : fd_read_all(fd, text);

    if (r == 0 || r == -ENOMEM)
        return r;
    if (r == -E2BIG)
        diag_error(diags, NOWHERE, "is larger than a document may be (%u bytes)", DOCUMENT_BYTES_MAX);
    else
        diag_error(diags, NOWHERE, "cannot be read: %s", strerror_r(-r, words, sizeof(words)));
    return -EINVAL;
}

/* The document as a tree; `path` becomes the file of the diagnostics. */
static int read_tree(const char *path, struct node **ret, struct diag_list *diags)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(DOCUMENT_BYTES_MAX);
    size_t errors = diags->errors;
    int r;

    diags->file = path;
    r = read_text(path, &text, diags);
    if (r < 0)
        return r;
    *ret = ends_in(path, ".json") ? json_read(strbuf_str(&text), text.len, diags)
                                  : yaml_read(strbuf_str(&text), text.len, diags);
    if (*ret != NULL)
        return 0;
    return diags->errors > errors ? -EINVAL : -ENOMEM;
}

/* The absolute folder of a file that exists; malloc'd. */
static char *folder_of(const char *path)
{
    char *full = realpath(path, NULL);
    char *slash = full != NULL ? strrchr(full, '/') : NULL;

    if (slash != NULL)
        slash[slash == full ? 1 : 0] = '\0';
    return full;
}

static int read_ads(const char *path, const struct node *root, struct job_request *ret,
                    struct diag_list *diags)
{
    AUTO_FREE char *folder = folder_of(path);
    int r, resolved;

    if (folder == NULL)
        return -ENOMEM;
    r = ads_read_job(root, folder, ret, diags);
    if (r == -ENOMEM)
        return r;
    resolved = artifact_resolve(&ret->artifact, diags);
    return resolved < 0 ? resolved : r;
}

/* What a control plane hands to nodes is not for a person to run, but may be looked at. */
static int read_assignment(const struct cli *cli, const struct node *root, struct job_request *ret,
                           struct diag_list *diags)
{
    int64_t epoch;

    if (strcmp(cli->verb->name, "validate") == 0)
        return assignment_read(root, ret, &epoch, diags);
    diag_error(diags, NOWHERE, "is an assignment, which only the agent executes");
    return -EINVAL;
}

/* FILE alone, a document. */
static int read_document(const struct cli *cli, const char *path, struct job_request *ret,
                         struct diag_list *diags)
{
    AUTO(node) struct node *root = NULL;
    int r = read_tree(path, &root, diags);

    if (r < 0)
        return r;
    switch (document_kind_of(root)) {
    case DOCUMENT_ADS_JOB: return read_ads(path, root, ret, diags);
    case DOCUMENT_OCI_JOB: return oci_read_job(root, ret, diags);
    case DOCUMENT_OCI_JOB_RUN: return oci_read_job_run(root, ret, diags);
    case DOCUMENT_ASSIGNMENT: return read_assignment(cli, root, ret, diags);
    case DOCUMENT_UNKNOWN: break;
    }
    diag_error(diags, NOWHERE, "expected a job YAML (kind: job) or an OCI Job or JobRun document");
    return -EINVAL;
}

typedef int document_reader(const struct node *root, struct job_request *request, struct diag_list *diags);

static int read_oci(const char *path, document_reader *reader, struct job_request *ret,
                    struct diag_list *diags)
{
    AUTO(node) struct node *root = NULL;
    int r = path != NULL ? read_tree(path, &root, diags) : 0;

    return r == 0 && path != NULL ? reader(root, ret, diags) : r;
}

/* --job, --run and the artifact: all three are read, so that all their errors are seen. */
static int read_parts(const struct cli *cli, const char *artifact, struct job_request *ret,
                      struct diag_list *diags)
{
    int job = read_oci(cli_value(cli, "job"), oci_read_job, ret, diags);
    int run = job != -ENOMEM ? read_oci(cli_value(cli, "run"), oci_read_job_run, ret, diags) : job;
    int file = 0;

    diags->file = NULL;
    if (artifact != NULL && run != -ENOMEM)
        file = artifact_from_path(artifact, ret, diags);
    return job < 0 ? job : run < 0 ? run : file;
}

int cli_read_request(const struct cli *cli, struct job_request *ret, struct diag_list *diags)
{
    const char *file = cli_arg(cli, 0);
    const char *former = diags->file;
    bool documents = cli_value(cli, "job") != NULL || cli_value(cli, "run") != NULL;
    int r;

    if (file == NULL && !documents) {
        diag_error(diags, NOWHERE, "nothing to read: name a FILE, or documents with --job and --run");
        r = -EINVAL;
    } else if (file != NULL && !documents && is_document(file)) {
        r = read_document(cli, file, ret, diags);
    } else {
        r = read_parts(cli, file, ret, diags);
    }
    diags->file = former;
    return r;
}
