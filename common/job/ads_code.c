/* ads_code.c - see ads.h: the runtimes script, python, notebook and gitPython, and how each lands as an
 * artifact. */
#include "job/ads.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/uri.h"
#include "format/json_out.h"

struct mapping {
    const char *key;
    const char *variable;
};

/* The members that go into the environment of the entry program under another name. */
static const struct mapping CODE[] = {
    {"entryFunction", "ENTRY_FUNCTION"}, {"pythonPath", "PYTHON_PATH"}, {"outputDir", "OUTPUT_DIR"},
    {"outputUri", "OUTPUT_URI"},         {"workingDir", "WORKING_DIR"},
};
static const struct mapping GIT[] = {
    {"url", "GIT_URL"},
    {"branch", "GIT_BRANCH"},
    {"commit", "GIT_COMMIT"},
    {"gitSecretId", "GIT_SECRET_OCID"},
    {"entrypoint", "GIT_ENTRYPOINT"},
    {"codeDir", "CODE_DIR"},
};

/* ---- members ---- */

static void map_one(struct ads *ads, const struct mapping *m)
{
    struct reader *rd = &ads->rd;
    const struct node *n = field(rd, ads->runtime, m->key);
    AUTO(strbuf) struct strbuf joined = STRBUF_INIT(DOCUMENT_BYTES_MAX);
    AUTO(strlist) struct strlist items = {0};
    AUTO_FREE char *text = NULL;

    if (n == NULL)
        return;
    if (n->kind != NODE_SEQ || strcmp(m->key, "pythonPath") != 0) {
        field_text(rd, ads->runtime, m->key, &text);
    } else {
        field_strings(rd, ads->runtime, m->key, &items);
        for (size_t i = 0; i < items.count; i++)
            strbuf_addf(&joined, "%s%s", i > 0 ? ":" : "", items.item[i]);
        text = strbuf_take(&joined);
    }
    if (text != NULL && text[0] != '\0')
        ads_set(ads, m->variable, text, n);
}

static void map_all(struct ads *ads, const struct mapping *m, size_t count)
{
    for (size_t i = 0; i < count; i++)
        map_one(ads, &m[i]);
}

/* The file to run stands inside the code. */
static void check_entrypoint(struct ads *ads)
{
    const struct node *n = field(&ads->rd, ads->runtime, "entrypoint");

    if (n != NULL && n->kind == NODE_STRING && n->text[0] != '\0' && !inner_path_valid(n->text))
        diag_error(ads->rd.diags, node_where(n),
                   "'entrypoint': '%.80s' must be a path inside the code: relative, without '..'", n->text);
}

static bool given(const struct ads *ads, const char *key)
{
    const struct node *n = field(&ads->rd, ads->runtime, key);

    return n != NULL && !(n->kind == NODE_STRING && n->text[0] == '\0');
}

static void missing(struct ads *ads, const char *key, const char *why)
{
    if (field(&ads->rd, ads->runtime, key) == NULL)
        diag_error(ads->rd.diags, node_where(ads->runtime), "'%s' is missing: %s", key, why);
}

/* ---- artifact ---- */

static void add(struct ads *ads, enum artifact_form form, const char *path, const char *name,
                const char *into, const struct node *at)
{
    struct artifact *a = &ads->request->artifact;

    bool remote = uri_has_scheme(path);

    if (remote && form == ARTIFACT_DIRECTORY) {
        diag_error(ads->rd.diags, node_where(at),
                   "'%.60s' is not a type of artifact that can be fetched: expected " FETCHED_TYPES, name);
        return;
    }
    if (artifact_add(a, form, remote ? NULL : path, name, into) < 0) {
        ads->rd.no_memory = true;
        return;
    }
    if (remote)
        assign(&ads->rd, &a->part[a->count - 1].source.uri, path);
    a->part[a->count - 1].line = node_where(at).line;
    a->part[a->count - 1].column = node_where(at).column;
}

/* One of our entry programs becomes what the service runs. */
static void add_entry_program(struct ads *ads, const char *program)
{
    if (artifact_add_entry_program(&ads->request->artifact, program) < 0)
        ads->rd.no_memory = true;
    ads_set(ads, "JOB_RUN_ENTRYPOINT", program, ads->runtime);
}

/* ADS uploads <name up to the first dot>.zip. */
static void name_package(struct ads *ads, const char *name)
{
    AUTO(strbuf) struct strbuf package = STRBUF_INIT(1024);
    size_t n = strcspn(name, ".");

    strbuf_addf(&package, "%.*s.zip", (int)(n < 512 ? n : 512), name);
    assign(&ads->rd, &ads->request->artifact.file_name, strbuf_str(&package));
}

void ads_read_script(struct ads *ads)
{
    struct reader *rd = &ads->rd;
    const struct node *uri = field(rd, ads->runtime, "scriptPathURI");
    const struct node *entry = field(rd, ads->runtime, "entrypoint");
    AUTO(strbuf) struct strbuf file_name = STRBUF_INIT(1024);
    AUTO_FREE char *path = ads_source(ads, "scriptPathURI");
    AUTO_FREE char *name = ads_source_name(ads, "scriptPathURI", path);
    enum artifact_form form;

    missing(ads, "scriptPathURI", "the script, archive or directory to run");
    check_entrypoint(ads);
    if (entry != NULL && given(ads, "entrypoint"))
        map_one(ads, &(struct mapping){"entrypoint", "JOB_RUN_ENTRYPOINT"});
    if (name == NULL)
        return;
    form = artifact_guess(name);
    if (form != ARTIFACT_FILE &&
        env_value(&ads->request->job.configuration.env, "JOB_RUN_ENTRYPOINT") == NULL) {
        if (form == ARTIFACT_DIRECTORY)
            diag_error(rd->diags, node_where(uri),
                       "'entrypoint' is missing: it names the file to run in a directory (a single script "
                       "ends in .py, .sh "
                       "or .jar)");
        else
            diag_warning(
                rd->diags, node_where(uri),
                "without 'entrypoint', a jobruntime.yaml in the archive must set JOB_RUN_ENTRYPOINT");
    }
    if (form == ARTIFACT_FILE && strlen(name) > 6 && strcmp(name + strlen(name) - 6, ".ipynb") == 0)
        diag_error(rd->diags, node_where(uri), "a notebook needs the runtime type 'notebook'");
    add(ads, form, path, name, form == ARTIFACT_FILE ? "" : INTO_ARCHIVE, uri);
    strbuf_addf(&file_name, "%.512s%s", name, form == ARTIFACT_DIRECTORY ? ".zip" : "");
    assign(rd, &ads->request->artifact.file_name, strbuf_str(&file_name));
}

static bool is_notebook(const char *name)
{
    size_t n = name != NULL ? strlen(name) : 0;

    return n > 6 && strcmp(name + n - 6, ".ipynb") == 0;
}

void ads_read_python(struct ads *ads)
{
    struct reader *rd = &ads->rd;
    const struct node *uri = field(rd, ads->runtime, "scriptPathURI");
    AUTO_FREE char *path = ads_source(ads, "scriptPathURI");
    AUTO_FREE char *name = ads_source_name(ads, "scriptPathURI", path);

    missing(ads, "scriptPathURI", "the script, archive or directory to run");
    check_entrypoint(ads);
    map_all(ads, CODE, ARRAY_SIZE(CODE));
    if (given(ads, "entrypoint"))
        map_one(ads, &(struct mapping){"entrypoint", "CODE_ENTRYPOINT"});
    else if (name != NULL && artifact_guess(name) == ARTIFACT_FILE)
        ads_set(ads, "CODE_ENTRYPOINT", name, uri);
    else if (name != NULL)
        diag_error(rd->diags, node_where(uri),
                   "'entrypoint' is missing: it names the file to run, with the directory's own name in "
                   "front (%.60s/...)",
                   name);
    if (name != NULL) {
        add(ads, artifact_guess(name), path, name, INTO_CODE, uri);
        name_package(ads, name);
    }
    add_entry_program(ads, ENTRY_PYTHON);
}

/* ---- notebook ---- */

/* In a directory, the notebook stands below the directory's own name; an archive has its own folders. */
static void set_notebook(struct ads *ads, const char *name)
{
    AUTO(strbuf) struct strbuf notebook = STRBUF_INIT(8192);
    const struct node *at = field(&ads->rd, ads->runtime, "source");
    AUTO_FREE char *entry = NULL;

    if (!given(ads, "source") && !given(ads, "entrypoint")) {
        ads_set(ads, "JOB_RUN_NOTEBOOK", name, field(&ads->rd, ads->runtime, "notebookPathURI"));
        return;
    }
    field_text(&ads->rd, ads->runtime, "entrypoint", &entry);
    if (entry == NULL || entry[0] == '\0') {
        diag_error(ads->rd.diags, node_where(at),
                   "'entrypoint' is missing: it names the notebook in 'source'");
        return;
    }
    if (artifact_guess(name) == ARTIFACT_DIRECTORY)
        strbuf_addf(&notebook, "%s/", name);
    strbuf_addstr(&notebook, entry);
    if (notebook.failed == 0)
        ads_set(ads, "JOB_RUN_NOTEBOOK", strbuf_str(&notebook), field(&ads->rd, ads->runtime, "entrypoint"));
}

static void set_exclude_tags(struct ads *ads)
{
    const struct node *tags = field(&ads->rd, ads->runtime, "excludeTags");
    AUTO(strbuf) struct strbuf json = STRBUF_INIT(DOCUMENT_BYTES_MAX);

    if (tags == NULL)
        return;
    if (tags->kind != NODE_SEQ) {
        wrong_kind(&ads->rd, tags, "a list of tags");
        return;
    }
    json_out_node(&json, tags);
    if (tags->count > 0 && json.failed == 0)
        ads_set(ads, "NOTEBOOK_EXCLUDE_TAGS", strbuf_str(&json), tags);
}

void ads_read_notebook(struct ads *ads)
{
    static const struct mapping NOTEBOOK[] = {
        {"outputURI", "OUTPUT_URI"}, {"outputUri", "OUTPUT_URI"}, {"notebookEncoding", "NOTEBOOK_ENCODING"}};
    const char *key = given(ads, "source") ? "source" : "notebookPathURI";
    const struct node *uri = field(&ads->rd, ads->runtime, key);
    AUTO_FREE char *path = ads_source(ads, key);
    AUTO_FREE char *name = ads_source_name(ads, key, path);

    check_entrypoint(ads);
    map_all(ads, NOTEBOOK, ARRAY_SIZE(NOTEBOOK));
    set_exclude_tags(ads);
    if (!given(ads, "source"))
        missing(ads, "notebookPathURI", "the notebook to run (or 'source' and 'entrypoint')");
    if (name != NULL) {
        if (!given(ads, "source") && !is_notebook(name))
            diag_error(ads->rd.diags, node_where(uri), "'%.60s': expected a .ipynb file", name);
        set_notebook(ads, name);
        add(ads, artifact_guess(name), path, name, INTO_CODE, uri);
        name_package(ads, name);
    }
    add_entry_program(ads, ENTRY_NOTEBOOK);
}

/* ---- gitPython ---- */

void ads_read_git(struct ads *ads)
{
    struct reader *rd = &ads->rd;
    bool skip = false;

    missing(ads, "url", "the Git repository");
    missing(ads, "entrypoint", "the file in the repository to run");
    check_entrypoint(ads);
    if (field(rd, ads->runtime, "conda") == NULL)
        diag_error(rd->diags, node_where(ads->runtime),
                   "'conda' is missing: gitPython needs a conda environment");
    map_all(ads, CODE, ARRAY_SIZE(CODE));
    map_all(ads, GIT, ARRAY_SIZE(GIT));
    field_bool(rd, ads->runtime, "skipMetadataUpdate", &skip);
    if (skip)
        ads_set(ads, "SKIP_METADATA_UPDATE", "1", field(rd, ads->runtime, "skipMetadataUpdate"));
    add_entry_program(ads, ENTRY_GIT);
    assign(rd, &ads->request->artifact.file_name, "ads_driver.zip");
}
