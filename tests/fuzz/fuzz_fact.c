// USES: base
/* fuzz_fact.c - any bytes as a fact: what is accepted can be written and read again without change. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/fact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_fact(const struct fact *f, struct strbuf *out)
{
    struct fact_writer w = fact_begin(out);

    for (size_t i = 0; i < f->count; i++) {
        const struct fact_member *m = &f->member[i];
        if (m->type == FACT_STRING)
            fact_put_string(&w, m->key, m->string);
        else if (m->type == FACT_INT)
            fact_put_int(&w, m->key, m->value);
        else
            fact_put_bool(&w, m->key, m->value != 0);
    }
    if (fact_end(&w) < 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(fact) struct fact f = {0};
    AUTO(fact) struct fact again = {0};
    AUTO(strbuf) struct strbuf first = STRBUF_INIT(8 * FACT_LINE_MAX);
    AUTO(strbuf) struct strbuf second = STRBUF_INIT(8 * FACT_LINE_MAX);
    struct err e = ERR_INIT;

    if (fact_decode((const char *)data, size, &f, &e) < 0) {
        if (f.count != 0 || e.code >= 0 || e.text[0] == '\0')
            abort();
        return 0;
    }
    write_fact(&f, &first);
    if (first.len > FACT_LINE_MAX)
        return 0;
    if (fact_decode(first.data, first.len, &again, &e) < 0)
        abort();
    write_fact(&again, &second);
    if (first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
        abort();
    return 0;
}
