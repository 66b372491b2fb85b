/*
 * load.h - read a small file of a run directory whole.
 */
#ifndef RECORD_LOAD_H
#define RECORD_LOAD_H

#include "base/err.h"
#include "base/strbuf.h"

/* Appends all bytes of the open regular file fd to *ret, from its start. -E2BIG when *ret would be over its
 * maximum; `name` is for the message. */
int load_fd(int fd, const char *name, struct strbuf *ret, struct err *e);

/* Opens `name` in dir_fd (no symbolic link, regular files only) and loads it. A missing file is -ENOENT. */
int load_file(int dir_fd, const char *name, struct strbuf *ret, struct err *e);

/* Writes all n bytes at the file's position (or its end, with O_APPEND). 0, or a negative errno: some may be
 * written. */
int write_all(int fd, const void *bytes, size_t n);

#endif
