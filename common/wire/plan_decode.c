/* plan_decode.c - facts as a plan, or why they are none. See plan.h. */
#include "wire/plan.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/object_location.h"
#include "base/fact.h"
#include "base/parse.h"
#include "wire/plan_fields.h"

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

static int get_string_field(const struct fact *f, const struct plan_field *field, char **slot, struct err *e)
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

static int get_field(const struct fact *f, const struct plan_field *field, struct plan *p, struct err *e)
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
    if ((p->image_digest != NULL) != (p->entry_kind == ENTRY_IMAGE))
        return refuse(e, "expected with entry_kind image, and nowhere else", "image_digest");
    if (p->entry_kind != ENTRY_FILE)
        return 0;
    if (p->entrypoint == NULL)
        return refuse(e, "a string expected", "entrypoint");
    if (!file_name_valid(p->entrypoint))
        return refuse(e, "a plain file name expected", "entrypoint");
    return 0;
}

static int decode_first(const struct fact *f, struct plan *p, int64_t counts[COUNT_KINDS], struct err *e)
{
    const char *keys[PLAN_FIELD_COUNT + COUNT_KINDS + 2] = {"plan", "entry_kind"};
    unsigned kind = 0;
    int64_t version;
    int r = 0;

    if (!fact_int(f, "plan", &version))
        return err_set(e, -EBADMSG, BLAME_BUG, "this is not a plan");
    if (version != PLAN_VERSION)
        return err_set(e, -EPROTONOSUPPORT, BLAME_BUG, "plan version %lld; this program knows %d",
                       (long long)version, PLAN_VERSION);
    for (size_t i = 0; i < PLAN_FIELD_COUNT; i++)
        keys[2 + i] = PLAN_FIELDS[i].key;
    for (size_t i = 0; i < COUNT_KINDS; i++)
        keys[2 + PLAN_FIELD_COUNT + i] = PLAN_COUNT_KEYS[i];
    r = only_keys(f, keys, ARRAY_SIZE(keys), e);
    for (size_t i = 0; r == 0 && i < PLAN_FIELD_COUNT; i++)
        r = get_field(f, &PLAN_FIELDS[i], p, e);
    for (size_t i = 0; r == 0 && i < COUNT_KINDS; i++)
        r = get_number(f, PLAN_COUNT_KEYS[i], 0, PLAN_COUNT_MAX[i], &counts[i], e);
    if (r == 0)
        r = get_choice(f, "entry_kind", ENTRY_KIND_NAMES, ENTRY_KIND_COUNT, &kind, e);
    if (r < 0)
        return r;
    p->entry_kind = (enum entry_kind)kind;
    return check_entry(p, e);
}

static int decode_placement(const struct fact *f, struct plan *p, struct err *e)
{
    static const char *const KEYS[] = {"place", "name", "into"};
    const char *name = "", *into = "";
    struct placement *place;
    unsigned form = 0;
    int r = only_keys(f, KEYS, ARRAY_SIZE(KEYS), e);

    if (r == 0)
        r = get_choice(f, "place", PLACEMENT_FORM_NAMES, PLACEMENT_FORM_COUNT, &form, e);
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

static int decode_mount(const struct fact *f, struct plan *p, struct err *e)
{
    static const char *const KEYS[] = {"mount", "source", "target", "read_only"};
    const char *source = "", *target = "";
    struct plan_mount *m;
    unsigned kind = 0;
    bool read_only = false;
    int r = only_keys(f, KEYS, ARRAY_SIZE(KEYS), e);

    if (r == 0)
        r = get_choice(f, "mount", MOUNT_KIND_NAMES, MOUNT_KIND_COUNT, &kind, e);
    if (r == 0)
        r = get_text(f, "source", &source, e);
    if (r == 0)
        r = get_text(f, "target", &target, e);
    if (r < 0)
        return r;
    if (!fact_bool(f, "read_only", &read_only))
        return refuse(e, "true or false expected", "read_only");
    if (kind == MOUNT_NFS ? !nfs_source_valid(source) : !object_location_valid(source))
        return refuse(e, kind == MOUNT_NFS ? "address:/export expected" : "the address of a bucket expected",
                      "source");
    if (!mount_target_valid(target))
        return refuse(e, "a place where storage may be mounted expected", "target");
    for (size_t i = 0; i < p->mount_count; i++)
        if (strcmp(p->mount[i].target, target) == 0)
            return refuse(e, "given twice", target);
    if (p->mount_count == JOB_MOUNTS_MAX)
        return err_set(e, -EBADMSG, BLAME_BUG, "more than %d mounts", JOB_MOUNTS_MAX);
    m = &p->mount[p->mount_count++];
    m->kind = (enum mount_kind)kind;
    m->read_only = read_only;
    r = copy(source, &m->source, e);
    return r < 0 ? r : copy(target, &m->target, e);
}

static int decode_output(const struct fact *f, struct plan *p, struct err *e)
{
    static const char *const KEYS[] = {"output", "to", "always"};
    const char *from = "", *to = "";
    bool always = false;
    int r = only_keys(f, KEYS, ARRAY_SIZE(KEYS), e);

    if (r == 0)
        r = get_text(f, "output", &from, e);
    if (r == 0)
        r = get_text(f, "to", &to, e);
    if (r < 0)
        return r;
    if (!fact_bool(f, "always", &always))
        return refuse(e, "true or false expected", "always");
    if (!run_output_from_valid(from))
        return refuse(e, "a path below the home expected", "output");
    if (!object_location_valid(to))
        return refuse(e, "the address of a bucket expected", "to");
    r = run_outputs_add(&p->outputs, from, to, always);
    if (r == -E2BIG)
        return err_set(e, -EBADMSG, BLAME_BUG, "more than %d outputs", RUN_OUTPUTS_MAX);
    return r < 0 ? err_oom(e) : 0;
}

static int decode_node(const struct fact *f, struct plan *p, struct err *e)
{
    static const char *const KEYS[] = {"node", "fqdn", "group"};
    const char *address = "", *fqdn = "", *group = "";
    int r = only_keys(f, KEYS, ARRAY_SIZE(KEYS), e);

    if (r == 0)
        r = get_text(f, "node", &address, e);
    if (r == 0)
        r = get_text(f, "fqdn", &fqdn, e);
    if (r == 0)
        r = get_text(f, "group", &group, e);
    if (r < 0)
        return r;
    r = cluster_add(&p->cluster, group, address, fqdn);
    if (r == -EINVAL)
        return refuse(e, "an IP address, a host's name and a group's name expected", "node");
    if (r == -E2BIG)
        return err_set(e, -EBADMSG, BLAME_BUG, "more than %d nodes", CLUSTER_NODES_MAX);
    return r < 0 ? err_oom(e) : 0;
}

/* A line with one text of a list. */
static int decode_item(const struct fact *f, const char *key, bool (*valid)(const char *), size_t max,
                       struct strlist *list, struct err *e)
{
    const char *text = "";
    int r = only_keys(f, &key, 1, e);

    if (r == 0)
        r = get_text(f, key, &text, e);
    if (r < 0)
        return r;
    if (valid != NULL && !valid(text))
        return refuse(e, "not a valid value", key);
    if (list->count == max)
        return err_set(e, -EBADMSG, BLAME_BUG, "%s: more than %zu of them", key, max);
    return strlist_add(list, text) == 0 ? 0 : err_oom(e);
}

static int decode_limit(const struct fact *f, struct plan *p, struct err *e)
{
    static const char *const KEYS[] = {"limit", "value", "shape"};
    const char *name = "";
    enum run_limit limit;
    int r = only_keys(f, KEYS, ARRAY_SIZE(KEYS), e);

    if (r == 0)
        r = get_text(f, "limit", &name, e);
    if (r < 0)
        return r;
    limit = run_limit_from_name(name);
    if (limit == LIMIT_COUNT)
        return err_set(e, -EBADMSG, BLAME_BUG, "limit: unknown value '%.64s'", name);
    if (p->limits.value[limit] != LIMIT_UNSET)
        return refuse(e, "given twice", name);
    if (!fact_bool(f, "shape", &p->limits.by_shape[limit]))
        return refuse(e, "true or false expected", "shape");
    return get_number(f, "value", run_limit_info(limit)->min, run_limit_info(limit)->max,
                      &p->limits.value[limit], e);
}

static int decode_cpuset(const struct fact *f, struct plan *p, struct err *e)
{
    static const char *const KEYS[] = {"cpuset"};
    const char *text = "";
    int r = only_keys(f, KEYS, ARRAY_SIZE(KEYS), e);

    if (r == 0)
        r = get_text(f, "cpuset", &text, e);
    if (r < 0)
        return r;
    if (!cpuset_valid(text) || p->limits.cpuset[0] != '\0')
        return refuse(e, "one list of CPUs expected", "cpuset");
    (void)snprintf(p->limits.cpuset, sizeof(p->limits.cpuset), "%s", text);
    return 0;
}

static int decode_stop_signal(const struct fact *f, struct plan *p, struct err *e)
{
    static const char *const KEYS[] = {"stop-signal", "after"};
    struct stop_signals *then = &p->stop_then;
    int64_t signal = 0, after = 0;
    int64_t before = then->count > 0 ? then->item[then->count - 1].after_ms : 0;
    int r = only_keys(f, KEYS, ARRAY_SIZE(KEYS), e);

    if (r == 0 && then->count == STOP_SIGNALS_MAX)
        r = err_set(e, -EBADMSG, BLAME_BUG, "more than %d further stop signals", STOP_SIGNALS_MAX);
    if (r == 0)
        r = get_number(f, "stop-signal", 1, _NSIG - 1, &signal, e);
    if (r == 0)
        r = get_number(f, "after", before + 1, STOP_GRACE_MS_MAX, &after, e);
    if (r < 0)
        return r;
    then->item[then->count].signal = (int)signal;
    then->item[then->count++].after_ms = after;
    return 0;
}

static int decode_var(const struct fact *f, struct plan *p, struct err *e)
{
    static const char *const KEYS[] = {"env", "value", "layer"};
    const char *key = "", *value = "", *layer_text = "";
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
        return decode_item(&f, "arg", NULL, PLAN_ARGS_MAX, &p->args, e);
    if (has_member(&f, "limit"))
        return decode_limit(&f, p, e);
    if (has_member(&f, "cpuset"))
        return decode_cpuset(&f, p, e);
    if (has_member(&f, "device"))
        return decode_item(&f, "device", device_path_valid, SANDBOX_DEVICES_MAX, &p->sandbox.devices, e);
    if (has_member(&f, "system-call"))
        return decode_item(&f, "system-call", system_call_name_valid, SANDBOX_SYSTEM_CALLS_MAX,
                           &p->sandbox.system_calls, e);
    if (has_member(&f, "stop-signal"))
        return decode_stop_signal(&f, p, e);
    if (has_member(&f, "output"))
        return decode_output(&f, p, e);
    if (has_member(&f, "mount"))
        return decode_mount(&f, p, e);
    if (has_member(&f, "node"))
        return decode_node(&f, p, e);
    if (has_member(&f, "probe"))
        return decode_item(&f, "probe", NULL, PROBE_COMMAND_WORDS_MAX, &p->probe.command, e);
    if (has_member(&f, "env"))
        return decode_var(&f, p, e);
    return err_set(e, -EBADMSG, BLAME_BUG, "unknown kind of fact");
}

static int check_counts(const struct plan *p, const int64_t counts[COUNT_KINDS], struct err *e)
{
    size_t found[COUNT_KINDS];

    plan_counts(p, found);
    for (size_t i = 0; i < COUNT_KINDS; i++)
        if (found[i] != (size_t)counts[i])
            return err_set(e, -EBADMSG, BLAME_BUG, "the plan announces %lld %s and has %zu",
                           (long long)counts[i], PLAN_COUNT_KEYS[i], found[i]);
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
    plan_init(ret);
    r = decode_lines(text, n, ret, e);
    if (r < 0)
        plan_free(ret);
    return r;
}
