/* request.c - see request.h. */
#include "daemon/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "daemon/conda.h"
#include "format/read.h"
#include "job/assignment.h"
#include "job/resolve.h"
#include "sys/fd.h"

#define DOCUMENT_NAME "assignment.json"

static int first_error(const struct diag_list *diags, struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(DOCUMENT_BYTES_MAX);
    char *newline;

    diag_print(diags, &text);
    newline = text.data != NULL ? strchr(text.data, '\n') : NULL;
    if (newline != NULL)
        *newline = '\0';
    return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "%s", strbuf_str(&text));
}

static int read_document(struct run *run, int64_t *ret_epoch, struct diag_list *diags, struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(DOCUMENT_BYTES_MAX);
    AUTO(node) struct node *root = NULL;
    int r = file_read(run->dir_fd, DOCUMENT_NAME, &text);

    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "read " DOCUMENT_NAME);
    root = json_read(strbuf_str(&text), text.len, diags);
    if (root == NULL)
        return first_error(diags, e);
    r = assignment_read(root, run->request, ret_epoch, diags);
    if (r == -ENOMEM)
        return err_oom(e);
    return r < 0 ? first_error(diags, e) : 0;
}

/* A path leads into the folder of whoever submits on this machine; anybody else has none here. */
static int check_paths(const struct run *run, struct err *e)
{
    const struct artifact *a = &run->request->artifact;

    if (run->history.origin == ORIGIN_QUEUE || run->history.origin == ORIGIN_FOREGROUND ||
        run->history.origin == ORIGIN_MEMBER)
        return 0;
    for (size_t i = 0; i < a->count; i++)
        if (a->part[i].path != NULL && a->part[i].form != ARTIFACT_ENTRY_PROGRAM)
            return err_set(e, -EINVAL, BLAME_ASSIGNMENT,
                           "artifact part %zu ('%s') has a path on this machine: a control plane gives a "
                           "'uri' or 'content'",
                           i + 1, a->part[i].name);
    return 0;
}

int request_load(struct run *run, const struct config *config, const struct layout *layout,
                 int64_t *ret_epoch, struct err *e)
{
    AUTO(diag) struct diag_list diags = {.file = DOCUMENT_NAME};
    char fqdn[256] = "";
    const struct run_options options = {.maximum_runtime_ms = -1, .fqdn = fqdn};
    int r;

    run->request = calloc(1, sizeof(*run->request));
    run->spec = calloc(1, sizeof(*run->spec));
    if (run->request == NULL || run->spec == NULL)
        return err_oom(e);
    r = read_document(run, ret_epoch, &diags, e);
    if (r == 0)
        r = check_paths(run, e);
    if (r < 0)
        return r;
    (void)gethostname(fqdn, sizeof(fqdn) - 1);
    r = run_resolve(run->request, &options, run->spec, &diags);
    if (r == -ENOMEM)
        return err_oom(e);
    if (r < 0)
        return first_error(&diags, e);
    if (run->request->job.multi_node)
        return 0; /* its nodes have their own */
    return conda_add_parts(run->request, run->spec, config, layout, e);
}

void request_release(struct run *run)
{
    if (run->request != NULL)
        job_request_free(run->request);
    if (run->spec != NULL)
        run_spec_free(run->spec);
    free(run->request);
    free(run->spec);
    run->request = NULL;
    run->spec = NULL;
}
