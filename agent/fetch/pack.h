/*
 * pack.h - a directory of the user's as one archive, as ADS does before it uploads a job.
 */
#ifndef FETCH_PACK_H
#define FETCH_PACK_H

#include "base/err.h"

/*
 * Writes the directory open as dir_fd as an uncompressed tar to out_fd (at its current position). With `top`
 * names begin with "top/"; with NULL they are relative to the directory. Symbolic links are stored as links,
 * sockets and devices are refused, version control folders (.git) and __pycache__ are left out. Stops with
 * -E2BIG over max_bytes. 0 or negative with *e.
 */
int pack_directory(int dir_fd, const char *top, int out_fd, unsigned long long max_bytes, struct err *e);

#endif
