/* err.c - see err.h. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"

static const char *const BLAME_NAMES[BLAME_COUNT] = {
    [BLAME_NONE] = "none", [BLAME_ASSIGNMENT] = "assignment",
    [BLAME_NODE] = "node", [BLAME_SERVICE] = "service",
    [BLAME_BUG] = "bug",
};

static int normal_code(int code)
{
    return code < 0 ? code : -EINVAL;
}

int err_set(struct err *e, int code, enum blame blame, const char *fmt, ...)
{
    va_list ap;

    e->code = normal_code(code);
    e->blame = blame;
    va_start(ap, fmt);
    (void)vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    return e->code;
}

int err_errno(struct err *e, int errnum, enum blame blame, const char *fmt, ...)
{
    va_list ap;
    char buf[128];
    size_t used;

    e->code = normal_code(-errnum);
    e->blame = blame;
    va_start(ap, fmt);
    (void)vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    used = strlen(e->text);
    (void)snprintf(e->text + used, sizeof(e->text) - used, ": %s", strerror_r(errnum, buf, sizeof(buf)));
    return e->code;
}

int err_oom(struct err *e)
{
    return err_set(e, -ENOMEM, BLAME_NODE, "out of memory");
}

int err_context(struct err *e, const char *fmt, ...)
{
    char inner[ERR_TEXT_MAX];
    va_list ap;
    size_t used;

    memcpy(inner, e->text, sizeof(inner));
    va_start(ap, fmt);
    (void)vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    used = strlen(e->text);
    (void)snprintf(e->text + used, sizeof(e->text) - used, ": %s", inner);
    return e->code;
}

const char *blame_name(enum blame blame)
{
    return (unsigned)blame < BLAME_COUNT ? BLAME_NAMES[blame] : "none";
}

enum blame blame_from_name(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(BLAME_NAMES); i++)
        if (strcmp(BLAME_NAMES[i], name) == 0)
            return (enum blame)i;
    return BLAME_NONE;
}
