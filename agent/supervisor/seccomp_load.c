/* seccomp_load.c - see seccomp_load.h. */
#include "supervisor/seccomp_load.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/parse.h"

int call_filter_load(const struct call_filter *f, enum call_denial denial)
{
    struct sock_filter code[BPF_MAXINSNS];
    struct sock_fprog program = {.filter = code};
    unsigned long flags = denial == DENIAL_NOTIFIED ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
    int length = call_filter_program(f, denial, code);
    long r;

    if (length < 0)
        return length;
    program.len = (unsigned short)length;
    r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    if (r < 0)
        return errno == EINVAL && denial == DENIAL_NOTIFIED ? -ENOSYS : -errno;
    return (int)r;
}

bool call_filter_can_learn(void)
{
    struct utsname name;
    uint64_t major_number, minor_number;
    const char *rest;

    if (uname(&name) < 0 || parse_leading_u64(name.release, &major_number, &rest) < 0 || *rest != '.' ||
        parse_leading_u64(rest + 1, &minor_number, &rest) < 0)
        return false;
    return major_number > 5 || (major_number == 5 && minor_number >= 5);
}
