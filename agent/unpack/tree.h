/*
 * tree.h - the landing folder: creates files, folders and links beneath one directory and nowhere else.
 *
 * Every path is resolved by the kernel beneath the folder's descriptor and through no symbolic link, whatever
 * the checks of member.h said. Folders that are missing on the way are made. An existing name is never
 * replaced.
 */
#ifndef UNPACK_TREE_H
#define UNPACK_TREE_H

#include <time.h>

#include "base/err.h"
#include "unpack/member.h"

struct tree {
    int root;   /* owned */
    int parent; /* owned; the folder opened last: members of a folder follow each other; -1: none */
    struct member_path parent_path;
};

void tree_close(struct tree *t);
#define tree_auto tree_close

/* Opens the folder `into` ("" for the home itself) below the home, making it when it is missing. */
int tree_open(int home, const char *into, struct tree *ret, struct err *e);

/* Makes a folder, 0755. One that exists is fine. */
int tree_mkdir(struct tree *t, const char *path, struct err *e);

/* Creates a regular file for writing. The caller owns *ret_fd. */
int tree_create(struct tree *t, const char *path, unsigned mode, int *ret_fd, struct err *e);

/* Makes a symbolic link; the target was checked by member_symlink_check. */
int tree_symlink(struct tree *t, const char *path, const char *target, struct err *e);

/* Makes another name for the regular file `target`, which must exist in the tree. */
int tree_hardlink(struct tree *t, const char *path, const char *target, struct err *e);

/* Sets the modification time. A time that the file system cannot hold is not an error. */
void tree_set_mtime(struct tree *t, const char *path, struct timespec mtime);

/* Opens a regular file for reading, through links that stay inside the tree. -ENOENT when there is none (or
 * it is not a regular file, or is reached by leaving the tree). */
int tree_open_file(int root, const char *path, int *ret_fd);

/* Fills the error for a failed write: a full disk is the node's, a file over the size limit the assignment's.
 */
int tree_write_failed(int errnum, struct err *e);

#endif
