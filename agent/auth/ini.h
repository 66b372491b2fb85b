/*
 * ini.h - the files in which people keep credentials for clouds: [section], key = value.
 */
#ifndef AUTH_INI_H
#define AUTH_INI_H

#include <stddef.h>

#include "base/err.h"

/* One value that is wanted: the last one of the section wins. */
struct ini_value {
    const char *key;
    char **to; /* owned by the caller, replaced */
};

/* Reads the wanted values of one section from a file of at most 64 KiB. What else the file holds is passed over. 0;
 * -ENOENT when the file or the section is missing; another negative code. Errors name file, section and line, and
 * nothing of the content. */
int ini_read(const char *path, const char *section, const struct ini_value *wanted, size_t count,
             struct err *e);

#endif
