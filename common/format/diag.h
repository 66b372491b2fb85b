/*
 * diag.h - what is wrong with a document: a list of errors and warnings with their places.
 *
 * Reading goes on after an error, so that a person sees several at once. Each message says what was expected.
 */
#ifndef FORMAT_DIAG_H
#define FORMAT_DIAG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/limits.h"
#include "base/strbuf.h"

struct diag_where {
    int line, column;  /* 0 when unknown */
    char pointer[160]; /* JSON pointer, "" when line is known or for the root */
};

enum diag_severity {
    DIAG_ERROR,
    DIAG_WARNING,
};

struct diag {
    enum diag_severity severity;
    char *file; /* owned; NULL for none */
    struct diag_where where;
    char *message; /* owned */
};

struct diag_list {
    const char *file; /* borrowed: name of the document being read, put into each entry */
    struct diag *entry;
    size_t count;            /* at most DIAG_MAX are kept */
    size_t errors, warnings; /* all that were found */
};

void diag_free(struct diag_list *l);
#define diag_auto diag_free

void diag_error(struct diag_list *l, struct diag_where where, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void diag_warning(struct diag_list *l, struct diag_where where, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Appends one line for each entry: "job.yaml:12:9: error: ...", "job.json: /jobConfigurationDetails: warning:
 * ...". */
void diag_print(const struct diag_list *l, struct strbuf *out);

#endif
