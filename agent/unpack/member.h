/*
 * member.h - what a member of an archive may be called, where its links may lead, how much it may bring.
 * Pure.
 *
 * Every name is checked here before anything is created, and again by the kernel when it is created (tree.h
 * resolves beneath the landing folder and through no link). Refusals blame the assignment.
 */
#ifndef UNPACK_MEMBER_H
#define UNPACK_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Bytes of a path: PATH_MAX less room for the landing folder as the job sees it. */
#define MEMBER_PATH_MAX 3840
/* Folders above a member: real trees (node_modules, Java packages) stay below 40. */
#define MEMBER_DEPTH_MAX 128
/* Bytes of a name in a message; see member_print. */
#define MEMBER_PRINT_MAX 160
/* The ratio cap starts here: small text and sparse data compress well beyond any sensible ratio. */
#define RATIO_FLOOR_BYTES (100ULL << 20)

/* A member's path as it will be created: relative, no empty, "." or ".." part. Empty for the archive's root.
 */
struct member_path {
    char text[MEMBER_PATH_MAX + 1];
    unsigned depth; /* folders above it: 0 for "a", 1 for "d/a" */
};

/* Checks and normalises a path: absolute ones, "..", control characters, over-long or too deep ones are
 * -EINVAL. Other bytes are kept as they are, backslashes and bytes that are not UTF-8 included. */
int member_path_read(const char *raw, struct member_path *ret, struct err *e);

/*
 * Checks the target of the symbolic link at `link`. It must be relative and stay inside the tree, and ".."
 * may stand only at its start. That last rule makes the check complete: every link's own folder is a real
 * folder (nothing is created through a link), so leading ".." climb real folders, and what follows only goes
 * down or through links checked the same way. "d/../x" could climb out although it looks level, when d is a
 * link.
 */
int member_symlink_check(const struct member_path *link, const char *target, struct err *e);

/* Whether the (normalised) path is litter that file managers leave in archives: __MACOSX/ and .DS_Store. */
bool member_is_junk(const char *path);

/* The mode a file gets: 0755 when anybody may execute it, else 0644. Special bits and odd masks are dropped,
 * so that mode 0 and the absence of modes in a zip still give readable files. */
unsigned member_file_mode(unsigned mode);

/* Writes the name for a message: control characters as '?', at most MEMBER_PRINT_MAX bytes with "..." at the
 * cut. */
const char *member_print(const char *name, char out[MEMBER_PRINT_MAX + 1]);

struct unpack_limits {
    uint64_t max_bytes; /* all files together */
    uint64_t max_files; /* all members together, folders and links too */
    uint64_t max_ratio; /* unpacked : packed, per archive */
};

/* What the placements brought so far. */
struct unpack_usage {
    uint64_t members;  /* of archives, and single files; litter counts */
    uint64_t files;    /* created, without folders */
    uint64_t bytes;    /* sizes of the files, holes included */
    uint64_t inflated; /* data bytes of the archive at hand */
    uint64_t packed;   /* size of the archive at hand */
};

/* 0, or -EFBIG naming the limit that the usage is over. */
int usage_check(const struct unpack_usage *u, const struct unpack_limits *l, struct err *e);

/* Whether a file is named to people who have not said which one to start: .py .sh .bash .jar. Of classes there are too many. */
bool entry_extension_known(const char *path);

#endif
