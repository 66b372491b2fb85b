/* sources.c - see parts.h: parts of a job that lie elsewhere, or in the document itself. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/base64.h"
#include "base/parse.h"
#include "base/uri.h"
#include "job/parts.h"
#include "job/read.h"

#define MD5_BYTES 16

/* ---- one source ---- */

static void read_hex(struct reader *rd, const struct node *map, const char *key, size_t digits, char **ret)
{
    const struct node *n = field(rd, map, key);

    field_string(rd, map, key, ret);
    if (*ret != NULL && !hex_valid(*ret, digits))
        diag_error(rd->diags, node_where(n), "'%s': expected %zu hexadecimal digits", key, digits);
}

/* Hexadecimal, or base64 as Content-MD5 and OCI's console have it. */
static void read_md5(struct reader *rd, const struct node *map, char **ret)
{
    AUTO(strbuf) struct strbuf bytes = STRBUF_INIT(MD5_BYTES);
    AUTO_FREE char *text = NULL;
    char hex[2 * MD5_BYTES + 1];
    const struct node *n = field(rd, map, "md5");

    field_string(rd, map, "md5", &text);
    if (text == NULL)
        return;
    if (hex_valid(text, 2 * MD5_BYTES)) {
        assign(rd, ret, text);
    } else if (base64_decode(text, strlen(text), &bytes) == 0 && bytes.len == MD5_BYTES) {
        hex_encode(bytes.data, MD5_BYTES, hex);
        assign(rd, ret, hex);
    } else {
        diag_error(rd->diags, node_where(n),
                   "'md5': expected 32 hexadecimal digits, or 24 characters of base64");
    }
}

static void read_uri(struct reader *rd, const struct node *map, char **ret)
{
    AUTO(uri) struct uri u = {0};
    const struct node *n = field(rd, map, "uri");
    const char *problem;
    int r;

    field_string(rd, map, "uri", ret);
    if (*ret == NULL)
        return;
    r = uri_parse(*ret, &u, &problem);
    if (r == -EINVAL)
        diag_error(rd->diags, node_where(n), "'uri': %s", problem);
    else if (r < 0)
        rd->no_memory = true;
}

static void read_content(struct reader *rd, const struct node *map, char **ret)
{
    AUTO(strbuf) struct strbuf bytes = STRBUF_INIT(INLINE_BYTES_MAX);
    const struct node *n = field(rd, map, "content");
    int r;

    field_string(rd, map, "content", ret);
    if (*ret == NULL)
        return;
    r = base64_decode(*ret, strlen(*ret), &bytes);
    if (r == -EINVAL)
        diag_error(rd->diags, node_where(n), "'content': expected base64, without blanks or line breaks");
    else if (r == -E2BIG)
        diag_error(rd->diags, node_where(n), "'content': longer than %u bytes; name a 'uri' instead",
                   INLINE_BYTES_MAX);
    else if (r < 0)
        rd->no_memory = true;
}

void source_read(struct reader *rd, const struct node *map, struct part_source *ret)
{
    read_uri(rd, map, &ret->uri);
    read_content(rd, map, &ret->content);
    read_hex(rd, map, "sha256", 64, &ret->sha256);
    read_md5(rd, map, &ret->md5);
    if (field(rd, map, "uri") == NULL && field(rd, map, "content") == NULL)
        diag_error(rd->diags, node_where(map),
                   "'uri' is missing: it says where the file is (or 'content', which is the file)");
    else if (ret->uri != NULL && ret->content != NULL)
        diag_error(rd->diags, node_where(map), "'uri' and 'content' exclude each other");
}

char *source_name(struct reader *rd, const char *uri, const struct node *at)
{
    AUTO(uri) struct uri u = {0};
    AUTO_FREE char *name = NULL;
    const char *problem;

    if (uri_parse(uri, &u, &problem) < 0)
        return NULL; /* reported where it was read */
    name = uri_name(&u);
    if (name == NULL) {
        rd->no_memory = true;
        return NULL;
    }
    if (file_name_valid(name) && utf8_valid(name, strlen(name)))
        return take_ptr(&name);
    diag_error(rd->diags, node_where(at), "the URI does not end in a file's name");
    return NULL;
}

/* ---- a part ---- */

/* The name that is given, or the URI's. */
static char *read_name(struct reader *rd, const struct node *map, const struct part_source *source)
{
    AUTO_FREE char *name = NULL;
    const struct node *n = field(rd, map, "name");

    field_string(rd, map, "name", &name);
    if (n == NULL && source->uri != NULL)
        return source_name(rd, source->uri, field(rd, map, "uri"));
    if (n == NULL)
        diag_error(rd->diags, node_where(map), "'name' is missing: it is what the file is called in the run");
    else if (name != NULL && !file_name_valid(name))
        diag_error(rd->diags, node_where(n), "'name': expected a plain file name");
    else
        return take_ptr(&name);
    return NULL;
}

static bool taken(const struct artifact *a, const char *name, const char *into)
{
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->part[i].name, name) == 0 && strcmp(a->part[i].into, into) == 0)
            return true;
    return false;
}

/* Takes the source over when the part is kept. */
static void keep(struct reader *rd, struct artifact *a, enum artifact_form form, const char *name,
                 const char *into, bool input, struct part_source *source, const struct node *at)
{
    struct artifact_part *part;

    if (taken(a, name, into)) {
        diag_error(rd->diags, node_where(at), "'%.60s' is placed there already", name);
        return;
    }
    if (artifact_add(a, form, NULL, name, into) < 0) {
        rd->no_memory = true;
        return;
    }
    part = &a->part[a->count - 1];
    part->input = input;
    part->source = *source;
    part->line = node_where(at).line;
    part->column = node_where(at).column;
    *source = (struct part_source){0};
}

/* ---- the blocks ---- */

static void read_artifact(struct reader *rd, const struct node *map, struct artifact *a)
{
    static const char *const KNOWN[] = {"uri", "name", "sha256", "md5", "content"};
    struct part_source source = {0};
    size_t errors = rd->diags->errors;
    AUTO_FREE char *name = NULL;
    enum artifact_form form;

    check_keys(rd, map, KNOWN, ARRAY_SIZE(KNOWN));
    source_read(rd, map, &source);
    name = rd->diags->errors == errors ? read_name(rd, map, &source) : NULL;
    if (name != NULL && !artifact_form_of(name, &form))
        diag_error(rd->diags, node_where(map),
                   "'%.60s' is not a type of artifact: expected .py, .sh, .jar, .zip or a .tar; 'name' says "
                   "it when the URI does not",
                   name);
    else if (name != NULL)
        keep(rd, a, form, name, form == ARTIFACT_FILE ? "" : INTO_ARCHIVE, false, &source, map);
    if (name != NULL)
        assign(rd, &a->file_name, name);
    part_source_clear(&source);
}

static void read_input(struct reader *rd, const struct node *map, struct artifact *a)
{
    static const char *const KNOWN[] = {"uri", "name", "sha256", "md5", "content", "into", "unpack"};
    struct part_source source = {0};
    size_t errors = rd->diags->errors;
    AUTO_FREE char *name = NULL;
    AUTO_FREE char *into = NULL;
    bool unpack = false;
    enum artifact_form form = ARTIFACT_FILE;

    if (map->kind != NODE_MAP) {
        wrong_kind(rd, map, "a mapping");
        return;
    }
    check_keys(rd, map, KNOWN, ARRAY_SIZE(KNOWN));
    source_read(rd, map, &source);
    field_string(rd, map, "into", &into);
    field_bool(rd, map, "unpack", &unpack);
    if (into != NULL && into[0] != '\0' && !inner_path_valid(into))
        diag_error(rd->diags, node_where(field(rd, map, "into")),
                   "'into': expected a path below the home: relative, without '..'");
    name = rd->diags->errors == errors ? read_name(rd, map, &source) : NULL;
    if (name != NULL && unpack && (!artifact_form_of(name, &form) || form != ARTIFACT_ARCHIVE))
        diag_error(rd->diags, node_where(field(rd, map, "unpack")),
                   "'unpack': '%.60s' is no .zip and no .tar", name);
    else if (name != NULL)
        keep(rd, a, form, name, into != NULL ? into : "", true, &source, map);
    part_source_clear(&source);
}

void sources_read(struct reader *rd, const struct node *map, bool take_artifact, struct job_request *request)
{
    enum key_style outer = rd->style;
    const struct node *block = node_get(map, "x-runlet"), *artifact, *inputs;

    if (block == NULL || block->kind != NODE_MAP)
        return;
    rd->style = KEYS_EXACT;
    artifact = field_map(rd, block, "artifact");
    inputs = field_list(rd, block, "inputs");
    if (artifact != NULL && !take_artifact)
        diag_error(rd->diags, node_key_where(artifact),
                   "'artifact': an ADS job names its code in its runtime (scriptPathURI)");
    else if (artifact != NULL)
        read_artifact(rd, artifact, &request->artifact);
    if (inputs != NULL && inputs->count > INPUTS_MAX)
        diag_error(rd->diags, node_where(inputs), "'inputs': more than %d", INPUTS_MAX);
    for (size_t i = 0; inputs != NULL && i < inputs->count && i < INPUTS_MAX; i++)
        read_input(rd, inputs->item[i], &request->artifact);
    rd->style = outer;
}

void sources_refuse(struct reader *rd, const struct node *map)
{
    static const char *const KEYS[] = {"artifact", "inputs"};
    const struct node *block = node_get(map, "x-runlet");

    for (size_t i = 0; i < ARRAY_SIZE(KEYS); i++) {
        const struct node *n = node_get(block, KEYS[i]);
        if (n != NULL)
            diag_error(rd->diags, node_key_where(n), "'%s' belongs into the job's document", KEYS[i]);
    }
}

void artifact_drop_code(struct artifact *a)
{
    struct artifact kept = {0};

    for (size_t i = 0; i < a->count; i++)
        if (a->part[i].input) {
            kept.part[kept.count++] = a->part[i];
            a->part[i] = (struct artifact_part){0};
        }
    artifact_clear(a);
    *a = kept;
}
