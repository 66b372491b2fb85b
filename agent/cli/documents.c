/* documents.c - see documents.h: reading the documents. */
#include "cli/documents.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/strbuf.h"
#include "format/read.h"
#include "job/read.h"
#include "sys/fd.h"

enum document_use {
    USE_JOB_YAML,
    USE_OCI_JOB,
    USE_OCI_JOB_RUN,
};

static bool has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name), s = strlen(suffix);

    return n > s && strcmp(name + n - s, suffix) == 0;
}

static int read_text(const char *path, struct strbuf *text, struct err *e)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    int r = fd < 0 ? -errno : fd_read_all(fd, text);

    if (r == -E2BIG)
        return err_set(e, r, BLAME_ASSIGNMENT, "%s: a job document is at most %u bytes long", path, DOCUMENT_BYTES_MAX);
    return r < 0 ? err_errno(e, -r, BLAME_ASSIGNMENT, "read %s", path) : 0;
}

/* The absolute folder of `path`, malloc'd; NULL with errno. */
static char *folder_of(const char *path)
{
    char *absolute = realpath(path, NULL);
    char *slash = absolute != NULL ? strrchr(absolute, '/') : NULL;

    if (slash == absolute && absolute != NULL)
        slash++;
    if (slash != NULL)
        *slash = '\0';
    return absolute;
}

static int read_as(const struct node *root, const char *path, enum document_use use, struct job_request *request,
                   struct diag_list *diags, struct err *e)
{
    AUTO_FREE char *folder = NULL;

    if (use == USE_OCI_JOB)
        return oci_read_job(root, request, diags);
    if (use == USE_OCI_JOB_RUN)
        return oci_read_job_run(root, request, diags);
    folder = folder_of(path);
    if (folder == NULL)
        return err_errno(e, errno, BLAME_ASSIGNMENT, "find the folder of %s", path);
    return ads_read_job(root, folder, request, diags);
}

static int load_document(const char *path, enum document_use use, struct job_request *request, struct diag_list *diags,
                         struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(DOCUMENT_BYTES_MAX);
    AUTO(node) struct node *root = NULL;
    int r = read_text(path, &text, e);

    if (r < 0)
        return r;
    diags->file = path;
    root = use == USE_JOB_YAML ? yaml_read(strbuf_str(&text), text.len, diags)
                               : json_read(strbuf_str(&text), text.len, diags);
    if (root == NULL)
        return -EINVAL;
    return read_as(root, path, use, request, diags, e);
}

/* What FILE itself is, when there is no --job. */
static int load_file(const char *file, struct job_request *request, struct diag_list *diags, struct err *e)
{
    if (has_suffix(file, ".yaml") || has_suffix(file, ".yml"))
        return load_document(file, USE_JOB_YAML, request, diags, e);
    if (has_suffix(file, ".json"))
        return load_document(file, USE_OCI_JOB, request, diags, e);
    diags->file = NULL;
    return artifact_from_path(file, request, diags);
}

/* Errors of one document do not hide those of the next. */
static void keep_worst(int *worst, int r)
{
    if (r < 0 && (*worst == 0 || *worst == -EINVAL))
        *worst = r;
}

int documents_load(const struct cli *cli, struct job_request *ret, struct diag_list *diags, struct err *e)
{
    const char *file = cli_arg(cli, 0);
    const char *job = cli_value(cli, "job");
    const char *run = cli_value(cli, "run");
    int worst = 0;

    if (file == NULL && job == NULL)
        return err_set(e, -ENOENT, BLAME_ASSIGNMENT, "nothing to run: a FILE or --job is needed");
    if (job != NULL)
        keep_worst(&worst, load_document(job, USE_OCI_JOB, ret, diags, e));
    if (run != NULL)
        keep_worst(&worst, load_document(run, USE_OCI_JOB_RUN, ret, diags, e));
    if (file != NULL && job != NULL) {
        diags->file = NULL;
        keep_worst(&worst, artifact_from_path(file, ret, diags));
    } else if (file != NULL) {
        keep_worst(&worst, load_file(file, ret, diags, e));
    }
    diags->file = NULL;
    if (worst == 0 && ret->artifact.count > 0)
        keep_worst(&worst, artifact_resolve(&ret->artifact, diags));
    return worst;
}
