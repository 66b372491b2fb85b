/* device_fence.c - see device_fence.h. */
#include "supervisor/device_fence.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/auto.h"
#include "base/strbuf.h"
#include "sys/bpf.h"
#include "sys/fd.h"

#define LIST_MAX (64U * 1024)

/* The numbers of Linux's own list of devices: null, zero, full, random, urandom, tty, ptmx, and the slaves of ptmx. */
static const struct device_rule COMMON_RULES[] = {
    {.major = 1, .minor = 3}, {.major = 1, .minor = 5},          {.major = 1, .minor = 7},
    {.major = 1, .minor = 8}, {.major = 1, .minor = 9},          {.major = 5, .minor = 0},
    {.major = 5, .minor = 2}, {.major = 136, .any_minor = true},
};

_Static_assert(ARRAY_SIZE(COMMON_RULES) + SANDBOX_DEVICES_MAX <= DEVICE_RULES_MAX, "there is room for all");

size_t device_rules(const struct granted_devices *granted, struct device_rule ret[DEVICE_RULES_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < granted->count && i < SANDBOX_DEVICES_MAX; i++)
        ret[n++] = (struct device_rule){.block = granted->item[i].block,
                                        .major = major(granted->item[i].number),
                                        .minor = minor(granted->item[i].number),
                                        .granted = granted->item[i].path};
    for (size_t i = 0; i < ARRAY_SIZE(COMMON_RULES); i++)
        ret[n++] = COMMON_RULES[i];
    return n;
}

/* ---- version 2: a program ---- */

struct writer {
    struct bpf_insn *code;
    size_t length;
};

static void put(struct writer *w, uint8_t code, unsigned to, int16_t offset, int32_t value)
{
    w->code[w->length++] = (struct bpf_insn){.code = code, .dst_reg = to & 0xfU, .off = offset, .imm = value};
}

static void leave(struct writer *w, int32_t allow)
{
    put(w, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, allow);
    put(w, BPF_JMP | BPF_EXIT, 0, 0, 0);
}

/* The caller may make no node of what comes now. Access is in the high half of register 5. */
static void deny_making(struct writer *w)
{
    put(w, BPF_JMP | BPF_JSET | BPF_K, BPF_REG_5, 1, BPF_DEVCG_ACC_MKNOD << 16);
    put(w, BPF_JMP | BPF_JA, 0, 2, 0);
    leave(w, 0);
}

static void load(struct writer *w, unsigned to, int16_t offset)
{
    w->code[w->length++] = (struct bpf_insn){
        .code = BPF_LDX | BPF_W | BPF_MEM, .dst_reg = to & 0xfU, .src_reg = BPF_REG_1, .off = offset};
}

#define DEVICE_FIELD(member) ((int16_t)offsetof(struct bpf_cgroup_dev_ctx, member))

size_t device_program(const struct device_rule *rules, size_t count, struct bpf_insn ret[DEVICE_CODE_MAX])
{
    struct writer w = {.code = ret};
    bool making = true;

    /* Kind in the low half, access in the high one; register 2 keeps the kind alone. */
    load(&w, BPF_REG_5, DEVICE_FIELD(access_type));
    load(&w, BPF_REG_2, DEVICE_FIELD(access_type));
    load(&w, BPF_REG_3, DEVICE_FIELD(major));
    load(&w, BPF_REG_4, DEVICE_FIELD(minor));
    put(&w, BPF_ALU | BPF_AND | BPF_K, BPF_REG_2, 0, 0xffff);
    for (size_t i = 0; i < count; i++) {
        /* Instructions of the rule after the comparison of the major. */
        int16_t rest = rules[i].any_minor ? 2 : 3;
        if (making && rules[i].granted == NULL)
            deny_making(&w);
        making = making && rules[i].granted != NULL;
        put(&w, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, (int16_t)(rest + 1),
            rules[i].block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
        put(&w, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_3, rest, (int32_t)rules[i].major);
        if (!rules[i].any_minor)
            put(&w, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_4, 2, (int32_t)rules[i].minor);
        leave(&w, 1);
    }
    leave(&w, 0);
    return w.length;
}

int device_fence_by_program(const struct run_group *group, const struct device_rule *rules, size_t count,
                            struct err *e)
{
    struct bpf_insn code[DEVICE_CODE_MAX];
    size_t length = device_program(rules, count, code);
    AUTO_CLOSE int fd = -1;
    int r;

    if (group->unified.fd < 0)
        return -ENOTSUP;
    fd = bpf_load(BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE, code, length);
    if (fd == -EPERM || fd == -EINVAL || fd == -ENOSYS)
        return -ENOTSUP;
    if (fd < 0)
        return err_errno(e, -fd, BLAME_NODE, "devices: load the program of the run's control group");
    r = bpf_attach(group->unified.fd, BPF_CGROUP_DEVICE, fd);
    if (r == -EPERM || r == -EINVAL)
        return -ENOTSUP;
    return r < 0 ? err_errno(e, -r, BLAME_NODE, "devices: put the program on the run's control group") : 0;
}

/* ---- version 1: a list ---- */

void device_rule_format(const struct device_rule *rule, char ret[DEVICE_RULE_TEXT])
{
    char minor_text[12] = "*";

    if (!rule->any_minor)
        (void)snprintf(minor_text, sizeof(minor_text), "%u", rule->minor);
    (void)snprintf(ret, DEVICE_RULE_TEXT, "%c %u:%s rw%s", rule->block ? 'b' : 'c', rule->major, minor_text,
                   rule->granted != NULL ? "m" : "");
}

/* Whether one of the rules is the line of n bytes. */
static bool rules_have(const struct device_rule *rules, size_t count, const char *line, size_t n)
{
    char text[DEVICE_RULE_TEXT];

    for (size_t i = 0; i < count; i++) {
        device_rule_format(&rules[i], text);
        if (strlen(text) == n && memcmp(text, line, n) == 0)
            return true;
    }
    return false;
}

static bool list_has(const char *list, const struct device_rule *rule)
{
    for (size_t n; *list != '\0'; list += n + (list[n] == '\n')) {
        n = strcspn(list, "\n");
        if (rules_have(rule, 1, list, n))
            return true;
    }
    return false;
}

bool device_list_holds(const char *list, const struct device_rule *rules, size_t count)
{
    const char *line = list;

    for (size_t n; *line != '\0'; line += n + (line[n] == '\n')) {
        n = strcspn(line, "\n");
        if (n > 0 && !rules_have(rules, count, line, n))
            return false;
    }
    for (size_t i = 0; i < count; i++)
        if (!list_has(list, &rules[i]))
            return false;
    return true;
}

static int write_line(int dir_fd, const char *file, const char *text)
{
    AUTO_CLOSE int fd = openat(dir_fd, file, O_WRONLY | O_CLOEXEC);

    return fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
}

/* Our own group may have less: what every job has may be missing from a container's list as well; what was granted may not. */
static int allow(int dir_fd, const struct device_rule *rule, bool *ret_allowed, struct err *e)
{
    char text[DEVICE_RULE_TEXT];
    int r;

    device_rule_format(rule, text);
    r = write_line(dir_fd, "devices.allow", text);
    *ret_allowed = r == 0;
    if (r == 0 || (r == -EPERM && rule->granted == NULL))
        return 0;
    return err_errno(e, -r, BLAME_NODE, "devices: allow %s (%s) to the run's control group",
                     rule->granted != NULL ? rule->granted : "a device of every job", text);
}

int device_fence_by_list(const struct run_group *group, const struct device_rule *rules, size_t count,
                         struct err *e)
{
    AUTO(strbuf) struct strbuf list = STRBUF_INIT(LIST_MAX);
    struct device_rule allowed[DEVICE_RULES_MAX];
    int dir = group->v1[CONTROLLER_DEVICES].fd;
    size_t n = 0;
    int r = dir < 0 ? -ENOENT : write_line(dir, "devices.deny", "a");

    if (r == -ENOENT || r == -EPERM || r == -EACCES || r == -EROFS)
        return -ENOTSUP;
    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "devices: deny all to the run's control group");
    for (size_t i = 0; i < count; i++) {
        bool took = false;
        if (allow(dir, &rules[i], &took, e) < 0)
            return e->code;
        if (took)
            allowed[n++] = rules[i];
    }
    r = file_read(dir, "devices.list", &list);
    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "devices: read the list of the run's control group");
    if (!device_list_holds(strbuf_str(&list), allowed, n))
        return err_set(e, -ENOTSUP, BLAME_NODE,
                       "devices: the list of the run's control group is not what was written to it");
    return 0;
}

/* ---- either ---- */

int device_fence(const struct granted_devices *granted, const struct run_group *group,
                 struct containment_list *list, struct err *e)
{
    static const char NAME[] = "devices";
    struct device_rule rules[DEVICE_RULES_MAX];
    size_t count = device_rules(granted, rules);
    char value[CONTAINMENT_TEXT_MAX];
    const char *by = "bpf";
    int r = device_fence_by_program(group, rules, count, e);

    if (r == -ENOTSUP && e->code == 0) {
        by = "cgroup-v1";
        r = device_fence_by_list(group, rules, count, e);
    }
    if (e->code < 0)
        return e->code;
    (void)snprintf(value, sizeof(value), "every job's and %zu granted", granted->count);
    r = r == 0
            ? containment_add(list, NAME, CONTAINMENT_APPLIED, value, by)
            : containment_add(list, NAME, CONTAINMENT_MISSING,
                              "this machine has neither BPF on control groups nor a group for devices", "");
    return r < 0 ? err_oom(e) : 0;
}
