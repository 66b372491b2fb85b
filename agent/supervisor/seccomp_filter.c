/* seccomp_filter.c - see seccomp_filter.h. */
#include "supervisor/seccomp_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "the numbers of system calls are known for x86-64 and arm64"
#endif

#define CALL_NAME_MAX 40

/* ---- the decisions ---- */

/* Takes the next name off a list. Returns false at its end. */
static bool next_name(const char **list, char ret[CALL_NAME_MAX])
{
    size_t n = strcspn(*list, " ");

    if (n == 0 || n >= CALL_NAME_MAX)
        return false;
    memcpy(ret, *list, n);
    ret[n] = '\0';
    *list += n + ((*list)[n] == ' ');
    return true;
}

/* The number on this machine, or -1: not on this machine, or newer than the library that knows the names. */
static int number_of(const char *name)
{
    int number = seccomp_syscall_resolve_name(name);

    return number >= 0 && number < CALL_NUMBERS_MAX ? number : -1;
}

static void add_groups(struct call_filter *f)
{
    char name[CALL_NAME_MAX];

    for (size_t i = 0; i < CALL_GROUP_COUNT; i++) {
        const struct call_group *g = &CALL_GROUPS[i];
        const char *list = g->calls;
        while (next_name(&list, name)) {
            int number = number_of(name);
            if (number < 0)
                continue;
            f->call[number].action = g->by_user_namespace && f->user_namespace ? CALL_ALLOWED : g->action;
            f->call[number].rule = g->rule;
            if ((unsigned)number >= f->beyond)
                f->beyond = (unsigned)number + 1;
        }
    }
}

static void add_argument_rules(struct call_filter *f)
{
    const struct call_argument_rule *end = CALL_ARGUMENT_RULES + CALL_ARGUMENT_RULE_COUNT;

    for (const struct call_argument_rule *row = CALL_ARGUMENT_RULES; row < end;) {
        const struct call_argument_rule *first = row;
        int number = number_of(first->call);
        while (row < end && strcmp(row->call, first->call) == 0)
            row++;
        if (number < 0 || (first->by_user_namespace && f->user_namespace))
            continue;
        /* Our own last words need a row only where the call is not allowed anyway. */
        if (first->action == CALL_PASSED && f->call[number].action == CALL_ALLOWED && !f->learn)
            continue;
        /* What is denied whatever its arguments are needs no rows. */
        if (first->action != CALL_PASSED && f->call[number].action != CALL_ALLOWED)
            continue;
        f->call[number].first = first;
        f->call[number].rows = (unsigned)(row - first);
    }
}

static int mark(const char *name, bool listed[CALL_NUMBERS_MAX], struct err *e)
{
    int number = number_of(name);

    if (number >= 0)
        listed[number] = true;
    else if (seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name) == __NR_SCMP_ERROR)
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "sandbox.systemCalls: '%s' is not a system call", name);
    return 0;
}

/* Denies what the job did not list. */
static int narrow(struct call_filter *f, const struct strlist *asked, struct err *e)
{
    bool listed[CALL_NUMBERS_MAX] = {false};
    const char *start = CALLS_TO_START;
    char name[CALL_NAME_MAX];

    while (next_name(&start, name))
        if (mark(name, listed, e) < 0)
            return e->code;
    for (size_t i = 0; i < asked->count; i++)
        if (mark(asked->item[i], listed, e) < 0)
            return e->code;
    for (unsigned i = 0; i < CALL_NUMBERS_MAX; i++) {
        if (f->call[i].action != CALL_ALLOWED || listed[i])
            continue;
        f->call[i].action = CALL_DENIED;
        f->call[i].rule = "not in the job's systemCalls";
    }
    return 0;
}

int call_filter_build(const struct run_sandbox *asked, struct call_filter *ret, struct err *e)
{
    *ret = (struct call_filter){.learn = asked->learn, .user_namespace = asked->user_namespace};
    add_groups(ret);
    if (asked->system_calls.count > 0 && narrow(ret, &asked->system_calls, e) < 0)
        return e->code;
    add_argument_rules(ret);
    return 0;
}

static bool holds(const struct call_argument_rule *row, const uint64_t argument[CALL_ARGUMENTS])
{
    for (unsigned i = 0; i < CALL_TESTS_MAX; i++) {
        const struct call_test *t = &row->test[i];
        if (t->mask != 0 && ((uint32_t)argument[t->argument] & t->mask) != t->value)
            return false;
    }
    return true;
}

struct call_decision call_decide(const struct call_filter *f, long number,
                                 const uint64_t argument[CALL_ARGUMENTS])
{
    if (number < 0 || number >= (long)f->beyond)
        return (struct call_decision){CALL_ABSENT, "unknown"};
    for (unsigned i = 0; i < f->call[number].rows; i++) {
        const struct call_argument_rule *row = &f->call[number].first[i];
        if (holds(row, argument))
            return (struct call_decision){row->action, row->rule != NULL ? row->rule : f->call[number].rule};
    }
    return (struct call_decision){f->call[number].action, f->call[number].rule};
}

void call_name(long number, char *ret, size_t size)
{
    AUTO_FREE char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)number);

    if (name != NULL)
        (void)snprintf(ret, size, "%s", name);
    else
        (void)snprintf(ret, size, "system call %ld", number);
}

/* ---- the program ---- */

struct program {
    struct sock_filter *code;
    unsigned length;
    bool overflow;
    const struct call_filter *filter;
    enum call_denial denial;
};

static unsigned emit(struct program *p, struct sock_filter instruction)
{
    if (p->length == BPF_MAXINSNS) {
        p->overflow = true;
        return 0;
    }
    p->code[p->length] = instruction;
    return p->length++;
}

static void emit_load(struct program *p, size_t offset)
{
    (void)emit(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static unsigned emit_jump(struct program *p, unsigned condition, uint32_t value, uint8_t yes, uint8_t no)
{
    return emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | condition | BPF_K, value, yes, no));
}

static void emit_return(struct program *p, uint32_t value)
{
    (void)emit(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, value));
}

static uint32_t returned(const struct program *p, enum call_action action)
{
    switch (action) {
    case CALL_PASSED: return SECCOMP_RET_ALLOW;
    case CALL_ALLOWED: return p->filter->learn ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW;
    case CALL_DENIED:
        return p->denial == DENIAL_NOTIFIED ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ERRNO | EPERM;
    case CALL_ABSENT:
    default: return SECCOMP_RET_ERRNO | ENOSYS;
    }
}

/* Sends the "no" branch of the jumps at `at` to the next instruction. */
static void land(struct program *p, const unsigned *at, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned distance = p->length - at[i] - 1;
        if (distance > UINT8_MAX)
            p->overflow = true;
        else
            p->code[at[i]].jf = (uint8_t)distance;
    }
}

static void emit_row(struct program *p, const struct call_argument_rule *row)
{
    unsigned misses[CALL_TESTS_MAX], count = 0;

    for (unsigned i = 0; i < CALL_TESTS_MAX && row->test[i].mask != 0; i++) {
        const struct call_test *t = &row->test[i];
        /* Both machines are little-endian: the low half comes first. */
        emit_load(p, offsetof(struct seccomp_data, args) + t->argument * sizeof(uint64_t));
        if (t->mask != UINT32_MAX)
            (void)emit(p, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, t->mask));
        misses[count++] = emit_jump(p, BPF_JEQ, t->value, 0, 0);
    }
    emit_return(p, returned(p, row->action));
    land(p, misses, count);
}

/* The calls whose arguments matter, each in a block that always returns. Argument loads are nowhere else, so that the
 * kernel can remember the answer for all other calls. */
static void emit_argument_blocks(struct program *p)
{
    for (unsigned number = 0; number < p->filter->beyond; number++) {
        unsigned other;
        if (p->filter->call[number].rows == 0)
            continue;
        other = emit_jump(p, BPF_JEQ, number, 0, 0);
        for (unsigned i = 0; i < p->filter->call[number].rows; i++)
            emit_row(p, &p->filter->call[number].first[i]);
        emit_return(p, returned(p, p->filter->call[number].action));
        land(p, &other, 1);
    }
}

struct range {
    uint32_t from;
    uint32_t value;
};

/* How many instructions emit_tree() makes. */
static unsigned tree_size(unsigned count)
{
    unsigned low;

    if (count == 1)
        return 1;
    low = tree_size(count / 2);
    return 1U + (low > UINT8_MAX ? 1U : 0U) + low + tree_size(count - count / 2);
}

/* A search tree over ranges of numbers with the same answer. */
static void emit_tree(struct program *p, const struct range *r, unsigned count)
{
    unsigned half = count / 2;

    if (count == 1) {
        emit_return(p, r[0].value);
        return;
    }
    if (tree_size(half) > UINT8_MAX) { /* a conditional jump does not reach that far */
        (void)emit_jump(p, BPF_JGE, r[half].from, 0, 1);
        (void)emit(p, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, tree_size(half)));
    } else {
        (void)emit_jump(p, BPF_JGE, r[half].from, (uint8_t)tree_size(half), 0);
    }
    emit_tree(p, r, half);
    emit_tree(p, r + half, count - half);
}

static unsigned collect_ranges(const struct program *p, struct range *ret)
{
    unsigned count = 0;

    for (unsigned number = 0; number < p->filter->beyond; number++) {
        uint32_t value = returned(p, p->filter->call[number].action);
        if (count == 0 || ret[count - 1].value != value)
            ret[count++] = (struct range){number, value};
    }
    ret[count++] = (struct range){p->filter->beyond, SECCOMP_RET_ERRNO | ENOSYS};
    return count;
}

int call_filter_program(const struct call_filter *f, enum call_denial denial,
                        struct sock_filter ret[BPF_MAXINSNS])
{
    struct program p = {.code = ret, .filter = f, .denial = denial};
    struct range ranges[CALL_NUMBERS_MAX + 1];

    /* Calls of another architecture (i386) have other numbers: nothing here would mean what it says. Those of x32 are
     * beyond the table. */
    emit_load(&p, offsetof(struct seccomp_data, arch));
    (void)emit_jump(&p, BPF_JEQ, NATIVE_ARCH, 1, 0);
    emit_return(&p, SECCOMP_RET_KILL_PROCESS);
    emit_load(&p, offsetof(struct seccomp_data, nr));
    emit_argument_blocks(&p);
    emit_tree(&p, ranges, collect_ranges(&p, ranges));
    return p.overflow ? -E2BIG : (int)p.length;
}
