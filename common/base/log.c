/* log.c - see log.h. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"

#define LOG_LINE_MAX 2048

static struct {
    const char *program;
    enum log_level level;
    bool journal;
} state = {"runlet", LOG_LEVEL_INFO, false};

void log_open(const char *program, enum log_level level)
{
    state.program = program;
    state.level = level;
    state.journal = getenv("JOURNAL_STREAM") != NULL;
}

void log_set_level(enum log_level level)
{
    state.level = level;
}

int log_level_parse(const char *name, enum log_level *ret)
{
    static const struct {
        const char *name;
        enum log_level level;
    } NAMES[] = {{"error", LOG_LEVEL_ERROR},
                 {"warning", LOG_LEVEL_WARNING},
                 {"notice", LOG_LEVEL_NOTICE},
                 {"info", LOG_LEVEL_INFO},
                 {"debug", LOG_LEVEL_DEBUG}};

    for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++)
        if (strcmp(NAMES[i].name, name) == 0) {
            *ret = NAMES[i].level;
            return 0;
        }
    return -EINVAL;
}

void log_at(enum log_level level, const char *fmt, ...)
{
    char line[LOG_LINE_MAX];
    int saved = errno;
    int n;
    va_list ap;

    if (level > state.level)
        return;
    if (state.journal)
        n = snprintf(line, sizeof(line), "<%d>", (int)level);
    else
        n = snprintf(line, sizeof(line), "%s: ", state.program);
    va_start(ap, fmt);
    n += vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
    va_end(ap);
    if ((size_t)n > sizeof(line) - 2)
        n = (int)sizeof(line) - 2;
    for (int i = 0; i < n; i++)
        if ((unsigned char)line[i] < 0x20)
            line[i] = ' ';
    line[n++] = '\n';
    (void)!write(STDERR_FILENO, line, (size_t)n);
    errno = saved;
}
