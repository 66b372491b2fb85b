/*
 * extract.h - one archive into the landing folder, by libarchive.
 *
 * Names that an archive marks as Unicode arrive in composed form (NFC), as libarchive reads them; others keep
 * their bytes.
 *
 * The only file that parses archives. The kind is found by content: zip; tar, plain or compressed by gzip,
 * xz, zstd or bzip2.
 */
#ifndef UNPACK_EXTRACT_H
#define UNPACK_EXTRACT_H

#include "base/err.h"
#include "unpack/member.h"
#include "unpack/tree.h"

/* Unpacks the regular file fd, from its start, into the tree and adds to *usage. `name` is for messages, and
 * refuses a zip that is named .tar and the reverse. On failure what was written so far stays; the error names
 * the member. */
int extract_archive(int fd, const char *name, struct tree *t, const struct unpack_limits *limits,
                    struct unpack_usage *usage, struct err *e);

#endif
