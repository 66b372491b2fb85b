/*
 * fd.h - descriptors and small files: whole reads and writes, durable replacement, closing what must not
 * leak.
 */
#ifndef SYS_FD_H
#define SYS_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strbuf.h"

/* Writes all n bytes, continuing after short writes and EINTR. 0 or -errno. */
int fd_write_all(int fd, const void *bytes, size_t n);

/* Appends everything from fd's current position to its end. 0, -E2BIG when it is more than out->max, or
 * -errno. */
int fd_read_all(int fd, struct strbuf *out);

/* Reads the file `name` in dir_fd (no symbolic link), at most out->max bytes. Codes as above plus open(2)'s.
 */
int file_read(int dir_fd, const char *name, struct strbuf *out);

/* Creates or replaces `name` in dir_fd durably: temporary file, fsync, rename, fsync of the directory. 0 or
 * -errno. */
int file_replace(int dir_fd, const char *name, const void *bytes, size_t n, mode_t mode);

/* Opens the directory `path` below dir_fd (AT_FDCWD allowed) with O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC. fd or
 * -errno. */
int dir_open(int dir_fd, const char *path);

/* Makes the directory when it is missing, then owner (unless uid is -1) and mode are as given, also for one
 * that was there; refuses a link or another kind of file. 0 or a negative code with the path in the error. */
int dir_ensure(const char *path, mode_t mode, uid_t uid, gid_t gid, struct err *e);

/* Removes `name` below dir_fd with everything in it, not following links and not leaving the file system.
 * Goes on after a failure and returns the first one. -ENOENT is no failure. */
int tree_remove(int dir_fd, const char *name);

/* Bytes on disk of everything below the directory dir_fd, looking at no more than max_entries files; links are
 * not followed. */
uint64_t tree_bytes(int dir_fd, size_t max_entries);

/* Closes every descriptor from `from` up, except the `keep_count` ones in `keep` (ascending). */
void fd_close_from(int from, const int *keep, size_t keep_count);

/* Sets or clears O_NONBLOCK. 0 or -errno. */
int fd_set_nonblocking(int fd, bool on);

/* Sets or clears FD_CLOEXEC. 0 or -errno. */
int fd_set_cloexec(int fd, bool on);

/* A memory file that holds the n bytes and can no longer change (all seals set), positioned at its start.
 * fd or -errno. */
int fd_sealed(const char *name, const void *bytes, size_t n);

/* Whether fd is a memory file that can neither grow, shrink nor be written any more. */
bool fd_is_sealed(int fd);

#endif
