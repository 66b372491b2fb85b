/* test_seccomp.c - the table of system calls and the filter made of it, without loading anything: the program is run by an
 * interpreter, and must decide as call_decide() does. */
#include "cmocka_all.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "supervisor/seccomp_filter.h"

#if defined(__x86_64__)
#define ARCH       AUDIT_ARCH_X86_64
#define OTHER_ARCH AUDIT_ARCH_I386
#else
#define ARCH       AUDIT_ARCH_AARCH64
#define OTHER_ARCH AUDIT_ARCH_ARM
#endif

static const uint32_t MACHINES[] = {SCMP_ARCH_X86_64, SCMP_ARCH_AARCH64};

/* ---- the table ---- */

struct names {
    char name[CALL_NUMBERS_MAX * 2][40];
    size_t count;
};

static void collect(const char *list, struct names *ret)
{
    while (*list != '\0') {
        size_t n = strcspn(list, " ");
        assert_in_range(n, 1, sizeof(ret->name[0]) - 1);
        assert_true(ret->count < ARRAY_SIZE(ret->name));
        memcpy(ret->name[ret->count], list, n);
        ret->name[ret->count++][n] = '\0';
        list += n + (list[n] == ' ');
    }
}

static bool known(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(MACHINES); i++)
        if (seccomp_syscall_resolve_name_arch(MACHINES[i], name) == __NR_SCMP_ERROR)
            return false;
    return true;
}

static void names_are_known_and_stand_once(void **state)
{
    static struct names all;

    (void)state;
    all.count = 0;
    for (size_t i = 0; i < CALL_GROUP_COUNT; i++)
        collect(CALL_GROUPS[i].calls, &all);
    for (size_t i = 0; i < all.count; i++) {
        if (!known(all.name[i]))
            fail_msg("no machine knows %s", all.name[i]);
        for (size_t k = 0; k < i; k++)
            if (strcmp(all.name[i], all.name[k]) == 0)
                fail_msg("%s stands twice", all.name[i]);
    }
    for (size_t i = 0; i < CALL_ARGUMENT_RULE_COUNT; i++)
        assert_true(known(CALL_ARGUMENT_RULES[i].call));
}

/* What Linux 6.7 had, a person has looked at; what is newer is absent until then. */
static void every_call_of_linux_6_7_was_decided(void **state)
{
    static struct names all;

    (void)state;
    all.count = 0;
    for (size_t i = 0; i < CALL_GROUP_COUNT; i++)
        collect(CALL_GROUPS[i].calls, &all);
    for (size_t m = 0; m < ARRAY_SIZE(MACHINES); m++) {
        for (int number = 0; number <= 456; number++) {
            AUTO_FREE char *name = seccomp_syscall_resolve_num_arch(MACHINES[m], number);
            size_t k = 0;
            while (name != NULL && k < all.count && strcmp(all.name[k], name) != 0)
                k++;
            if (k == all.count)
                fail_msg("%s is in no row", name);
        }
    }
}

static void rows_of_a_call_follow_each_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < CALL_ARGUMENT_RULE_COUNT; i++)
        for (size_t k = i + 2; k < CALL_ARGUMENT_RULE_COUNT; k++)
            if (strcmp(CALL_ARGUMENT_RULES[i].call, CALL_ARGUMENT_RULES[k].call) == 0)
                assert_string_equal(CALL_ARGUMENT_RULES[k - 1].call, CALL_ARGUMENT_RULES[k].call);
}

/* ---- the kernel's part, in small ---- */

static uint32_t interpret(const struct sock_filter *code, int length, const struct seccomp_data *data)
{
    uint32_t a = 0;

    for (int pc = 0; pc < length; pc++) {
        const struct sock_filter *i = &code[pc];
        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS: memcpy(&a, (const char *)data + i->k, sizeof(a)); break;
        case BPF_ALU | BPF_AND | BPF_K: a &= i->k; break;
        case BPF_JMP | BPF_JEQ | BPF_K: pc += a == i->k ? i->jt : i->jf; break;
        case BPF_JMP | BPF_JGE | BPF_K: pc += a >= i->k ? i->jt : i->jf; break;
        case BPF_JMP | BPF_JA: pc += (int)i->k; break;
        case BPF_RET | BPF_K: return i->k;
        default: fail_msg("instruction %d has the code %d", pc, (int)i->code);
        }
    }
    fail_msg("the program does not return");
    return 0;
}

struct built {
    struct call_filter filter;
    struct sock_filter code[BPF_MAXINSNS];
    int length;
};

static void build(const struct run_sandbox *asked, enum call_denial denial, struct built *ret)
{
    struct err e = ERR_INIT;

    if (call_filter_build(asked, &ret->filter, &e) < 0)
        fail_msg("%s", e.text);
    ret->length = call_filter_program(&ret->filter, denial, ret->code);
    assert_true(ret->length > 0);
}

static uint32_t answer(const struct built *b, uint32_t arch, int number, const uint64_t argument[6])
{
    struct seccomp_data data = {.arch = arch, .nr = number};

    memcpy(data.args, argument, sizeof(data.args));
    return interpret(b->code, b->length, &data);
}

static int number_of(const char *name)
{
    int number = seccomp_syscall_resolve_name(name);

    assert_int_not_equal(number, __NR_SCMP_ERROR);
    return number;
}

#define NOTIFIED SECCOMP_RET_USER_NOTIF
#define NO_CALL  (SECCOMP_RET_ERRNO | ENOSYS)

static void calls_are_decided(void **state)
{
    static const struct {
        const char *call;
        uint64_t argument[6];
        uint32_t expect;
    } CASES[] = {
        {"openat", {0}, SECCOMP_RET_ALLOW},
        {"execve", {0}, SECCOMP_RET_ALLOW},
        {"clone", {CLONE_VM | CLONE_FS | CLONE_THREAD}, SECCOMP_RET_ALLOW},
        {"clone", {CLONE_NEWUSER | 17}, NOTIFIED},
        {"clone", {CLONE_NEWNET}, NOTIFIED},
        {"clone", {CLONE_NEWCGROUP}, NOTIFIED},
        {"clone", {0xff00000000ULL | CLONE_NEWNS}, NOTIFIED},
        {"clone3", {0}, NO_CALL},
        {"io_uring_setup", {0}, NO_CALL},
        {"ptrace", {0}, NOTIFIED},
        {"process_vm_readv", {0}, NOTIFIED},
        {"mount", {0}, NOTIFIED},
        {"umount2", {0}, NOTIFIED},
        {"mount_setattr", {0}, NOTIFIED},
        {"pivot_root", {0}, NOTIFIED},
        {"chroot", {0}, NOTIFIED},
        {"bpf", {0}, NOTIFIED},
        {"keyctl", {0}, NOTIFIED},
        {"add_key", {0}, NOTIFIED},
        {"userfaultfd", {0}, NOTIFIED},
        {"perf_event_open", {0}, NOTIFIED},
        {"kexec_load", {0}, NOTIFIED},
        {"init_module", {0}, NOTIFIED},
        {"setns", {0}, NOTIFIED},
        {"unshare", {0}, NOTIFIED},
        {"open_by_handle_at", {0}, NOTIFIED},
        {"name_to_handle_at", {0}, NOTIFIED},
        {"quotactl", {0}, NOTIFIED},
        {"acct", {0}, NOTIFIED},
        {"swapon", {0}, NOTIFIED},
        {"reboot", {0}, NOTIFIED},
        {"syslog", {0}, NOTIFIED},
        {"settimeofday", {0}, NOTIFIED},
        {"personality", {0}, SECCOMP_RET_ALLOW},
        {"personality", {0xffffffff}, SECCOMP_RET_ALLOW},
        {"personality", {0x0040000}, NOTIFIED},
        {"ioctl", {0, 0x5401}, SECCOMP_RET_ALLOW},
        {"ioctl", {0, 0x5412}, NOTIFIED},
        {"ioctl", {0, 0x100005412ULL}, NOTIFIED},
        {"ioctl", {0, 0x541C}, NOTIFIED},
        {"socket", {AF_UNIX, SOCK_SEQPACKET, 0}, SECCOMP_RET_ALLOW},
        {"socket", {AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0}, SECCOMP_RET_ALLOW},
        {"socket", {AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 17}, SECCOMP_RET_ALLOW},
        {"socket", {AF_INET, SOCK_RAW, 1}, NOTIFIED},
        {"socket", {AF_INET, SOCK_STREAM, 262}, NOTIFIED}, /* MPTCP */
        {"socket", {AF_INET, SOCK_STREAM, 132}, NOTIFIED}, /* SCTP */
        {"socket", {AF_PACKET, SOCK_DGRAM, 0}, NOTIFIED},
        {"socket", {AF_NETLINK, SOCK_RAW, 0}, SECCOMP_RET_ALLOW},
        {"socket", {AF_NETLINK, SOCK_RAW, 12}, NOTIFIED},
        {"socket", {AF_VSOCK, SOCK_STREAM, 0}, NOTIFIED},
        {"socket", {AF_ALG, SOCK_SEQPACKET, 0}, NOTIFIED},
        {"setuid", {0}, SECCOMP_RET_ALLOW},
    };
    static struct built b;
    static const struct run_sandbox NOTHING = {0};
    static const uint64_t NO_ARGUMENTS[6] = {0};

    (void)state;
    build(&NOTHING, DENIAL_NOTIFIED, &b);
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
        if (answer(&b, ARCH, number_of(CASES[i].call), CASES[i].argument) != CASES[i].expect)
            fail_msg("case %zu: %s", i, CASES[i].call);
    assert_int_equal(answer(&b, ARCH, 511, NO_ARGUMENTS), NO_CALL);
    assert_int_equal(answer(&b, ARCH, 100000, NO_ARGUMENTS), NO_CALL);
    assert_int_equal(answer(&b, ARCH, -1, NO_ARGUMENTS), NO_CALL);
    assert_int_equal(answer(&b, ARCH, 0x40000000, NO_ARGUMENTS), NO_CALL); /* x32's read */
    assert_int_equal(answer(&b, OTHER_ARCH, 3, NO_ARGUMENTS), SECCOMP_RET_KILL_PROCESS);
}

static uint32_t expected(const struct call_filter *f, enum call_denial denial, int number,
                         const uint64_t *argument)
{
    switch (call_decide(f, number, argument).action) {
    case CALL_PASSED: return SECCOMP_RET_ALLOW;
    case CALL_ALLOWED: return f->learn ? NOTIFIED : SECCOMP_RET_ALLOW;
    case CALL_DENIED: return denial == DENIAL_NOTIFIED ? NOTIFIED : SECCOMP_RET_ERRNO | EPERM;
    default: return NO_CALL;
    }
}

/* Every call with many arguments, in each of the filter's forms. */
static void program_and_decision_agree(void **state)
{
    static const uint64_t VALUES[] = {0, 1, 2, 3, 16, 40, 0x5412, CLONE_NEWNS, 0x4800, 7919, 0x1ffffffffULL};
    static const struct run_sandbox FORMS[] = {{0}, {.learn = true}, {.user_namespace = true}};
    static struct built b;

    (void)state;
    for (size_t form = 0; form < ARRAY_SIZE(FORMS) * 2; form++) {
        enum call_denial denial = form % 2 == 0 ? DENIAL_NOTIFIED : DENIAL_PLAIN;
        build(&FORMS[form / 2], denial, &b);
        for (int number = -1; number < CALL_NUMBERS_MAX + 2; number++) {
            for (size_t i = 0; i < ARRAY_SIZE(VALUES) * ARRAY_SIZE(VALUES); i++) {
                uint64_t x = VALUES[i % ARRAY_SIZE(VALUES)], y = VALUES[i / ARRAY_SIZE(VALUES)];
                const uint64_t argument[6] = {x, y, x, y, x, y};
                if (answer(&b, ARCH, number, argument) != expected(&b.filter, denial, number, argument))
                    fail_msg("form %zu, call %d (0x%llx, 0x%llx)", form, number, (unsigned long long)x,
                             (unsigned long long)y);
            }
        }
    }
}

static void a_list_narrows_and_never_widens(void **state)
{
    static struct built b;
    struct run_sandbox asked = {0};
    struct err e = ERR_INIT;
    const uint64_t words[6] = {LAUNCH_FD, 0, LAUNCH_SEND_FLAGS}, none[6] = {0};

    (void)state;
    assert_int_equal(strlist_add(&asked.system_calls, "write"), 0);
    assert_int_equal(strlist_add(&asked.system_calls, "ptrace"), 0);
    build(&asked, DENIAL_NOTIFIED, &b);
    assert_int_equal(answer(&b, ARCH, number_of("write"), none), SECCOMP_RET_ALLOW);
    assert_int_equal(answer(&b, ARCH, number_of("execve"), none), SECCOMP_RET_ALLOW);
    assert_int_equal(answer(&b, ARCH, number_of("ptrace"), none), NOTIFIED);
    assert_int_equal(answer(&b, ARCH, number_of("openat"), none), NOTIFIED);
    assert_int_equal(answer(&b, ARCH, number_of("socket"), words), NOTIFIED);
    assert_int_equal(answer(&b, ARCH, number_of("sendmsg"), none), NOTIFIED);
    assert_int_equal(answer(&b, ARCH, number_of("sendmsg"), words), SECCOMP_RET_ALLOW);
    assert_string_equal(call_decide(&b.filter, number_of("openat"), none).rule,
                        "not in the job's systemCalls");
    assert_int_equal(strlist_add(&asked.system_calls, "opennat"), 0);
    assert_int_equal(call_filter_build(&asked, &b.filter, &e), -EINVAL);
    assert_int_equal(e.blame, BLAME_ASSIGNMENT);
    run_sandbox_free(&asked);
}

static void namespaces_come_with_a_user_namespace(void **state)
{
    static struct built b;
    static const struct run_sandbox ASKED = {.user_namespace = true};
    const uint64_t flags[6] = {CLONE_NEWUSER}, none[6] = {0};

    (void)state;
    build(&ASKED, DENIAL_NOTIFIED, &b);
    assert_int_equal(answer(&b, ARCH, number_of("clone"), flags), SECCOMP_RET_ALLOW);
    assert_int_equal(answer(&b, ARCH, number_of("unshare"), flags), SECCOMP_RET_ALLOW);
    assert_int_equal(answer(&b, ARCH, number_of("setns"), none), NOTIFIED);
    assert_int_equal(answer(&b, ARCH, number_of("mount"), none), NOTIFIED);
}

/* The widest spread of answers there can be still fits the jumps. */
static void every_second_call(void **state)
{
    static struct built b;
    struct run_sandbox asked = {0};

    (void)state;
    for (int number = 0; number < CALL_NUMBERS_MAX; number += 2) {
        AUTO_FREE char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
        if (name != NULL)
            assert_int_equal(strlist_add(&asked.system_calls, name), 0);
    }
    build(&asked, DENIAL_PLAIN, &b);
    run_sandbox_free(&asked);
    for (int number = 0; number < CALL_NUMBERS_MAX; number++) {
        static const uint64_t NONE[6] = {0};
        assert_int_equal(answer(&b, ARCH, number, NONE), expected(&b.filter, DENIAL_PLAIN, number, NONE));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_known_and_stand_once),
        cmocka_unit_test(every_call_of_linux_6_7_was_decided),
        cmocka_unit_test(rows_of_a_call_follow_each_other),
        cmocka_unit_test(calls_are_decided),
        cmocka_unit_test(program_and_decision_agree),
        cmocka_unit_test(a_list_narrows_and_never_widens),
        cmocka_unit_test(namespaces_come_with_a_user_namespace),
        cmocka_unit_test(every_second_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
