/* artifact.c - see read.h: what a path is as an artifact, by its name and on disk. */
#include "job/read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/parse.h"
#include "job/parts.h"

#define TYPES_TEXT ".py, .sh, .jar, .zip, .tar, .tar.gz, .tgz, .tar.xz, .tar.zst, .tar.bz2"

static bool ends_in(const char *name, const char *suffix)
{
    size_t n = strlen(name);
    size_t s = strlen(suffix);

    return n > s && strcmp(name + n - s, suffix) == 0;
}

bool artifact_form_of(const char *file_name, enum artifact_form *ret)
{
    static const struct {
        const char *suffix;
        enum artifact_form form;
    } TYPES[] = {{".py", ARTIFACT_FILE},        {".sh", ARTIFACT_FILE},        {".jar", ARTIFACT_FILE},
                 {".zip", ARTIFACT_ARCHIVE},    {".tar", ARTIFACT_ARCHIVE},    {".tar.gz", ARTIFACT_ARCHIVE},
                 {".tgz", ARTIFACT_ARCHIVE},    {".tar.xz", ARTIFACT_ARCHIVE}, {".tar.zst", ARTIFACT_ARCHIVE},
                 {".tar.bz2", ARTIFACT_ARCHIVE}};

    for (size_t i = 0; i < ARRAY_SIZE(TYPES); i++)
        if (ends_in(file_name, TYPES[i].suffix)) {
            *ret = TYPES[i].form;
            return true;
        }
    return false;
}

enum artifact_form artifact_guess(const char *path)
{
    enum artifact_form form = ARTIFACT_DIRECTORY;

    if (!artifact_form_of(path, &form) && ends_in(path, ".ipynb"))
        form = ARTIFACT_FILE;
    return form;
}

char *path_name(const char *path)
{
    size_t n = strlen(path);
    size_t start;

    while (n > 1 && path[n - 1] == '/')
        n--;
    start = n;
    while (start > 0 && path[start - 1] != '/')
        start--;
    return strndup(path + start, n - start);
}

int artifact_add(struct artifact *a, enum artifact_form form, const char *path, const char *name,
                 const char *into)
{
    struct artifact_part part = {.form = form};

    if (a->count == ARTIFACT_PARTS_MAX)
        return -E2BIG;
    part.path = path != NULL ? strdup(path) : NULL;
    part.name = strdup(name);
    part.into = strdup(into);
    if ((path != NULL && part.path == NULL) || part.name == NULL || part.into == NULL) {
        free(part.path);
        free(part.name);
        free(part.into);
        return -ENOMEM;
    }
    a->part[a->count++] = part;
    return 0;
}

/* ---- on disk ---- */

static const struct diag_where NOWHERE = {0};

static struct diag_where where_of(const struct artifact_part *part)
{
    return (struct diag_where){.line = part->line, .column = part->column};
}

/* A part that turns out to be a directory goes where archives go; the service would get a zip of it. */
static int become_directory(struct artifact *a, struct artifact_part *part)
{
    if (part->form == ARTIFACT_DIRECTORY)
        return 0;
    part->form = ARTIFACT_DIRECTORY;
    if (part->into[0] == '\0') {
        char *into = strdup(INTO_ARCHIVE);
        if (into == NULL)
            return -ENOMEM;
        free(part->into);
        part->into = into;
    }
    if (a->file_name != NULL && strcmp(a->file_name, part->name) == 0) {
        AUTO(strbuf) struct strbuf name = STRBUF_INIT(1024);
        strbuf_addf(&name, "%s.zip", part->name);
        free(a->file_name);
        a->file_name = strbuf_take(&name);
        if (a->file_name == NULL)
            return -ENOMEM;
    }
    return 0;
}

static void check_file(const struct artifact_part *part, const struct stat *st, struct diag_list *diags)
{
    enum artifact_form form;

    if (!artifact_form_of(part->name, &form) && !ends_in(part->name, ".ipynb"))
        diag_error(diags, where_of(part),
                   "%s: not a type of artifact: expected " TYPES_TEXT " or a directory", part->path);
    else if ((uint64_t)st->st_size > ARTIFACT_BYTES_MAX)
        diag_error(diags, where_of(part), "%s: %lld bytes are over the limit of 4 GB for an artifact",
                   part->path, (long long)st->st_size);
    else if (access(part->path, R_OK) < 0)
        diag_error(diags, where_of(part), "%s: cannot be read: %m", part->path);
}

static int resolve_part(struct artifact *a, struct artifact_part *part, struct diag_list *diags)
{
    struct stat st;

    if (part->form == ARTIFACT_ENTRY_PROGRAM || part->path == NULL)
        return 0;
    if (stat(part->path, &st) < 0) {
        diag_error(diags, where_of(part), "%s: %m", part->path);
        return 0;
    }
    if (S_ISDIR(st.st_mode)) {
        if (access(part->path, R_OK | X_OK) < 0)
            diag_error(diags, where_of(part), "%s: cannot be read: %m", part->path);
        return become_directory(a, part);
    }
    if (S_ISREG(st.st_mode))
        check_file(part, &st, diags);
    else
        diag_error(diags, where_of(part), "%s: expected a file or a directory", part->path);
    return 0;
}

int artifact_resolve(struct artifact *artifact, struct diag_list *diags)
{
    size_t errors = diags->errors;

    for (size_t i = 0; i < artifact->count; i++) {
        int r = resolve_part(artifact, &artifact->part[i], diags);
        if (r < 0)
            return r;
    }
    return diags->errors > errors ? -EINVAL : 0;
}

/* ---- entry programs ---- */

/* Each with the modules it imports; driver_python.py turns to the notebook's program when it is given one. */
static const struct {
    const char *program;
    const char *modules[4];
} ENTRY_PROGRAMS[] = {
    {ENTRY_PYTHON, {ENTRY_NOTEBOOK, ENTRY_COMMON}},
    {ENTRY_NOTEBOOK, {ENTRY_COMMON}},
    {ENTRY_GIT, {ENTRY_PYTHON, ENTRY_NOTEBOOK, ENTRY_COMMON}},
    {ENTRY_PYTORCH, {ENTRY_GIT, ENTRY_PYTHON, ENTRY_NOTEBOOK, ENTRY_COMMON}},
};

int artifact_add_entry_program(struct artifact *a, const char *program)
{
    int r = artifact_add(a, ARTIFACT_ENTRY_PROGRAM, program, program, INTO_ARCHIVE);

    for (size_t i = 0; i < ARRAY_SIZE(ENTRY_PROGRAMS); i++) {
        const char *const *modules = ENTRY_PROGRAMS[i].modules;
        if (strcmp(program, ENTRY_PROGRAMS[i].program) != 0)
            continue;
        for (size_t k = 0; r == 0 && k < ARRAY_SIZE(ENTRY_PROGRAMS[i].modules) && modules[k] != NULL; k++)
            r = artifact_add(a, ARTIFACT_ENTRY_PROGRAM, modules[k], modules[k], INTO_ARCHIVE);
    }
    return r;
}

/* ---- a bare path ---- */

/* A lone notebook runs as ADS's notebook runtime runs it. */
static int from_notebook(const char *path, const char *name, struct job_request *request)
{
    struct env *env = &request->job.configuration.env;
    int r = artifact_add(&request->artifact, ARTIFACT_FILE, path, name, INTO_CODE);

    if (r == 0)
        r = artifact_add_entry_program(&request->artifact, ENTRY_NOTEBOOK);
    if (r == 0)
        r = env_set(env, ENV_JOB, "JOB_RUN_NOTEBOOK", name);
    if (r == 0)
        r = env_set(env, ENV_JOB, "JOB_RUN_ENTRYPOINT", ENTRY_NOTEBOOK);
    request->runtime = RUNTIME_NOTEBOOK;
    return r;
}

static int from_name(const char *path, const char *name, struct job_request *request)
{
    enum artifact_form form = artifact_guess(path);

    if (ends_in(name, ".ipynb"))
        return from_notebook(path, name, request);
    return artifact_add(&request->artifact, form, path, name, form == ARTIFACT_FILE ? "" : INTO_ARCHIVE);
}

/* Links are not followed: the name the person typed is the artifact's name. "." and ".." have none, so they
 * are. */
static char *absolute(const char *path)
{
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(8192);
    AUTO_FREE char *name = path_name(path);
    AUTO_FREE char *cwd = NULL;

    if (name == NULL)
        return NULL;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return realpath(path, NULL);
    if (path[0] != '/') {
        cwd = get_current_dir_name();
        if (cwd == NULL)
            return NULL;
        strbuf_addf(&out, "%s/", cwd);
    }
    strbuf_addstr(&out, path);
    while (out.len > 1 && out.data[out.len - 1] == '/')
        out.data[--out.len] = '\0';
    return strbuf_take(&out);
}

int artifact_from_path(const char *path, struct job_request *request, struct diag_list *diags)
{
    AUTO_FREE char *full = NULL;
    AUTO_FREE char *name = NULL;
    struct stat st;
    size_t first;
    int r;

    if (path[0] == '\0' || !utf8_valid(path, strlen(path))) {
        diag_error(diags, NOWHERE, path[0] == '\0' ? "the path is empty" : "the path is not UTF-8 text");
        return -EINVAL;
    }
    if (stat(path, &st) < 0) {
        diag_error(diags, NOWHERE, "%s: %m", path);
        return -EINVAL;
    }
    full = absolute(path);
    name = full != NULL ? path_name(full) : NULL;
    if (name == NULL)
        return -ENOMEM;
    if (!S_ISDIR(st.st_mode) && (ends_in(name, ".yaml") || ends_in(name, ".yml") || ends_in(name, ".json"))) {
        diag_error(diags, NOWHERE,
                   "%s: a document, not an artifact: expected " TYPES_TEXT ", .ipynb or a directory", path);
        return -EINVAL;
    }
    artifact_drop_code(&request->artifact);
    configuration_init(&request->job.configuration);
    configuration_init(&request->run.overrides);
    if (request->job.infra.block_storage_gb == 0)
        request->job.infra.block_storage_gb = -1;
    first = request->artifact.count;
    r = S_ISDIR(st.st_mode) ? artifact_add(&request->artifact, ARTIFACT_FILE, full, name, "")
                            : from_name(full, name, request);
    request->artifact.file_name = strdup(name);
    if (r < 0 || request->artifact.file_name == NULL)
        return -ENOMEM;
    request->artifact.part[first].flatten = S_ISDIR(st.st_mode);
    return artifact_resolve(&request->artifact, diags);
}
