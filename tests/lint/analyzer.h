/*
 * analyzer.h - included before every source by tidy.py: what the analyzer cannot see across files.
 *
 * The functions of base/err.h return a negative code. Without knowing, the analyzer follows "it failed but
 * returned 0" and reports everything that such a path would leave unset.
 */
#ifndef LINT_ANALYZER_H
#define LINT_ANALYZER_H

#include "base/err.h"

static inline int analyzer_negative(int code)
{
    if (code >= 0)
        __builtin_unreachable();
    return code;
}

#define err_set(...)     analyzer_negative(err_set(__VA_ARGS__))
#define err_errno(...)   analyzer_negative(err_errno(__VA_ARGS__))
#define err_oom(e)       analyzer_negative(err_oom(e))
#define err_context(...) analyzer_negative(err_context(__VA_ARGS__))

#endif
