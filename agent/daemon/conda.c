/* conda.c - see conda.h. */
#include "daemon/conda.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/base64.h"
#include "job/conda.h"
#include "sys/fd.h"
#include "wire/entry.h"

#define PROGRAM_BYTES_MAX (64U * 1024)

static const struct artifact_part *find_part(const struct artifact *a, const char *name, const char *into)
{
    for (size_t i = 0; i < a->count; i++)
        if ((name == NULL || strcmp(a->part[i].name, name) == 0) && strcmp(a->part[i].into, into) == 0)
            return &a->part[i];
    return NULL;
}

/* Takes the strings of *source over. */
static int add_part(struct artifact *a, enum artifact_form form, const char *name, const char *into,
                    struct part_source *source, struct err *e)
{
    struct artifact_part part = {.form = form, .name = strdup(name), .into = strdup(into), .input = true};

    if (part.name == NULL || part.into == NULL || a->count == ARTIFACT_PARTS_MAX) {
        free(part.name);
        free(part.into);
        return a->count == ARTIFACT_PARTS_MAX
                   ? err_set(e, -E2BIG, BLAME_ASSIGNMENT,
                             "the job has too many inputs beside its conda environment")
                   : err_oom(e);
    }
    part.source = *source;
    *source = (struct part_source){0};
    a->part[a->count++] = part;
    return 0;
}

static int add_pack(struct artifact *a, const struct run_spec *spec, const char *folder,
                    const struct config *config, struct err *e)
{
    struct part_source source = {0};
    int r;

    if (find_part(a, NULL, folder) != NULL)
        return 0;
    r = conda_pack_uri(&spec->env, spec->conda_type, spec->conda_slug, config->conda_service_packs,
                       &source.uri, e);
    if (r == 0)
        r = add_part(a, ARTIFACT_ARCHIVE, spec->conda_slug, folder, &source, e);
    free(source.uri);
    return r;
}

static int add_program(struct artifact *a, const struct layout *layout, struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(PROGRAM_BYTES_MAX);
    AUTO(strbuf) struct strbuf encoded = STRBUF_INIT(2 * PROGRAM_BYTES_MAX);
    struct part_source source = {0};
    char path[LAYOUT_PATH_MAX + 64];
    int r;

    if (find_part(a, CONDA_PROGRAM, CONDA_PROGRAM_INTO) != NULL)
        return 0;
    (void)snprintf(path, sizeof(path), "%s/entry/" CONDA_PROGRAM, layout->libexec);
    r = file_read(AT_FDCWD, path, &text);
    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "read %s", path);
    if (base64_encode(text.data, text.len, &encoded) < 0)
        return err_oom(e);
    source.content = strdup(strbuf_str(&encoded));
    if (source.content == NULL)
        return err_oom(e);
    r = add_part(a, ARTIFACT_FILE, CONDA_PROGRAM, CONDA_PROGRAM_INTO, &source, e);
    free(source.content);
    return r;
}

int conda_add_parts(struct job_request *request, struct run_spec *spec, const struct config *config,
                    const struct layout *layout, struct err *e)
{
    AUTO_FREE char *folder = NULL;

    if (request->runtime == RUNTIME_CONTAINER || request->job.configuration.container != NULL ||
        request->run.overrides.container != NULL)
        return 0;
    if (spec->conda_type != CONDA_NONE && spec->conda_prefix == NULL) {
        if (asprintf(&folder, CONDA_INTO "/%s", spec->conda_slug) < 0)
            return err_oom(e);
        if (add_pack(&request->artifact, spec, folder, config, e) < 0)
            return e->code;
        if (asprintf(&spec->conda_prefix, JOB_HOME "/%s", folder) < 0)
            return err_oom(e);
    }
    return spec->conda_prefix != NULL ? add_program(&request->artifact, layout, e) : 0;
}
