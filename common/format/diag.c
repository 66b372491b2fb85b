/* diag.c - see diag.h. */
#include "format/diag.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

#define MESSAGE_MAX 1024

void diag_free(struct diag_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->entry[i].file);
        free(l->entry[i].message);
    }
    free(l->entry);
    *l = (struct diag_list){.file = l->file};
}

/* A key or value quoted in a message must not break its line nor speak to the terminal. */
static void make_printable(char *s)
{
    for (; *s != '\0'; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7F)
            *s = '?';
}

/* An entry that finds no memory is lost, but it was counted: the document stays refused. */
__attribute__((format(printf, 4, 0))) static void add(struct diag_list *l, enum diag_severity severity,
                                                      struct diag_where where, const char *fmt, va_list ap)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(MESSAGE_MAX);
    AUTO_FREE char *message = NULL;
    AUTO_FREE char *file = NULL;

    if (severity == DIAG_ERROR)
        l->errors++;
    else
        l->warnings++;
    if (l->count == DIAG_MAX)
        return;
    if (l->entry == NULL) {
        l->entry = calloc(DIAG_MAX, sizeof(*l->entry));
        if (l->entry == NULL)
            return;
    }
    if (strbuf_vaddf(&text, fmt, ap) == -E2BIG) {
        strbuf_reset(&text);
        strbuf_addstr(&text, fmt);
    }
    message = strbuf_take(&text);
    if (message == NULL)
        return;
    if (l->file != NULL && (file = strdup(l->file)) == NULL)
        return;
    make_printable(message);
    make_printable(where.pointer);
    l->entry[l->count++] = (struct diag){
        .severity = severity, .file = take_ptr(&file), .where = where, .message = take_ptr(&message)};
}

void diag_error(struct diag_list *l, struct diag_where where, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add(l, DIAG_ERROR, where, fmt, ap);
    va_end(ap);
}

void diag_warning(struct diag_list *l, struct diag_where where, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add(l, DIAG_WARNING, where, fmt, ap);
    va_end(ap);
}

static void print_place(const struct diag *d, struct strbuf *out)
{
    if (d->file != NULL)
        strbuf_addf(out, "%s:", d->file);
    if (d->where.line > 0)
        strbuf_addf(out, "%d:%d:", d->where.line, d->where.column);
    if ((d->file != NULL || d->where.line > 0) && d->where.pointer[0] == '\0')
        strbuf_addch(out, ' ');
    if (d->where.pointer[0] != '\0')
        strbuf_addf(out, "%s%s: ", d->file != NULL || d->where.line > 0 ? " " : "", d->where.pointer);
}

void diag_print(const struct diag_list *l, struct strbuf *out)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct diag *d = &l->entry[i];
        print_place(d, out);
        strbuf_addf(out, "%s: %s\n", d->severity == DIAG_ERROR ? "error" : "warning", d->message);
    }
    if (l->errors + l->warnings > l->count && l->count == DIAG_MAX)
        strbuf_addf(out, "... and %zu more\n", l->errors + l->warnings - l->count);
}
