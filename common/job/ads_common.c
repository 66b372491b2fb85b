/* ads_common.c - see ads.h: what all ADS runtimes share. */
#include "job/ads.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/parse.h"
#include "base/uri.h"
#include "format/json_out.h"
#include "job/resolve.h"

void ads_set(struct ads *ads, const char *variable, const char *value, const struct node *at)
{
    configuration_set_env(&ads->rd, &ads->request->job.configuration.env, ENV_JOB, variable, value, at);
}

/* ---- env ---- */

/* Strings and numbers as they are written; the rest as ADS dumps it: null is empty, true is true, lists are
 * JSON. */
static void set_value(struct ads *ads, const char *name, const struct node *value, const struct node *at)
{
    AUTO(strbuf) struct strbuf json = STRBUF_INIT(DOCUMENT_BYTES_MAX);

    if (value->kind == NODE_NULL) {
        ads_set(ads, name, "", at);
    } else if (value->kind == NODE_STRING || value->kind == NODE_INT || value->kind == NODE_REAL) {
        ads_set(ads, name, value->text, at);
    } else {
        json_out_node(&json, value);
        if (json.failed != 0)
            diag_error(ads->rd.diags, node_where(value), "the value of '%.60s' is too large", name);
        else
            ads_set(ads, name, strbuf_str(&json), at);
    }
}

static void read_env_item(struct ads *ads, const struct node *item)
{
    static const char *const KNOWN[] = {"name", "value"};
    struct reader *rd = &ads->rd;
    const struct node *value = node_get(item, "value");
    AUTO_FREE char *name = NULL;

    if (item->kind != NODE_MAP) {
        wrong_kind(rd, item, "a mapping with name and value");
        return;
    }
    check_keys(rd, item, KNOWN, ARRAY_SIZE(KNOWN));
    field_text(rd, item, "name", &name);
    if (name == NULL) {
        if (field(rd, item, "name") == NULL)
            diag_error(rd->diags, node_where(item), "an environment variable needs 'name'");
        return;
    }
    if (value == NULL)
        diag_error(rd->diags, node_where(item), "environment variable '%.60s' needs 'value'", name);
    else
        set_value(ads, name, value, field(rd, item, "name"));
}

void ads_read_env(struct ads *ads)
{
    const struct node *env = field(&ads->rd, ads->runtime, "env");
    int r;

    if (env == NULL)
        return;
    if (env->kind != NODE_SEQ && env->kind != NODE_MAP) {
        wrong_kind(&ads->rd, env, "a list of name and value");
        return;
    }
    if (env->count > CONFIGURATION_ENV_MAX) {
        diag_error(ads->rd.diags, node_where(env), "%zu environment variables are too many", env->count);
        return;
    }
    for (size_t i = 0; i < env->count; i++) {
        if (env->kind == NODE_MAP)
            set_value(ads, env->item[i]->key, env->item[i], env->item[i]);
        else
            read_env_item(ads, env->item[i]);
    }
    r = env_substitute(&ads->request->job.configuration.env);
    if (r == -E2BIG)
        diag_error(ads->rd.diags, node_where(env),
                   "environment variables become too long by their ${NAME} references");
    else if (r < 0)
        ads->rd.no_memory = true;
}

/* ---- args ---- */

/* Arguments are what Python's str() makes of them. */
static const char *argument_text(struct ads *ads, const struct node *n)
{
    switch (n->kind) {
    case NODE_STRING:
    case NODE_INT:
    case NODE_REAL: return n->text;
    case NODE_BOOL: return n->integer != 0 ? "True" : "False";
    default: wrong_kind(&ads->rd, n, "a string or a number"); return NULL;
    }
}

void ads_read_args(struct ads *ads)
{
    const struct node *args = field_list(&ads->rd, ads->runtime, "args");
    AUTO(strlist) struct strlist words = {0};
    AUTO_FREE char *joined = NULL;

    if (args == NULL || args->count == 0)
        return;
    for (size_t i = 0; i < args->count; i++) {
        const char *text = argument_text(ads, args->item[i]);
        if (text != NULL && strlist_add(&words, text) < 0)
            ads->rd.no_memory = true;
    }
    joined = shell_words_join(&words);
    if (joined == NULL)
        ads->rd.no_memory = true;
    else
        configuration_set_arguments(&ads->rd, &ads->request->job.configuration, joined, args);
}

/* ---- conda ---- */

/* oci://bucket@namespace/object */
static void set_published(struct ads *ads, const char *uri, const struct node *at)
{
    static const char SCHEME[] = "oci://";
    const char *bucket = uri + strlen(SCHEME);
    const char *sign;
    const char *slash = NULL;
    AUTO_FREE char *bucket_name = NULL;
    AUTO_FREE char *namespace_name = NULL;

    sign = strncmp(uri, SCHEME, strlen(SCHEME)) == 0 ? strchr(bucket, '@') : NULL;
    if (sign != NULL)
        slash = strchr(sign, '/');
    if (slash == NULL || sign == bucket || slash == sign + 1 || slash[1 + strspn(slash + 1, "/")] == '\0') {
        diag_error(ads->rd.diags, node_where(at), "'%.80s': expected oci://bucket@namespace/object", uri);
        return;
    }
    bucket_name = strndup(bucket, (size_t)(sign - bucket));
    namespace_name = strndup(sign + 1, (size_t)(slash - sign - 1));
    if (bucket_name == NULL || namespace_name == NULL) {
        ads->rd.no_memory = true;
        return;
    }
    ads_set(ads, "CONDA_ENV_BUCKET", bucket_name, at);
    ads_set(ads, "CONDA_ENV_NAMESPACE", namespace_name, at);
    ads_set(ads, "CONDA_ENV_OBJECT_NAME", slash + 1 + strspn(slash + 1, "/"), at);
}

static void read_published(struct ads *ads, const struct node *conda)
{
    struct reader *rd = &ads->rd;
    AUTO_FREE char *uri = NULL;
    AUTO_FREE char *region = NULL;

    field_text(rd, conda, "uri", &uri);
    field_text(rd, conda, "region", &region);
    if (uri != NULL)
        set_published(ads, uri, field(rd, conda, "uri"));
    else
        diag_error(rd->diags, node_where(conda), "a published conda environment needs 'uri'");
    if (region != NULL)
        ads_set(ads, "CONDA_ENV_REGION", region, field(rd, conda, "region"));
}

void ads_read_conda(struct ads *ads)
{
    static const char *const TYPES[] = {"service", "published"};
    static const char *const KNOWN[] = {"type", "slug", "uri", "region"};
    struct reader *rd = &ads->rd;
    const struct node *conda = field_map(rd, ads->runtime, "conda");
    size_t errors = rd->diags->errors;
    AUTO_FREE char *slug = NULL;
    int type;

    if (conda != NULL) {
        check_keys(rd, conda, KNOWN, ARRAY_SIZE(KNOWN));
        type = field_choice(rd, conda, "type", TYPES, ARRAY_SIZE(TYPES));
        if (type >= 0)
            ads_set(ads, "CONDA_ENV_TYPE", TYPES[type], conda);
        else if (field(rd, conda, "type") == NULL)
            diag_error(rd->diags, node_where(conda), "'conda' needs 'type': service or published");
        field_text(rd, conda, "slug", &slug);
        if (type == 0 && slug != NULL)
            ads_set(ads, "CONDA_ENV_SLUG", slug, field(rd, conda, "slug"));
        else if (type == 0)
            diag_error(rd->diags, node_where(conda), "a service conda environment needs 'slug'");
        if (type == 1)
            read_published(ads, conda);
    }
    if (rd->diags->errors == errors)
        conda_note(rd, ads->request, conda != NULL ? conda : ads->runtime);
}

/* ---- paths ---- */

/* Room for ".zip" after it. */
#define SOURCE_NAME_MAX 250

char *ads_source_name(struct ads *ads, const char *key, const char *path)
{
    bool remote = path != NULL && uri_has_scheme(path);
    AUTO_FREE char *name = path == NULL ? NULL
                           : remote     ? source_name(&ads->rd, path, field(&ads->rd, ads->runtime, key))
                                        : path_name(path);

    if (path == NULL || (name == NULL && remote))
        return NULL;
    if (name == NULL) {
        ads->rd.no_memory = true;
    } else if (!file_name_valid(name) || strlen(name) > SOURCE_NAME_MAX) {
        diag_error(ads->rd.diags, node_where(field(&ads->rd, ads->runtime, key)),
                   "'%s': the last part of the path cannot be a file's name", key);
        return NULL;
    }
    return take_ptr(&name);
}

/* Joins as Python's os.path.abspath does: "." and doubled slashes go, ".." takes a folder back. */
static void add_components(struct strbuf *out, const char *path)
{
    while (*path != '\0' && out->failed == 0) {
        size_t n = strcspn(path, "/");
        if (n == 2 && path[0] == '.' && path[1] == '.') {
            while (out->len > 0 && out->data[out->len - 1] != '/')
                out->len--;
            if (out->len > 0)
                out->len--;
            if (out->data != NULL)
                out->data[out->len] = '\0';
        } else if (n > 0 && !(n == 1 && path[0] == '.')) {
            strbuf_addch(out, '/');
            strbuf_add(out, path, n);
        }
        path += n + (path[n] == '/');
    }
}

/* Why a path cannot be used, or NULL. */
static const char *path_problem(const char *text)
{
    if (text[0] == '\0')
        return "is empty";
    if (text[0] == '~')
        return "'~' is not expanded; write the path in full";
    return NULL;
}

/* What the node fetches stays as it is; a file: URI is a path of this machine, read with the rights of whoever asks. */
static char *remote_source(struct ads *ads, const char *key, const char *text, const struct node *n)
{
    AUTO(uri) struct uri u = {0};
    const char *problem;
    int r = uri_parse(text, &u, &problem);
    char *copy = NULL;

    if (r == -EINVAL)
        diag_error(ads->rd.diags, node_where(n), "'%s': %s", key, problem);
    else if (r == 0)
        copy = strdup(u.scheme == URI_FILE ? u.path : text);
    if (r != -EINVAL && copy == NULL)
        ads->rd.no_memory = true;
    return copy;
}

char *ads_source(struct ads *ads, const char *key)
{
    AUTO(strbuf) struct strbuf path = STRBUF_INIT(8192);
    AUTO_FREE char *text = NULL;
    const struct node *n = field(&ads->rd, ads->runtime, key);
    const char *problem;

    field_text(&ads->rd, ads->runtime, key, &text);
    if (text == NULL)
        return NULL;
    if (uri_has_scheme(text))
        return remote_source(ads, key, text, n);
    problem = path_problem(text);
    if (text[0] != '/')
        add_components(&path, ads->base_dir);
    add_components(&path, text);
    if (problem == NULL && path.failed == -E2BIG)
        problem = "the path is too long";
    else if (problem == NULL && path.len == 0)
        problem = "expected a file or a directory";
    if (problem != NULL) {
        diag_error(ads->rd.diags, node_where(n), "'%s': %s", key, problem);
        return NULL;
    }
    if (path.failed != 0)
        ads->rd.no_memory = true;
    return strbuf_take(&path);
}
