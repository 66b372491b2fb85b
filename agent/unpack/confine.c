/*
 * confine.c - the two kernel filters of the unpacker: Landlock for files, seccomp for system calls.
 */
#include "unpack/confine.h"

#include <errno.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/landlock.h"

int confine_files(int home, struct err *e)
{
    int abi = landlock_abi();
    AUTO_CLOSE int rules = -1;
    int r;

    if (abi < 1)
        return 0;
    rules = landlock_begin(abi, false);
    r = rules < 0 ? rules : landlock_allow(rules, abi, home, GRANT_READ | GRANT_WRITE | GRANT_CHANGE);
    if (r == 0)
        r = landlock_enforce(rules);
    return r < 0 ? err_errno(e, -r, BLAME_NODE, "restrict to the home") : 1;
}

/* What unpacking uses, then what the C library uses on its own (memory, abort, exit). */
static const int ALLOWED[] = {
    SCMP_SYS(openat2),       SCMP_SYS(openat),          SCMP_SYS(close),          SCMP_SYS(read),
    SCMP_SYS(readv),         SCMP_SYS(pread64),         SCMP_SYS(write),          SCMP_SYS(writev),
    SCMP_SYS(pwrite64),      SCMP_SYS(lseek),           SCMP_SYS(_llseek),        SCMP_SYS(copy_file_range),
    SCMP_SYS(ftruncate),     SCMP_SYS(ftruncate64),     SCMP_SYS(fstat),          SCMP_SYS(fstat64),
    SCMP_SYS(newfstatat),    SCMP_SYS(fstatat64),       SCMP_SYS(statx),          SCMP_SYS(mkdirat),
    SCMP_SYS(symlinkat),     SCMP_SYS(linkat),          SCMP_SYS(utimensat),      SCMP_SYS(utimensat_time64),
    SCMP_SYS(getdents64),    SCMP_SYS(fcntl),           SCMP_SYS(fcntl64),        SCMP_SYS(fadvise64),
    SCMP_SYS(munmap),        SCMP_SYS(mremap),          SCMP_SYS(madvise),        SCMP_SYS(brk),
    SCMP_SYS(futex),         SCMP_SYS(rt_sigaction),    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),   SCMP_SYS(getpid),          SCMP_SYS(gettid),         SCMP_SYS(tgkill),
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64), SCMP_SYS(gettimeofday),   SCMP_SYS(getrandom),
    SCMP_SYS(sched_yield),   SCMP_SYS(restart_syscall), SCMP_SYS(exit),           SCMP_SYS(exit_group),
    SCMP_SYS(readlinkat),
};

static int add_rules(scmp_filter_ctx filter)
{
    static const int MAPPING[] = {SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect)};
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(ALLOWED); i++)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, ALLOWED[i], 0);
    /* Memory, but no code: a library in the archive must not become one of ours. */
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(MAPPING); i++)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, MAPPING[i], 1,
                             SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return r;
}

int confine_syscalls(struct err *e)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    AUTO_CLOSE int probe = -1;
    int r = 0;

    if (filter == NULL)
        return err_oom(e);
    r = add_rules(filter);
    if (r == 0)
        r = seccomp_load(filter);
    seccomp_release(filter);
    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "filter system calls");
    probe = socket(AF_UNIX, SOCK_STREAM, 0);
    if (probe >= 0 || errno != EPERM)
        return err_set(e, -EPERM, BLAME_NODE, "the filter is not in force");
    return 0;
}
