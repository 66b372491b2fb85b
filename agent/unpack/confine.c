/*
 * confine.c - the two kernel filters of the unpacker: Landlock for files, seccomp for system calls.
 */
#include "unpack/confine.h"

#include <errno.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"

/* Rights that came after the first Landlock, for headers that are older than the kernel. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif

static uint64_t handled_rights(long abi)
{
    uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

    if (abi >= 2)
        all |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3)
        all |= LANDLOCK_ACCESS_FS_TRUNCATE;
    if (abi >= 5)
        all |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
    return all;
}

int confine_files(int home, struct err *e)
{
    const uint64_t granted = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
                             LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_MAKE_DIR |
                             LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SYM |
                             LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_TRUNCATE;
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct landlock_ruleset_attr rules = {.handled_access_fs = handled_rights(abi)};
    struct landlock_path_beneath_attr below = {.allowed_access = granted & handled_rights(abi),
                                               .parent_fd = home};
    AUTO_CLOSE int fd = -1;

    if (abi < 1)
        return 0;
    fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);
    if (fd < 0 || syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &below, 0) < 0 ||
        syscall(SYS_landlock_restrict_self, fd, 0) < 0)
        return err_errno(e, errno, BLAME_NODE, "restrict to the home");
    return 1;
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
