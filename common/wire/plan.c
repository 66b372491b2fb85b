/* plan.c - see plan.h. */
#include "wire/plan.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/fact.h"
#include "base/parse.h"

/* ---- what may stand in a plan ---- */

static bool component_valid(const char *s, size_t n)
{
    char name[NAME_MAX + 1];

    if (n == 0 || (n == 1 && s[0] == '.'))
        return true;
    if (n > NAME_MAX)
        return false;
    memcpy(name, s, n);
    name[n] = '\0';
    return file_name_valid(name);
}

/* Every component is a name, "." or nothing. */
static bool components_valid(const char *path)
{
    if (strlen(path) >= PATH_MAX)
        return false;
    for (;;) {
        size_t n = strcspn(path, "/");
        if (!component_valid(path, n))
            return false;
        if (path[n] == '\0')
            return true;
        path += n + 1;
    }
}

bool plan_path_valid(const char *path)
{
    return path[0] != '\0' && path[0] != '/' && components_valid(path);
}

static bool absolute_valid(const char *path)
{
    return path[0] == '/' && components_valid(path);
}

static bool job_name_valid(const char *name)
{
    size_t chars = 0;

    for (const char *p = name; *p != '\0'; p++)
        chars += ((unsigned char)*p & 0xC0) != 0x80;
    return chars <= JOB_NAME_CHARS_MAX;
}

/* ---- the first fact: one table for writing and reading ---- */

enum field_kind {
    FIELD_STRING,
    FIELD_STRING_OR_NULL,
    FIELD_I64,
    FIELD_INT,
    FIELD_UNSIGNED,
    FIELD_BOOL,
};

struct field {
    const char *key;
    enum field_kind kind;
    size_t offset;
    int64_t min, max;            /* numbers */
    bool (*valid)(const char *); /* strings */
};

#define STRING(member, check)                                                                                \
    {                                                                                                        \
#member, FIELD_STRING, offsetof(struct plan, member), 0, 0, check                                    \
    }
#define OPTION(member, check)                                                                                \
    {                                                                                                        \
#member, FIELD_STRING_OR_NULL, offsetof(struct plan, member), 0, 0, check                            \
    }
#define NUMBER(member, kind, min, max)                                                                       \
    {                                                                                                        \
#member, kind, offsetof(struct plan, member), min, max, NULL                                         \
    }

static const struct field FIELDS[] = {
    STRING(run_id, run_id_valid),
    STRING(job_name, job_name_valid),
    NUMBER(epoch, FIELD_I64, 0, INT64_MAX),
    NUMBER(as_root, FIELD_BOOL, 0, 1),
    OPTION(entrypoint, plan_path_valid),
    OPTION(python, absolute_valid),
    OPTION(bash, absolute_valid),
    OPTION(java, absolute_valid),
    OPTION(conda_prefix, absolute_valid),
    NUMBER(maximum_runtime_ms, FIELD_I64, 1, JOB_RUNTIME_MS_MAX),
    NUMBER(stop_grace_ms, FIELD_I64, 0, STOP_GRACE_MS_MAX),
    NUMBER(stop_signal, FIELD_INT, 1, _NSIG - 1),
    NUMBER(stop_whole_tree, FIELD_BOOL, 0, 1),
    NUMBER(nice, FIELD_INT, -20, 19),
    NUMBER(oom_score_adj, FIELD_INT, -1000, 1000),
    NUMBER(umask_bits, FIELD_UNSIGNED, 0, 0777),
};

static const char *const ENTRY_KIND_NAMES[] = {[ENTRY_FILE] = "file", [ENTRY_ARCHIVE] = "archive"};
static const char *const PLACE_NAMES[] = {[PLACE_FILE] = "file", [PLACE_ARCHIVE] = "archive"};

/* The facts that follow are counted in the first one, so that a plan cut short is not taken for a whole one.
 */
enum { COUNT_PLACEMENTS, COUNT_ARGS, COUNT_VARS, COUNT_KINDS };
static const char *const COUNT_KEYS[COUNT_KINDS] = {"placements", "args", "vars"};
static const int64_t COUNT_MAX[COUNT_KINDS] = {PLAN_PLACEMENTS_MAX, PLAN_ARGS_MAX, PLAN_VARS_MAX};

void plan_free(struct plan *p)
{
    for (size_t i = 0; i < p->placement_count; i++) {
        free(p->placement[i].name);
        free(p->placement[i].into);
    }
    free(p->run_id);
    free(p->job_name);
    free(p->entrypoint);
    free(p->python);
    free(p->bash);
    free(p->java);
    free(p->conda_prefix);
    strlist_free(&p->args);
    env_free(&p->env);
    *p = (struct plan){0};
}

/* ---- writing ---- */

struct encoder {
    struct strbuf *out;
    size_t line_start;
    int failed;
};

static void put_text(struct encoder *enc, struct fact_writer *w, const char *key, const char *text)
{
    if (enc->failed == 0 && !utf8_valid(text, strlen(text)))
        enc->failed = -EILSEQ;
    fact_put_string(w, key, text);
}

static struct fact_writer line_begin(struct encoder *enc)
{
    enc->line_start = enc->out->len;
    return fact_begin(enc->out);
}

static void line_end(struct encoder *enc, struct fact_writer *w)
{
    int r = fact_end(w);

    if (r == 0 && enc->out->len - enc->line_start > FACT_LINE_MAX)
        r = -E2BIG;
    if (enc->failed == 0)
        enc->failed = r;
}

static void put_field(struct encoder *enc, struct fact_writer *w, const struct field *field,
                      const struct plan *p)
{
    const void *at = (const char *)p + field->offset;
    const char *text;

    switch (field->kind) {
    case FIELD_STRING:
    case FIELD_STRING_OR_NULL:
        text = *(char *const *)at;
        if (text != NULL)
            put_text(enc, w, field->key, text);
        break;
    case FIELD_I64: fact_put_int(w, field->key, *(const int64_t *)at); break;
    case FIELD_INT: fact_put_int(w, field->key, *(const int *)at); break;
    case FIELD_UNSIGNED: fact_put_int(w, field->key, *(const unsigned *)at); break;
    case FIELD_BOOL: fact_put_bool(w, field->key, *(const bool *)at); break;
    }
}

static void encode_first(struct encoder *enc, const struct plan *p)
{
    const size_t counts[COUNT_KINDS] = {p->placement_count, p->args.count, p->env.count};
    struct fact_writer w = line_begin(enc);

    fact_put_int(&w, "plan", PLAN_VERSION);
    for (size_t i = 0; i < ARRAY_SIZE(FIELDS); i++)
        put_field(enc, &w, &FIELDS[i], p);
    fact_put_string(&w, "entry_kind", ENTRY_KIND_NAMES[p->entry_kind]);
    for (size_t i = 0; i < COUNT_KINDS; i++) {
        fact_put_int(&w, COUNT_KEYS[i], (int64_t)counts[i]);
        if (counts[i] > (size_t)COUNT_MAX[i] && enc->failed == 0)
            enc->failed = -E2BIG;
    }
    line_end(enc, &w);
}

int plan_encode(const struct plan *p, struct strbuf *out)
{
    struct encoder enc = {.out = out};
    size_t start = out->len;

    encode_first(&enc, p);
    for (size_t i = 0; i < p->placement_count; i++) {
        struct fact_writer w = line_begin(&enc);
        fact_put_string(&w, "place", PLACE_NAMES[p->placement[i].form]);
        put_text(&enc, &w, "name", p->placement[i].name);
        put_text(&enc, &w, "into", p->placement[i].into);
        line_end(&enc, &w);
    }
    for (size_t i = 0; i < p->args.count; i++) {
        struct fact_writer w = line_begin(&enc);
        put_text(&enc, &w, "arg", p->args.item[i]);
        line_end(&enc, &w);
    }
    for (size_t i = 0; i < p->env.count; i++) {
        struct fact_writer w = line_begin(&enc);
        put_text(&enc, &w, "env", p->env.var[i].key);
        put_text(&enc, &w, "value", p->env.var[i].value);
        fact_put_string(&w, "layer", env_layer_name(p->env.var[i].layer));
        line_end(&enc, &w);
    }
    if (enc.failed == 0 && out->len - start > PLAN_BYTES_MAX)
        return -E2BIG;
    return enc.failed;
}

/* ---- reading ---- */

static int refuse(struct err *e, const char *what, const char *key)
{
    return err_set(e, -EBADMSG, BLAME_BUG, "%s: %s", key, what);
}

static int copy(const char *text, char **ret, struct err *e)
{
    *ret = strdup(text);
    return *ret != NULL ? 0 : err_oom(e);
}

/* Refuses a fact with a member that is not among the known keys. */
static int only_keys(const struct fact *f, const char *const *known, size_t count, struct err *e)
{
    for (size_t i = 0; i < f->count; i++) {
        size_t k = 0;
        while (k < count && strcmp(known[k], f->member[i].key) != 0)
            k++;
        if (k == count)
            return err_set(e, -EBADMSG, BLAME_BUG, "unknown member '%.64s'", f->member[i].key);
    }
    return 0;
}

static int get_text(const struct fact *f, const char *key, const char **ret, struct err *e)
{
    return fact_string(f, key, ret) ? 0 : refuse(e, "a string expected", key);
}

static int get_number(const struct fact *f, const char *key, int64_t min, int64_t max, int64_t *ret,
                      struct err *e)
{
    int64_t value;

    if (!fact_int(f, key, &value))
        return refuse(e, "a number expected", key);
    if (value < min || value > max)
        return err_set(e, -EBADMSG, BLAME_BUG, "%s: %lld is not in %lld..%lld", key, (long long)value,
                       (long long)min, (long long)max);
    *ret = value;
    return 0;
}

/* The index of the member's value among the names. */
static int get_choice(const struct fact *f, const char *key, const char *const *names, size_t count,
                      unsigned *ret, struct err *e)
{
    const char *text;
    int r = get_text(f, key, &text, e);

    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], text) == 0) {
            *ret = (unsigned)i;
            return 0;
        }
    }
    return err_set(e, -EBADMSG, BLAME_BUG, "%s: unknown value '%.64s'", key, text);
}

static bool has_member(const struct fact *f, const char *key)
{
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->member[i].key, key) == 0)
            return true;
    return false;
}

static int get_string_field(const struct fact *f, const struct field *field, char **slot, struct err *e)
{
    const char *text;
    int r;

    if (field->kind == FIELD_STRING_OR_NULL && !has_member(f, field->key))
        return 0;
    r = get_text(f, field->key, &text, e);
    if (r < 0)
        return r;
    if (!field->valid(text))
        return refuse(e, "not a valid value", field->key);
    return copy(text, slot, e);
}

static int get_field(const struct fact *f, const struct field *field, struct plan *p, struct err *e)
{
    void *at = (char *)p + field->offset;
    int64_t number = 0;
    int r;

    if (field->kind == FIELD_STRING || field->kind == FIELD_STRING_OR_NULL)
        return get_string_field(f, field, at, e);
    if (field->kind == FIELD_BOOL)
        return fact_bool(f, field->key, at) ? 0 : refuse(e, "true or false expected", field->key);
    r = get_number(f, field->key, field->min, field->max, &number, e);
    if (r < 0)
        return r;
    if (field->kind == FIELD_I64)
        *(int64_t *)at = number;
    else if (field->kind == FIELD_INT)
        *(int *)at = (int)number;
    else
        *(unsigned *)at = (unsigned)number;
    return 0;
}

static int check_entry(const struct plan *p, struct err *e)
{
    if (p->entry_kind == ENTRY_ARCHIVE)
        return 0;
    if (p->entrypoint == NULL)
        return refuse(e, "a string expected", "entrypoint");
    if (!file_name_valid(p->entrypoint))
        return refuse(e, "a plain file name expected", "entrypoint");
    return 0;
}

static int decode_first(const struct fact *f, struct plan *p, int64_t counts[COUNT_KINDS], struct err *e)
{
    const char *keys[ARRAY_SIZE(FIELDS) + COUNT_KINDS + 2] = {"plan", "entry_kind"};
    unsigned kind = 0;
    int64_t version;
    int r = 0;

    if (!fact_int(f, "plan", &version))
        return err_set(e, -EBADMSG, BLAME_BUG, "this is not a plan");
    if (version != PLAN_VERSION)
        return err_set(e, -EPROTONOSUPPORT, BLAME_BUG, "plan version %lld; this program knows %d",
                       (long long)version, PLAN_VERSION);
    for (size_t i = 0; i < ARRAY_SIZE(FIELDS); i++)
        keys[2 + i] = FIELDS[i].key;
    for (size_t i = 0; i < COUNT_KINDS; i++)
        keys[2 + ARRAY_SIZE(FIELDS) + i] = COUNT_KEYS[i];
    r = only_keys(f, keys, ARRAY_SIZE(keys), e);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(FIELDS); i++)
        r = get_field(f, &FIELDS[i], p, e);
    for (size_t i = 0; r == 0 && i < COUNT_KINDS; i++)
        r = get_number(f, COUNT_KEYS[i], 0, COUNT_MAX[i], &counts[i], e);
    if (r == 0)
        r = get_choice(f, "entry_kind", ENTRY_KIND_NAMES, ARRAY_SIZE(ENTRY_KIND_NAMES), &kind, e);
    if (r < 0)
        return r;
    p->entry_kind = (enum entry_kind)kind;
    return check_entry(p, e);
}

static int decode_placement(const struct fact *f, struct plan *p, struct err *e)
{
    static const char *const KEYS[] = {"place", "name", "into"};
    const char *name, *into;
    struct placement *place;
    unsigned form = 0;
    int r = only_keys(f, KEYS, ARRAY_SIZE(KEYS), e);

    if (r == 0)
        r = get_choice(f, "place", PLACE_NAMES, ARRAY_SIZE(PLACE_NAMES), &form, e);
    if (r == 0)
        r = get_text(f, "name", &name, e);
    if (r == 0)
        r = get_text(f, "into", &into, e);
    if (r < 0)
        return r;
    if (!file_name_valid(name))
        return refuse(e, "a plain file name expected", "name");
    if (into[0] != '\0' && !plan_path_valid(into))
        return refuse(e, "a folder below the home expected", "into");
    if (p->placement_count == PLAN_PLACEMENTS_MAX)
        return err_set(e, -EBADMSG, BLAME_BUG, "more than %d placements", PLAN_PLACEMENTS_MAX);
    place = &p->placement[p->placement_count++];
    place->form = (enum placement_form)form;
    r = copy(name, &place->name, e);
    return r < 0 ? r : copy(into, &place->into, e);
}

static int decode_arg(const struct fact *f, struct plan *p, struct err *e)
{
    static const char *const KEYS[] = {"arg"};
    const char *text;
    int r = only_keys(f, KEYS, ARRAY_SIZE(KEYS), e);

    if (r == 0)
        r = get_text(f, "arg", &text, e);
    if (r < 0)
        return r;
    if (p->args.count == PLAN_ARGS_MAX)
        return err_set(e, -EBADMSG, BLAME_BUG, "more than %d arguments", PLAN_ARGS_MAX);
    return strlist_add(&p->args, text) == 0 ? 0 : err_oom(e);
}

static int decode_var(const struct fact *f, struct plan *p, struct err *e)
{
    static const char *const KEYS[] = {"env", "value", "layer"};
    const char *key, *value, *layer_text;
    enum env_layer layer;
    int r = only_keys(f, KEYS, ARRAY_SIZE(KEYS), e);

    if (r == 0)
        r = get_text(f, "env", &key, e);
    if (r == 0)
        r = get_text(f, "value", &value, e);
    if (r == 0)
        r = get_text(f, "layer", &layer_text, e);
    if (r < 0)
        return r;
    layer = env_layer_from_name(layer_text);
    if (layer == ENV_LAYER_COUNT || layer == ENV_JOBRUNTIME)
        return refuse(e, "a layer known before the artifact is unpacked expected", "layer");
    if (!env_key_valid(key))
        return refuse(e, "the name of a variable expected", "env");
    if (env_find(&p->env, key) != NULL)
        return refuse(e, "given twice", key);
    if (p->env.count == PLAN_VARS_MAX)
        return err_set(e, -EBADMSG, BLAME_BUG, "more than %d variables", PLAN_VARS_MAX);
    return env_set(&p->env, layer, key, value) == 0 ? 0 : err_oom(e);
}

static int decode_line(const char *line, size_t n, size_t number, struct plan *p, int64_t counts[COUNT_KINDS],
                       struct err *e)
{
    AUTO(fact) struct fact f = {0};
    int r = fact_decode(line, n, &f, e);

    if (r < 0)
        return r;
    if (number == 1)
        return decode_first(&f, p, counts, e);
    if (has_member(&f, "place"))
        return decode_placement(&f, p, e);
    if (has_member(&f, "arg"))
        return decode_arg(&f, p, e);
    if (has_member(&f, "env"))
        return decode_var(&f, p, e);
    return err_set(e, -EBADMSG, BLAME_BUG, "unknown kind of fact");
}

static int check_counts(const struct plan *p, const int64_t counts[COUNT_KINDS], struct err *e)
{
    const size_t found[COUNT_KINDS] = {p->placement_count, p->args.count, p->env.count};

    for (size_t i = 0; i < COUNT_KINDS; i++)
        if (found[i] != (size_t)counts[i])
            return err_set(e, -EBADMSG, BLAME_BUG, "the plan announces %lld %s and has %zu",
                           (long long)counts[i], COUNT_KEYS[i], found[i]);
    return 0;
}

static int decode_lines(const char *text, size_t n, struct plan *p, struct err *e)
{
    int64_t counts[COUNT_KINDS] = {0};
    size_t number = 0;

    while (n > 0) {
        const char *newline = memchr(text, '\n', n);
        size_t len = newline != NULL ? (size_t)(newline - text) + 1 : n;
        int r;

        number++;
        r = newline != NULL ? decode_line(text, len, number, p, counts, e)
                            : err_set(e, -EBADMSG, BLAME_BUG, "no newline at the end");
        if (r < 0)
            return err_context(e, "plan line %zu", number);
        text += len;
        n -= len;
    }
    if (number == 0)
        return err_set(e, -EBADMSG, BLAME_BUG, "the plan is empty");
    return check_counts(p, counts, e);
}

int plan_decode(const char *text, size_t n, struct plan *ret, struct err *e)
{
    int r;

    if (n > PLAN_BYTES_MAX)
        return err_set(e, -E2BIG, BLAME_BUG, "a plan of %zu bytes is over the limit of %u", n,
                       PLAN_BYTES_MAX);
    r = decode_lines(text, n, ret, e);
    if (r < 0)
        plan_free(ret);
    return r;
}
