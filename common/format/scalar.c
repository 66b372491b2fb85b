/* scalar.c - see scalar.h. */
#include "format/scalar.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/parse.h"

static bool one_of(const char *text, const char *const words[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

static size_t skip_digits(const char **p)
{
    const char *start = *p;

    while (isdigit((unsigned char)**p))
        (*p)++;
    return (size_t)(*p - start);
}

/* [-+]? (digits [. digits?] | . digits) ([eE] [-+]? digits)?; *ret_integer when there is neither dot nor
 * exponent. */
static bool is_number(const char *text, bool *ret_integer)
{
    const char *p = text;
    size_t whole, fraction = 0;
    bool dot, exponent = false;

    if (*p == '-' || *p == '+')
        p++;
    whole = skip_digits(&p);
    dot = *p == '.';
    if (dot) {
        p++;
        fraction = skip_digits(&p);
    }
    if (whole + fraction == 0)
        return false;
    if (*p == 'e' || *p == 'E') {
        exponent = true;
        p++;
        if (*p == '-' || *p == '+')
            p++;
        if (skip_digits(&p) == 0)
            return false;
    }
    *ret_integer = !dot && !exponent;
    return *p == '\0';
}

/* 0o17 and 0x1f. */
static bool is_based(const char *text, int64_t *ret)
{
    unsigned base = strncmp(text, "0x", 2) == 0 ? 16 : strncmp(text, "0o", 2) == 0 ? 8 : 0;
    int64_t value = 0;

    if (base == 0 || text[2] == '\0')
        return false;
    for (const char *p = text + 2; *p != '\0'; p++) {
        unsigned digit = isdigit((unsigned char)*p)    ? (unsigned)(*p - '0')
                         : isxdigit((unsigned char)*p) ? (unsigned)(tolower((unsigned char)*p) - 'a' + 10)
                                                       : base;
        if (digit >= base || value > (INT64_MAX - (int64_t)digit) / (int64_t)base)
            return false;
        value = value * (int64_t)base + (int64_t)digit;
    }
    *ret = value;
    return true;
}

static bool is_special_real(const char *text, double *ret)
{
    static const char *const INFINITE[] = {".inf", ".Inf", ".INF"};
    static const char *const NOT_A_NUMBER[] = {".nan", ".NaN", ".NAN"};
    bool negative = text[0] == '-';

    if (one_of(text, NOT_A_NUMBER, ARRAY_SIZE(NOT_A_NUMBER))) {
        *ret = NAN;
        return true;
    }
    if (negative || text[0] == '+')
        text++;
    if (!one_of(text, INFINITE, ARRAY_SIZE(INFINITE)))
        return false;
    *ret = negative ? -INFINITY : INFINITY;
    return true;
}

void scalar_resolve(struct node *n)
{
    static const char *const NONE[] = {"", "~", "null", "Null", "NULL"};
    static const char *const YES[] = {"true", "True", "TRUE"};
    static const char *const NO[] = {"false", "False", "FALSE"};
    const char *text = n->text;
    bool integer = false;

    n->kind = NODE_STRING;
    if (one_of(text, NONE, ARRAY_SIZE(NONE))) {
        n->kind = NODE_NULL;
    } else if (one_of(text, YES, ARRAY_SIZE(YES)) || one_of(text, NO, ARRAY_SIZE(NO))) {
        n->kind = NODE_BOOL;
        n->integer = tolower((unsigned char)text[0]) == 't';
    } else if (is_based(text, &n->integer)) {
        n->kind = NODE_INT;
        n->real = (double)n->integer;
    } else if (is_number(text, &integer)) {
        n->real = strtod(text, NULL);
        n->kind = integer && parse_i64(text + (text[0] == '+'), INT64_MIN, INT64_MAX, &n->integer) == 0
                      ? NODE_INT
                      : NODE_REAL;
    } else if (is_special_real(text, &n->real)) {
        n->kind = NODE_REAL;
    }
}
