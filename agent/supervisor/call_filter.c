/* call_filter.c - see call_filter.h. */
#include "supervisor/call_filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "supervisor/call_table.h"
#include "sys/fd.h"

/* A program of the kernel's largest size. */
#define FILTER_BYTES_MAX (BPF_MAXINSNS * sizeof(struct sock_filter))

/* CLONE_NEWTIME is newer than some headers. */
#define NAMESPACE_FLAGS                                                                                      \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |            \
     CLONE_NEWNET)

struct builder {
    scmp_filter_ctx filter;
    const struct strlist *only; /* the calls that the run names itself; empty: every call of the table */
    int failed;
};

static bool named(const struct strlist *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->item[i], name) == 0)
            return true;
    return false;
}

static bool is_needed(const char *name)
{
    size_t count;
    const char *const *needed = needed_calls(&count);

    for (size_t i = 0; i < count; i++)
        if (strcmp(needed[i], name) == 0)
            return true;
    return false;
}

static bool wanted(const struct builder *b, const char *name)
{
    return b->only->count == 0 || named(b->only, name) || is_needed(name);
}

/* A rule for a call by its name; one that this machine does not have is passed over. */
static void add(struct builder *b, uint32_t action, const char *name, unsigned count,
                const struct scmp_arg_cmp *arguments)
{
    int number = seccomp_syscall_resolve_name(name);
    int r;

    if (number == __NR_SCMP_ERROR || number < 0)
        return;
    r = seccomp_rule_add_array(b->filter, action, number, count, arguments);
    if (r < 0 && b->failed == 0)
        b->failed = r;
}

static void add_list(struct builder *b, uint32_t action, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (action != SCMP_ACT_ALLOW || wanted(b, names[i]))
            add(b, action, names[i], 0, NULL);
}

/* Calls that some arguments make harmless. */
static void add_guarded(struct builder *b)
{
    static const scmp_datum_t FAMILIES[] = {AF_UNIX, AF_INET, AF_INET6};
    /* Linux's own, and what `setarch` and `uname26` ask for without leaving it; "what is it now" */
    static const scmp_datum_t PERSONALITIES[] = {0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF};
    const struct scmp_arg_cmp no_namespace = SCMP_A0(SCMP_CMP_MASKED_EQ, NAMESPACE_FLAGS, 0);
    const struct scmp_arg_cmp route[] = {SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_EQ, 0)};
    const struct scmp_arg_cmp local = SCMP_A0(SCMP_CMP_EQ, AF_UNIX);

    if (wanted(b, "clone"))
        add(b, SCMP_ACT_ALLOW, "clone", 1, &no_namespace);
    for (size_t i = 0; wanted(b, "socket") && i < ARRAY_SIZE(FAMILIES); i++) {
        const struct scmp_arg_cmp family = SCMP_A0(SCMP_CMP_EQ, FAMILIES[i]);
        add(b, SCMP_ACT_ALLOW, "socket", 1, &family);
    }
    if (wanted(b, "socket"))
        add(b, SCMP_ACT_ALLOW, "socket", 2, route);
    if (wanted(b, "socketpair"))
        add(b, SCMP_ACT_ALLOW, "socketpair", 1, &local);
    for (size_t i = 0; wanted(b, "personality") && i < ARRAY_SIZE(PERSONALITIES); i++) {
        const struct scmp_arg_cmp domain = SCMP_A0(SCMP_CMP_EQ, PERSONALITIES[i]);
        add(b, SCMP_ACT_ALLOW, "personality", 1, &domain);
    }
}

static void add_rules(struct builder *b, const struct run_sandbox *asked)
{
    size_t count;
    const char *const *names;

    /* Learning notes everything but the one call that hands the listener over. */
    if (asked->learn) {
        add(b, SCMP_ACT_ALLOW, "sendmsg", 0, NULL);
    } else {
        names = allowed_calls(&count);
        add_list(b, SCMP_ACT_ALLOW, names, count);
        add_guarded(b);
    }
    names = absent_calls(&count);
    add_list(b, SCMP_ACT_ERRNO(ENOSYS), names, count);
}

static int check_names(const struct strlist *names, struct err *e)
{
    for (size_t i = 0; i < names->count; i++)
        if (seccomp_syscall_resolve_name(names->item[i]) == __NR_SCMP_ERROR)
            return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "systemCalls: there is no system call '%s'",
                           names->item[i]);
    return 0;
}

static int take_program(scmp_filter_ctx filter, struct call_filter *ret)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(FILTER_BYTES_MAX);
    AUTO_CLOSE int fd = memfd_create("filter", MFD_CLOEXEC);
    int r;

    if (fd < 0)
        return -errno;
    r = seccomp_export_bpf(filter, fd);
    if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
        r = -errno;
    if (r == 0)
        r = fd_read_all(fd, &text);
    if (r < 0)
        return r;
    ret->code = malloc(text.len);
    if (ret->code == NULL)
        return -ENOMEM;
    memcpy(ret->code, text.data, text.len);
    ret->length = (unsigned short)(text.len / sizeof(struct sock_filter));
    return 0;
}

int call_filter_build(const struct run_sandbox *asked, struct call_filter *ret, struct err *e)
{
    struct builder b = {.filter = seccomp_init(SCMP_ACT_NOTIFY), .only = &asked->system_calls};
    int r;

    *ret = (struct call_filter){0};
    if (b.filter == NULL)
        return err_oom(e);
    r = check_names(&asked->system_calls, e);
    if (r == 0) {
        (void)seccomp_attr_set(b.filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree of numbers, not a row */
        (void)seccomp_attr_set(b.filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
        add_rules(&b, asked);
        r = b.failed < 0 ? b.failed : take_program(b.filter, ret);
        if (r < 0)
            (void)err_errno(e, -r, BLAME_NODE, "build the filter of system calls");
    }
    seccomp_release(b.filter);
    return r;
}

void call_filter_free(struct call_filter *f)
{
    free(f->code);
    *f = (struct call_filter){0};
}

int call_filter_load(const struct call_filter *f)
{
    const struct sock_fprog program = {.len = f->length, .filter = f->code};
    long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);

    if (fd < 0)
        return errno == EINVAL ? -ENOSYS : -errno;
    return (int)fd;
}

bool call_filter_in_force(void)
{
    return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_FILTER;
}

void call_name(int number, char *ret, size_t size)
{
    AUTO_FREE char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

    (void)snprintf(ret, size, "%s", name != NULL ? name : "");
}
