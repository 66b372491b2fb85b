/*
 * report.c - the unpacker's answer, as facts.
 */
#include "unpack/report.h"

#include <errno.h>

#include "base/fact.h"

int report_success(const struct outcome *o, struct strbuf *out)
{
    struct fact_writer w = fact_begin(out);
    int r = 0;

    fact_put_bool(&w, "unpacked", true);
    fact_put_int(&w, "files", (int64_t)o->usage.files);
    fact_put_int(&w, "bytes", (int64_t)o->usage.bytes);
    r = fact_end(&w);
    for (size_t i = 0; r == 0 && i < o->runtime.env.count; i++) {
        w = fact_begin(out);
        fact_put_string(&w, "env", o->runtime.env.var[i].key);
        fact_put_string(&w, "value", o->runtime.env.var[i].value);
        r = fact_end(&w);
    }
    if (r < 0)
        return r;
    w = fact_begin(out);
    fact_put_string(&w, "entry-file", o->entry_file);
    r = fact_end(&w);
    if (r < 0 || o->main_class == NULL)
        return r;
    w = fact_begin(out);
    fact_put_string(&w, "main-class", o->main_class);
    return fact_end(&w);
}

int report_failure(const struct err *e, struct strbuf *out)
{
    struct fact_writer w = fact_begin(out);

    fact_put_bool(&w, "unpacked", false);
    /* The job's author can do something about the artifact; all else is the operator's. */
    fact_put_string(&w, "blame", blame_name(e->blame == BLAME_ASSIGNMENT ? BLAME_ASSIGNMENT : BLAME_NODE));
    fact_put_bool(&w, "disk-full", e->code == -ENOSPC || e->code == -EDQUOT);
    fact_put_string(&w, "reason", e->text);
    return fact_end(&w);
}
