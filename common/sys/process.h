/*
 * process.h - processes: an identity that outlives pid reuse, pidfds, users, dropped privilege.
 */
#ifndef SYS_PROCESS_H
#define SYS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define BOOT_ID_MAX 40

/* A process is known by boot, pid and start time (clock ticks after boot), never by pid alone. */
struct process_identity {
    char boot_id[BOOT_ID_MAX];
    pid_t pid;
    uint64_t start_time;
};

/* The boot id of this machine's kernel; "" when /proc does not tell. */
void boot_id_read(char ret[BOOT_ID_MAX]);

/* Identity of the live process `pid`. 0 or -ESRCH. */
int process_identity_of(pid_t pid, struct process_identity *ret);

/* pidfd_open(2); -ENOSYS before Linux 5.3. */
int pidfd_of(pid_t pid);

/* Reaps the child `pid`, looking again every few milliseconds for ms at most. Whether it has gone: for callers outside of a loop
 * that hears SIGCHLD, who must not wait for one that hangs. */
bool process_reap(pid_t pid, int64_t ms);

struct user_ids {
    uid_t uid;
    gid_t gid;
};

/* Looks up a user and a group by name (or number). 0 or -ENOENT with a remedy in the text. */
int user_lookup(const char *user, const char *group, struct user_ids *ret, struct err *e);

/* Gives up root for good: no supplementary groups, all three ids of both kinds, no effective capabilities unless `to` is root, and
 * checks that it took. Groups stay
 * where they cannot be given up, in a user namespace that an ordinary user made. */
int privilege_drop(struct user_ids to, struct err *e);

/* Empties the bounding, inheritable and ambient capability sets; needs CAP_SETPCAP. The permitted and
 * effective sets go with the change of user. 0 or -errno. */
int capabilities_forbid(void);

/* Empties the permitted and effective sets too. 0 or -errno. */
int capabilities_clear(void);

#endif
