/* privilege.c - see privilege.h. */
#include "supervisor/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "base/strbuf.h"
#include "sys/capabilities.h"
#include "sys/fd.h"
#include "sys/process_status.h"

/* Folders of the job's user are emptied and removed, whatever modes (DAC_OVERRIDE) and sticky bits (FOWNER) it gave them;
 * and its processes killed, one by one where the kernel cannot kill a group (KILL). Where a process hangs that does not end, and
 * who still holds a device, is seen in /proc alone (SYS_PTRACE). */
#define KEPT                                                                                                 \
    (CAPABILITY_BIT(CAP_DAC_OVERRIDE) | CAPABILITY_BIT(CAP_FOWNER) | CAPABILITY_BIT(CAP_KILL) |              \
     CAPABILITY_BIT(CAP_SYS_PTRACE))
#define KEPT_NAMES "dac_override, fowner, kill, sys_ptrace"

/* A build for tests dies of a call that is missing here, so that every story proves the list; a node's answers EPERM, and
 * the kernel logs it. */
#ifdef RUNLET_CRASH_POINTS
#define OTHERWISE SCMP_ACT_TRAP
#else
#define OTHERWISE SCMP_ACT_ERRNO(EPERM)
#endif

#define CALL_NAME_MAX 40

/* What the rest of the supervisor's life uses, then what the C library uses on its own. Names, because the library that
 * knows their numbers may be older than some of them. */
static const char ALLOWED[] =
    "read readv pread64 write writev pwrite64 lseek openat open close fcntl dup dup3 fstat stat lstat "
    "newfstatat statx access faccessat faccessat2 readlink readlinkat getdents64 fstatfs statfs fsync "
    "fdatasync ftruncate fallocate fchmod fchmodat umask rename renameat renameat2 unlink unlinkat rmdir "
    "mkdirat flock poll ppoll sendmsg sendto recvmsg recvfrom connect accept accept4 getsockopt "
    "setsockopt getsockname getpeername shutdown kill tgkill wait4 waitid timerfd_settime timerfd_gettime "
    "clock_gettime clock_nanosleep nanosleep gettimeofday time getrusage sysinfo uname sched_getaffinity "
    "getpid getppid gettid getuid geteuid getgid getegid munmap mremap madvise brk futex membarrier rseq "
    "close_range close_range pipe2 rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending sigaltstack "
    "getrandom getrlimit prlimit64 "
    "sched_yield set_robust_list restart_syscall exit exit_group";

/* Nothing of ours calls these in any case: who does has taken us over. */
static const char HOSTILE[] =
    "execve execveat ptrace process_vm_readv process_vm_writev pidfd_getfd mount umount2 pivot_root "
    "chroot open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr setns unshare bpf "
    "init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff "
    "open_by_handle_at perf_event_open userfaultfd io_uring_setup keyctl add_key request_key iopl ioperm "
    "acct quotactl settimeofday clock_settime sethostname setdomainname";

#define NEW_NAMESPACES                                                                                       \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |            \
     CLONE_NEWNET)

static int lacking(bool best_effort, const char *name, const char *why, struct containment_list *list,
                   struct err *e)
{
    if (!best_effort)
        return err_set(e, -ENOTSUP, BLAME_NODE,
                       "%s: %s; run on a newer kernel, or set limits.bestEffort on this node", name, why);
    return containment_add(list, name, CONTAINMENT_MISSING, why, "") < 0 ? err_oom(e) : 0;
}

/* ---- system calls ---- */

/* A rule for each name that this library knows. 0 or -errno. */
static int add_names(scmp_filter_ctx filter, uint32_t action, const char *names)
{
    int r = 0;

    for (size_t n; r == 0 && *names != '\0'; names += n + (names[n] == ' ')) {
        char name[CALL_NAME_MAX];
        int number;
        n = strcspn(names, " ");
        (void)snprintf(name, sizeof(name), "%.*s", (int)n, names);
        number = seccomp_syscall_resolve_name(name);
        if (number != __NR_SCMP_ERROR)
            r = seccomp_rule_add(filter, action, number, 0);
    }
    return r;
}

#define ARGUMENT_IS(number, value)                                                                           \
    {                                                                                                        \
        number, SCMP_CMP_EQ, value, 0                                                                        \
    }

/* Calls of which one argument decides. */
static int add_arguments(scmp_filter_ctx filter)
{
    const struct {
        int number;
        struct scmp_arg_cmp argument;
    } RULES[] = {
        /* Memory, but no code. */
        {SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
        {SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
        /* Who holds a device is looked for by a child, which a file system that hangs may keep. */
        {SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, NEW_NAMESPACES, 0)},
        {SCMP_SYS(prctl), ARGUMENT_IS(0, PR_SET_PDEATHSIG)},
        /* The service manager is told of the stage. */
        {SCMP_SYS(socket), ARGUMENT_IS(0, AF_UNIX)},
        /* Denied calls of the job are answered. */
        {SCMP_SYS(seccomp), ARGUMENT_IS(0, SECCOMP_GET_NOTIF_SIZES)},
        {SCMP_SYS(ioctl), ARGUMENT_IS(1, SECCOMP_IOCTL_NOTIF_RECV)},
        {SCMP_SYS(ioctl), ARGUMENT_IS(1, SECCOMP_IOCTL_NOTIF_SEND)},
    };
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(RULES); i++)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, RULES[i].number, 1, RULES[i].argument);
    return r;
}

static int filter_calls(void)
{
    scmp_filter_ctx filter = seccomp_init(OTHERWISE);
    int r;

    if (filter == NULL)
        return -ENOMEM;
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
    r = add_names(filter, SCMP_ACT_ALLOW, ALLOWED);
    if (r == 0)
        r = add_arguments(filter);
    if (r == 0)
        r = add_names(filter, SCMP_ACT_KILL_PROCESS, HOSTILE);
    if (r == 0)
        r = seccomp_load(filter);
    seccomp_release(filter);
    return r;
}

/* ---- all of it ---- */

/* Whether the kernel says so. */
static int read_back(uint64_t permitted, uint64_t bounding, struct err *e)
{
    AUTO(strbuf) struct strbuf status = STRBUF_INIT(PROCESS_STATUS_MAX);
    char kept[24], bound[24];
    int r = file_read(AT_FDCWD, "/proc/self/status", &status);

    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "read /proc/self/status");
    (void)snprintf(kept, sizeof(kept), "%016" PRIx64, permitted);
    (void)snprintf(bound, sizeof(bound), "%016" PRIx64, bounding);
    if (process_status_expect(strbuf_str(&status), "CapPrm", kept, e) < 0 ||
        process_status_expect(strbuf_str(&status), "CapEff", kept, e) < 0 ||
        process_status_expect(strbuf_str(&status), "CapInh", "0000000000000000", e) < 0 ||
        process_status_expect(strbuf_str(&status), "CapAmb", "0000000000000000", e) < 0 ||
        process_status_expect(strbuf_str(&status), "CapBnd", bound, e) < 0)
        return e->code;
    return process_status_expect(strbuf_str(&status), "NoNewPrivs", "1", e);
}

static int drop_capabilities(uint64_t keep, bool best_effort, struct containment_list *list, struct err *e)
{
    uint64_t bounding = capabilities_bounding();
    struct err found = ERR_INIT;
    int r;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return lacking(best_effort, "supervisor: capabilities", strerror(errno), list, e);
    /* Without CAP_SETPCAP the bounding set stays as it is. With no_new_privs no program gives us anything of it. */
    r = capabilities_bound(keep);
    if (r == 0)
        bounding &= keep;
    if (r == 0 || r == -EPERM)
        r = capabilities_keep(keep, false);
    if (r < 0)
        return lacking(best_effort, "supervisor: capabilities", strerror(-r), list, e);
    if (read_back(capabilities_permitted() & keep, bounding, &found) < 0)
        return lacking(best_effort, "supervisor: capabilities", found.text, list, e);
    return containment_add(list, "supervisor: capabilities", CONTAINMENT_APPLIED, KEPT_NAMES, "") < 0
               ? err_oom(e)
               : 0;
}

static int restrict_calls(bool best_effort, struct containment_list *list, struct err *e)
{
    AUTO(strbuf) struct strbuf status = STRBUF_INIT(PROCESS_STATUS_MAX);
    struct err found = ERR_INIT;
    int r = filter_calls();

    if (r < 0)
        return lacking(best_effort, "supervisor: system calls", strerror(-r), list, e);
    if (file_read(AT_FDCWD, "/proc/self/status", &status) < 0 ||
        process_status_expect(strbuf_str(&status), "Seccomp", "2", &found) < 0)
        return lacking(best_effort, "supervisor: system calls", "they are not filtered", list, e);
    return containment_add(list, "supervisor: system calls", CONTAINMENT_APPLIED, "what it still needs",
                           "seccomp") < 0
               ? err_oom(e)
               : 0;
}

int privilege_shed(bool best_effort, struct containment_list *list, struct err *e)
{
    CRASH_POINT("privilege-shed");
    if (drop_capabilities(KEPT, best_effort, list, e) < 0 || restrict_calls(best_effort, list, e) < 0)
        return e->code;
    CRASH_POINT("privilege-is-shed");
    return 0;
}
