/* plan_encode.c - a plan as facts. See plan.h. */
#include "wire/plan.h"

#include <errno.h>
#include <string.h>

#include "base/fact.h"
#include "base/parse.h"
#include "wire/plan_fields.h"

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

static void put_field(struct encoder *enc, struct fact_writer *w, const struct plan_field *field,
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
    size_t counts[COUNT_KINDS];
    struct fact_writer w = line_begin(enc);

    plan_counts(p, counts);
    fact_put_int(&w, "plan", PLAN_VERSION);
    for (size_t i = 0; i < PLAN_FIELD_COUNT; i++)
        put_field(enc, &w, &PLAN_FIELDS[i], p);
    fact_put_string(&w, "entry_kind", ENTRY_KIND_NAMES[p->entry_kind]);
    for (size_t i = 0; i < COUNT_KINDS; i++) {
        fact_put_int(&w, PLAN_COUNT_KEYS[i], (int64_t)counts[i]);
        if (counts[i] > (size_t)PLAN_COUNT_MAX[i] && enc->failed == 0)
            enc->failed = -E2BIG;
    }
    line_end(enc, &w);
}

static void encode_limits(struct encoder *enc, const struct run_limits *limits)
{
    for (unsigned i = 0; i < LIMIT_COUNT; i++) {
        struct fact_writer w;
        if (limits->value[i] == LIMIT_UNSET)
            continue;
        w = line_begin(enc);
        fact_put_string(&w, "limit", run_limit_info((enum run_limit)i)->name);
        fact_put_int(&w, "value", limits->value[i]);
        fact_put_bool(&w, "shape", limits->by_shape[i]);
        line_end(enc, &w);
    }
    if (limits->cpuset[0] != '\0') {
        struct fact_writer w = line_begin(enc);
        put_text(enc, &w, "cpuset", limits->cpuset);
        line_end(enc, &w);
    }
}

/* One line for each text of the list. */
static void encode_list(struct encoder *enc, const char *key, const struct strlist *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct fact_writer w = line_begin(enc);
        put_text(enc, &w, key, list->item[i]);
        line_end(enc, &w);
    }
}

int plan_encode(const struct plan *p, struct strbuf *out)
{
    struct encoder enc = {.out = out};
    size_t start = out->len;

    encode_first(&enc, p);
    for (size_t i = 0; i < p->placement_count; i++) {
        struct fact_writer w = line_begin(&enc);
        fact_put_string(&w, "place", PLACEMENT_FORM_NAMES[p->placement[i].form]);
        put_text(&enc, &w, "name", p->placement[i].name);
        put_text(&enc, &w, "into", p->placement[i].into);
        line_end(&enc, &w);
    }
    encode_list(&enc, "arg", &p->args);
    for (size_t i = 0; i < p->env.count; i++) {
        struct fact_writer w = line_begin(&enc);
        put_text(&enc, &w, "env", p->env.var[i].key);
        put_text(&enc, &w, "value", p->env.var[i].value);
        fact_put_string(&w, "layer", env_layer_name(p->env.var[i].layer));
        line_end(&enc, &w);
    }
    encode_limits(&enc, &p->limits);
    encode_list(&enc, "device", &p->sandbox.devices);
    encode_list(&enc, "system-call", &p->sandbox.system_calls);
    for (size_t i = 0; i < p->mount_count; i++) {
        struct fact_writer w = line_begin(&enc);
        fact_put_string(&w, "mount", MOUNT_KIND_NAMES[p->mount[i].kind]);
        put_text(&enc, &w, "source", p->mount[i].source);
        put_text(&enc, &w, "target", p->mount[i].target);
        fact_put_bool(&w, "read_only", p->mount[i].read_only);
        line_end(&enc, &w);
    }
    for (size_t i = 0; i < p->outputs.count; i++) {
        struct fact_writer w = line_begin(&enc);
        put_text(&enc, &w, "output", p->outputs.item[i].from);
        put_text(&enc, &w, "to", p->outputs.item[i].to);
        fact_put_bool(&w, "always", p->outputs.item[i].always);
        line_end(&enc, &w);
    }
    for (size_t i = 0; i < p->stop_then.count; i++) {
        struct fact_writer w = line_begin(&enc);
        fact_put_int(&w, "stop-signal", p->stop_then.item[i].signal);
        fact_put_int(&w, "after", p->stop_then.item[i].after_ms);
        line_end(&enc, &w);
    }
    for (size_t i = 0; i < p->cluster.count; i++) {
        struct fact_writer w = line_begin(&enc);
        put_text(&enc, &w, "node", p->cluster.node[i].address);
        put_text(&enc, &w, "fqdn", p->cluster.node[i].fqdn);
        put_text(&enc, &w, "group", p->cluster.node[i].group);
        line_end(&enc, &w);
    }
    encode_list(&enc, "probe", &p->probe.command);
    if (enc.failed == 0 && enc.out->len - start > PLAN_BYTES_MAX)
        return -E2BIG;
    return enc.failed;
}
