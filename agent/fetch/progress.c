/* progress.c - see progress.h. */
#include "fetch/progress.h"

void progress_sample(struct progress *p, boot_ms_t now)
{
    unsigned slot = p->samples % PROGRESS_SAMPLES;

    /* From the start again: what was measured before says nothing. */
    if (p->samples > 0 && p->bytes < p->sample[(p->samples - 1) % PROGRESS_SAMPLES].bytes) {
        p->samples = 0;
        slot = 0;
    }
    p->sample[slot].at = now;
    p->sample[slot].bytes = p->bytes;
    p->samples++;
}

int64_t progress_rate(const struct progress *p)
{
    unsigned last, first;
    int64_t ms;

    if (p->samples < 2)
        return -1;
    last = (p->samples - 1) % PROGRESS_SAMPLES;
    first = p->samples > PROGRESS_SAMPLES ? p->samples % PROGRESS_SAMPLES : 0;
    ms = p->sample[last].at.ms - p->sample[first].at.ms;
    if (ms <= 0)
        return -1;
    return (int64_t)((p->sample[last].bytes - p->sample[first].bytes) * 1000 / (uint64_t)ms);
}

int64_t progress_left_ms(const struct progress *p)
{
    int64_t rate = progress_rate(p);

    if (rate <= 0 || p->total < 0 || (uint64_t)p->total < p->bytes)
        return -1;
    return (int64_t)(((uint64_t)p->total - p->bytes) * 1000 / (uint64_t)rate);
}

void progress_put(const struct progress *p, struct strbuf *out)
{
    struct fact_writer w = fact_begin(out);
    int64_t rate = progress_rate(p), left = progress_left_ms(p);

    fact_put_string(&w, "source", p->source);
    fact_put_string(&w, "name", p->name);
    fact_put_int(&w, "bytes", (int64_t)p->bytes);
    if (p->total >= 0)
        fact_put_int(&w, "total", p->total);
    if (rate >= 0)
        fact_put_int(&w, "rate", rate);
    if (left >= 0)
        fact_put_int(&w, "left-ms", left);
    fact_put_int(&w, "attempt", p->attempt);
    fact_put_bool(&w, "waiting", p->waiting);
    (void)fact_end(&w);
}
