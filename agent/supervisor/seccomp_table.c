/* seccomp_table.c - see seccomp_table.h. */
#include "supervisor/seccomp_table.h"

#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include "base/auto.h"

const struct call_group CALL_GROUPS[] = {
    {CALL_ALLOWED, false, "files",
     "read write open close stat fstat lstat poll lseek pread64 pwrite64 readv writev access pipe select dup "
     "dup2 "
     "sendfile fcntl flock fsync fdatasync truncate ftruncate getdents getcwd chdir fchdir rename mkdir "
     "rmdir creat link "
     "unlink symlink readlink chmod fchmod chown fchown lchown umask utime mknod statfs fstatfs sync "
     "readahead setxattr "
     "lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr "
     "lremovexattr "
     "fremovexattr getdents64 fadvise64 utimes openat mkdirat mknodat fchownat futimesat newfstatat unlinkat "
     "renameat "
     "linkat symlinkat readlinkat fchmodat faccessat pselect6 ppoll splice tee sync_file_range vmsplice "
     "utimensat "
     "fallocate dup3 pipe2 preadv pwritev syncfs renameat2 copy_file_range preadv2 pwritev2 statx "
     "close_range openat2 "
     "faccessat2 cachestat fchmodat2 inotify_init inotify_init1 inotify_add_watch inotify_rm_watch ioctl"},
    {CALL_ALLOWED, false, "asynchronous files and events",
     "io_setup io_destroy io_getevents io_submit io_cancel io_pgetevents epoll_create epoll_create1 "
     "epoll_wait epoll_ctl "
     "epoll_pwait epoll_pwait2 signalfd signalfd4 eventfd eventfd2 timerfd_create timerfd_settime "
     "timerfd_gettime"},
    {CALL_ALLOWED, false, "memory",
     "mmap mprotect munmap brk mremap msync mincore madvise mlock munlock mlockall munlockall mlock2 "
     "memfd_create "
     "memfd_secret pkey_mprotect pkey_alloc pkey_free membarrier remap_file_pages mbind set_mempolicy "
     "get_mempolicy "
     "set_mempolicy_home_node map_shadow_stack"},
    {CALL_ALLOWED, false, "signals",
     "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend "
     "rt_tgsigqueueinfo sigaltstack pause alarm getitimer setitimer kill tkill tgkill pidfd_send_signal "
     "restart_syscall"},
    {CALL_ALLOWED, false, "processes and threads",
     "clone fork vfork execve execveat exit exit_group wait4 waitid uname getpid getppid gettid setpgid "
     "getpgid getpgrp "
     "setsid getsid prctl arch_prctl set_tid_address futex futex_waitv futex_wake futex_wait futex_requeue "
     "set_robust_list get_robust_list set_thread_area get_thread_area rseq getcpu pidfd_open "
     "process_mrelease seccomp "
     "landlock_create_ruleset landlock_add_rule landlock_restrict_self personality"},
    {CALL_ALLOWED, false, "users: without capabilities they change nothing",
     "getuid getgid geteuid getegid setuid setgid setreuid setregid getgroups setgroups setresuid getresuid "
     "setresgid "
     "getresgid setfsuid setfsgid capget capset"},
    {CALL_ALLOWED, false, "limits and scheduling",
     "getrlimit setrlimit prlimit64 getrusage sysinfo times getpriority setpriority sched_yield "
     "sched_setparam "
     "sched_getparam sched_setscheduler sched_getscheduler sched_get_priority_max sched_get_priority_min "
     "sched_rr_get_interval sched_setaffinity sched_getaffinity sched_setattr sched_getattr ioprio_set "
     "ioprio_get"},
    {CALL_ALLOWED, false, "time; without capabilities the clock is only read",
     "nanosleep gettimeofday time timer_create timer_settime timer_gettime timer_getoverrun timer_delete "
     "clock_gettime "
     "clock_getres clock_nanosleep adjtimex clock_adjtime getrandom"},
    {CALL_ALLOWED, false, "sockets",
     "socket socketpair connect accept accept4 bind listen sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg "
     "shutdown "
     "getsockname getpeername setsockopt getsockopt"},
    {CALL_ALLOWED, false, "messages between processes of the run: it has its own IPC namespace",
     "shmget shmat shmctl shmdt semget semop semctl semtimedop msgget msgsnd msgrcv msgctl mq_open mq_unlink "
     "mq_timedsend "
     "mq_timedreceive mq_notify mq_getsetattr"},

    {CALL_DENIED, false, "debugging other processes",
     "ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd process_madvise"},
    {CALL_DENIED, false, "changing mounts and the root folder",
     "mount umount2 pivot_root chroot open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr"},
    {CALL_DENIED, true, "making namespaces", "unshare"},
    {CALL_DENIED, false, "entering namespaces", "setns"},
    {CALL_DENIED, false, "programs in the kernel", "bpf"},
    {CALL_DENIED, false, "the kernel's key rings", "add_key request_key keyctl"},
    {CALL_DENIED, false, "page faults in user space", "userfaultfd"},
    {CALL_DENIED, false, "performance counters", "perf_event_open"},
    {CALL_DENIED, false, "files by handle", "name_to_handle_at open_by_handle_at lookup_dcookie"},
    {CALL_DENIED, false, "watching the machine's files", "fanotify_init fanotify_mark"},
    {CALL_DENIED, false, "kernel modules", "init_module finit_module delete_module"},
    {CALL_DENIED, false, "another kernel, or none", "kexec_load kexec_file_load reboot"},
    {CALL_DENIED, false, "accounting, quotas and swap", "acct quotactl quotactl_fd swapon swapoff"},
    {CALL_DENIED, false, "the kernel's log", "syslog"},
    {CALL_DENIED, false, "setting the clock", "settimeofday clock_settime"},
    {CALL_DENIED, false, "the machine's name", "sethostname setdomainname"},
    {CALL_DENIED, false, "ports and segments of the processor", "iopl ioperm modify_ldt"},
    {CALL_DENIED, false, "moving memory between nodes", "move_pages migrate_pages"},
    {CALL_DENIED, false, "hanging up terminals", "vhangup"},

    {CALL_ABSENT, false, "its flags are in memory, where no filter sees them; C libraries fall back to clone",
     "clone3"},
    {CALL_ABSENT, false, "it would do the work of other calls behind the filter's back",
     "io_uring_setup io_uring_enter io_uring_register"},
    {CALL_ABSENT, false, "relics",
     "uselib ustat sysfs _sysctl create_module get_kernel_syms query_module nfsservctl getpmsg putpmsg "
     "afs_syscall "
     "tuxcall security epoll_ctl_old epoll_wait_old vserver"},
};
const size_t CALL_GROUP_COUNT = ARRAY_SIZE(CALL_GROUPS);

#define ALL 0xffffffffU
#define NAMESPACE_FLAGS                                                                                      \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |            \
     CLONE_NEWNET)
#define TYPE_MASK 0xfU /* without SOCK_CLOEXEC and SOCK_NONBLOCK */
#define STREAM(family, protocol)                                                                             \
    {                                                                                                        \
        "socket", {{0, ALL, family}, {1, TYPE_MASK, SOCK_STREAM}, {2, ALL, protocol}}, CALL_ALLOWED, false,  \
            NULL                                                                                             \
    }
#define DATAGRAM(family, protocol)                                                                           \
    {                                                                                                        \
        "socket", {{0, ALL, family}, {1, TYPE_MASK, SOCK_DGRAM}, {2, ALL, protocol}}, CALL_ALLOWED, false,   \
            NULL                                                                                             \
    }
/* From the kernel's headers, which do not go together with the C library's. */
#define NETLINK_ROUTE_PROTOCOL 0
#define TIOCSTI_REQUEST        0x5412
#define TIOCLINUX_REQUEST      0x541C

const struct call_argument_rule CALL_ARGUMENT_RULES[] = {
    {"sendmsg", {{0, ALL, LAUNCH_FD}, {2, ALL, LAUNCH_SEND_FLAGS}}, CALL_PASSED, false, NULL},
    {"read", {{0, ALL, LAUNCH_FD}, {2, ALL, LAUNCH_READ_LENGTH}}, CALL_PASSED, false, NULL},
    {"clone", {{0, NAMESPACE_FLAGS, 0}}, CALL_ALLOWED, true, NULL},
    {"clone", {{0}}, CALL_DENIED, true, "making namespaces"},
    {"ioctl", {{1, ALL, TIOCSTI_REQUEST}}, CALL_DENIED, false, "typing into terminals"},
    {"ioctl", {{1, ALL, TIOCLINUX_REQUEST}}, CALL_DENIED, false, "typing into terminals"},
    {"personality", {{0, ALL, 0}}, CALL_ALLOWED, false, NULL},
    {"personality", {{0, ALL, 0x0008}}, CALL_ALLOWED, false, NULL},  /* PER_LINUX32 */
    {"personality", {{0, ALL, 0x20000}}, CALL_ALLOWED, false, NULL}, /* UNAME26 */
    {"personality", {{0, ALL, 0x20008}}, CALL_ALLOWED, false, NULL},
    {"personality", {{0, ALL, ALL}}, CALL_ALLOWED, false, NULL}, /* asks which it is */
    {"personality", {{0}}, CALL_DENIED, false, "other personalities of a process"},
    {"socket", {{0, ALL, AF_UNIX}}, CALL_ALLOWED, false, NULL},
    STREAM(AF_INET, 0),
    STREAM(AF_INET, IPPROTO_TCP),
    DATAGRAM(AF_INET, 0),
    DATAGRAM(AF_INET, IPPROTO_UDP),
    DATAGRAM(AF_INET, IPPROTO_ICMP), /* ping, where the machine allows it */
    STREAM(AF_INET6, 0),
    STREAM(AF_INET6, IPPROTO_TCP),
    DATAGRAM(AF_INET6, 0),
    DATAGRAM(AF_INET6, IPPROTO_UDP),
    DATAGRAM(AF_INET6, IPPROTO_ICMPV6),
    {"socket", {{0, ALL, AF_NETLINK}, {2, ALL, NETLINK_ROUTE_PROTOCOL}}, CALL_ALLOWED, false, NULL},
    {"socket", {{0}}, CALL_DENIED, false, "sockets other than local, TCP and UDP"},
};
const size_t CALL_ARGUMENT_RULE_COUNT = ARRAY_SIZE(CALL_ARGUMENT_RULES);

const char *const CALLS_TO_START = "execve exit exit_group rt_sigreturn restart_syscall";
