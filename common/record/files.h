/*
 * files.h - read a small file whole, write bytes wholly.
 */
#ifndef RECORD_FILES_H
#define RECORD_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"

/* Appends all bytes of the open regular file fd to *ret, from its start. -E2BIG when *ret would be over its
 * maximum; `name` is for the message. */
int load_fd(int fd, const char *name, struct strbuf *ret, struct err *e);

/* Opens `name` in dir_fd (no symbolic link, regular files only) and loads it. A missing file is -ENOENT. */
int load_file(int dir_fd, const char *name, struct strbuf *ret, struct err *e);

/* Writes all n bytes at the offset. 0, or a negative errno: some may be written. Writers keep positions of
 * their own, so what a failed write left, even if it could not be cut off, is overwritten by the next. */
int write_at(int fd, const void *bytes, size_t n, uint64_t offset);

#endif
