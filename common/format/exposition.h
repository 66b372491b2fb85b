/*
 * exposition.h - writing metrics as text: Prometheus's exposition format, version 0.0.4.
 *
 *     exposition_family(out, "runlet_runs", "gauge", "Runs, by phase.");
 *     exposition_sample(out, "runlet_runs", (struct exposition_label[]){{"phase", "RUNNING"}}, 1, 3);
 *
 * A family stands once, before its samples. Source: https://prometheus.io/docs/instrumenting/exposition_formats/.
 * Failures stay in the buffer (strbuf.h): check it once, at the end.
 */
#ifndef FORMAT_EXPOSITION_H
#define FORMAT_EXPOSITION_H

#include <stddef.h>

#include "base/strbuf.h"

#define EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct exposition_label {
    const char *name, *value; /* the value is any text */
};

/* `type` is "counter", "gauge" or "histogram"; help is a sentence on one line. */
void exposition_family(struct strbuf *out, const char *name, const char *type, const char *help);

/* One line. `name` is the family's, with _bucket, _sum or _count behind it for a histogram. */
void exposition_sample(struct strbuf *out, const char *name, const struct exposition_label *label,
                       size_t count, double value);

/* A family of one sample without labels. */
void exposition_single(struct strbuf *out, const char *name, const char *type, const char *help,
                       double value);

#endif
