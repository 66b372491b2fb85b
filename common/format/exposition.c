/* exposition.c - see exposition.h. */
#include "format/exposition.h"

#include <math.h>

/* Enough for a byte count of 53 bits and for microseconds of 30 years. */
#define DIGITS 15

/* A label's value knows three escapes; every other byte stands for itself. */
static void put_value(struct strbuf *out, const char *value)
{
    for (const char *at = value; *at != '\0'; at++) {
        switch (*at) {
        case '\\': (void)strbuf_addstr(out, "\\\\"); break;
        case '"': (void)strbuf_addstr(out, "\\\""); break;
        case '\n': (void)strbuf_addstr(out, "\\n"); break;
        default: (void)strbuf_addch(out, *at); break;
        }
    }
}

static void put_number(struct strbuf *out, double value)
{
    if (isnan(value))
        (void)strbuf_addstr(out, "NaN");
    else if (isinf(value))
        (void)strbuf_addstr(out, value > 0 ? "+Inf" : "-Inf");
    else
        (void)strbuf_addf(out, "%.*g", DIGITS, value);
}

void exposition_family(struct strbuf *out, const char *name, const char *type, const char *help)
{
    (void)strbuf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void exposition_sample(struct strbuf *out, const char *name, const struct exposition_label *label,
                       size_t count, double value)
{
    (void)strbuf_addstr(out, name);
    for (size_t i = 0; i < count; i++) {
        (void)strbuf_addf(out, "%c%s=\"", i == 0 ? '{' : ',', label[i].name);
        put_value(out, label[i].value);
        (void)strbuf_addch(out, '"');
    }
    (void)strbuf_addstr(out, count > 0 ? "} " : " ");
    put_number(out, value);
    (void)strbuf_addch(out, '\n');
}

void exposition_single(struct strbuf *out, const char *name, const char *type, const char *help, double value)
{
    exposition_family(out, name, type, help);
    exposition_sample(out, name, NULL, 0, value);
}
