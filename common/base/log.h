/*
 * log.h - the program's own log, one line per message on stderr.
 *
 * Only programs' edges log; library code returns errors. Under systemd (JOURNAL_STREAM is set) each line
 * carries the "<N>" priority prefix that journald understands; on a terminal it carries the program's name.
 * The log level is the one mutable global of the code base.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_NOTICE = 5,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7,
};

/* Call once at start. `program` must stay valid. */
void log_open(const char *program, enum log_level level);

void log_set_level(enum log_level level);

/* "error", "warning", "notice", "info", "debug" -> level. 0 or -EINVAL. */
int log_level_parse(const char *name, enum log_level *ret);

void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...)  log_at(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...)    log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
