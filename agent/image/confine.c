/* confine.c - see confine.h. */
#include "image/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/auto.h"
#include "sys/capabilities.h"
#include "sys/landlock.h"

/* The first ABI with which files can be linked from folder to folder, as layers want it. */
#define LANDLOCK_ABI_MIN 2
/* Files with owners, modes and capabilities of their own: all of it inside of the user namespace. */
#define KEPT                                                                                                 \
    (CAPABILITY_BIT(CAP_CHOWN) | CAPABILITY_BIT(CAP_DAC_OVERRIDE) | CAPABILITY_BIT(CAP_FOWNER) |             \
     CAPABILITY_BIT(CAP_FSETID) | CAPABILITY_BIT(CAP_SETFCAP))

/* What reaches beyond files: other processes, namespaces, mounts, the network, the kernel. */
static const char *const DENIED[] = {"accept4",
                                     "acct",
                                     "add_key",
                                     "bind",
                                     "bpf",
                                     "clock_settime",
                                     "connect",
                                     "delete_module",
                                     "fanotify_init",
                                     "finit_module",
                                     "fsconfig",
                                     "fsmount",
                                     "fsopen",
                                     "fspick",
                                     "init_module",
                                     "io_uring_enter",
                                     "io_uring_register",
                                     "io_uring_setup",
                                     "ioperm",
                                     "iopl",
                                     "kcmp",
                                     "kexec_file_load",
                                     "kexec_load",
                                     "keyctl",
                                     "listen",
                                     "lookup_dcookie",
                                     "mount",
                                     "mount_setattr",
                                     "move_mount",
                                     "move_pages",
                                     "name_to_handle_at",
                                     "open_by_handle_at",
                                     "open_tree",
                                     "perf_event_open",
                                     "pidfd_getfd",
                                     "pivot_root",
                                     "process_vm_readv",
                                     "process_vm_writev",
                                     "ptrace",
                                     "quotactl",
                                     "reboot",
                                     "request_key",
                                     "sethostname",
                                     "setns",
                                     "settimeofday",
                                     "socket",
                                     "socketpair",
                                     "swapoff",
                                     "swapon",
                                     "syslog",
                                     "umount2",
                                     "unshare",
                                     "userfaultfd",
                                     "vhangup"};

static int files(const char *program, int layout_fd, int into_fd, struct err *e)
{
    const char *const readable[] = {"/usr",  "/lib",           "/lib64",    "/bin", "/etc",
                                    "/proc", "/sys/kernel/mm", "/dev/null", program};
    int abi = landlock_abi();
    AUTO_CLOSE int rules = -1;
    int r;

    if (abi < LANDLOCK_ABI_MIN)
        return 0;
    rules = landlock_begin(abi, true);
    r = rules < 0 ? rules : landlock_allow(rules, abi, into_fd, GRANT_READ | GRANT_WRITE | GRANT_CHANGE);
    if (r == 0)
        r = landlock_allow(rules, abi, layout_fd, GRANT_READ);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(readable); i++)
        r = landlock_allow_path(rules, abi, readable[i], GRANT_READ | GRANT_EXECUTE);
    if (r == 0)
        r = landlock_enforce(rules);
    return r < 0 ? err_errno(e, -r, BLAME_NODE, "landlock") : 0;
}

static int calls(struct err *e)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int r = filter == NULL ? -ENOMEM : 0;

    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(DENIED); i++) {
        int call = seccomp_syscall_resolve_name(DENIED[i]);
        /* A library older than the call does not know it; nor then would it be the only wall. */
        if (call >= 0)
            r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0);
    }
    if (r == 0)
        r = seccomp_load(filter);
    seccomp_release(filter);
    return r < 0 ? err_errno(e, -r, BLAME_NODE, "filter system calls") : 0;
}

int confine(const char *program, int layout_fd, int into_fd, struct err *e)
{
    const struct rlimit none = {0, 0};
    int r = capabilities_bound(KEPT);

    if (r == 0)
        r = capabilities_keep(KEPT, false);
    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "give up capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
        return err_errno(e, errno, BLAME_NODE, "give up new privileges");
    if (files(program, layout_fd, into_fd, e) < 0)
        return e->code;
    return calls(e);
}
