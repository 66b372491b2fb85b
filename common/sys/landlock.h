/*
 * landlock.h - a process gives up access to files for good, without needing privilege for it.
 *
 * Rights are named for what they are for; each is cut to what the running kernel's Landlock knows. Raw system calls:
 * the C library has no wrappers. Source: linux/landlock.h, ABI 1 (Linux 5.13) to 7.
 */
#ifndef SYS_LANDLOCK_H
#define SYS_LANDLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* What a rule grants below a folder, or on one file. */
enum landlock_grant {
    GRANT_READ = 1,    /* read files, list folders */
    GRANT_EXECUTE = 2, /* execute files */
    GRANT_WRITE = 4,   /* write and truncate files, ioctl on devices */
    GRANT_CHANGE = 8,  /* make, remove, rename and link entries of any kind but devices */
};

/* The ABI of the running kernel; 0 when it has no Landlock, or it is switched off. */
int landlock_abi(void);

/* A ruleset that denies every right the ABI knows, but for what is allowed on it. With `scoped` (from ABI 6): signals
 * to, and abstract unix sockets of, processes outside are out of reach as well. fd or -errno. */
int landlock_begin(int abi, bool scoped);

/* Allows below the folder, or on the file, that path_fd is open for (O_PATH will do). 0 or -errno. */
int landlock_allow(int ruleset_fd, int abi, int path_fd, unsigned grants);

/* The same by path; a path that does not exist is passed over. */
int landlock_allow_path(int ruleset_fd, int abi, const char *path, unsigned grants);

/* From here on the rules hold for this process and all it starts. It needs no_new_privs. 0 or -errno. */
int landlock_enforce(int ruleset_fd);

#endif
