/* connect_filter.c - see connect_filter.h. */
#include "sys/connect_filter.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"

/* The programs: `R1` is struct bpf_sock_addr, `R0` the answer, 1 to go on and 0 to refuse. */
#define LOAD(to, from, member)                                                                               \
    ((struct bpf_insn){                                                                                      \
        .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = (to), .src_reg = (from), .off = (int16_t)(member)})
#define JUMP_NOT(reg, value, skip)                                                                           \
    ((struct bpf_insn){                                                                                      \
        .code = BPF_JMP | BPF_JNE | BPF_X, .dst_reg = (reg), .src_reg = (value), .off = (skip)})
/* A 32-bit constant, zero-extended: 64-bit comparisons would meet a sign-extended immediate. */
#define SET(reg, value)                                                                                      \
    ((struct bpf_insn){.code = BPF_ALU | BPF_MOV | BPF_K, .dst_reg = (reg), .imm = (int32_t)(value)})
#define ANSWER(value)                                                                                        \
    ((struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = (value)})
#define RETURN ((struct bpf_insn){.code = BPF_JMP | BPF_EXIT})

#define MEMBER4    offsetof(struct bpf_sock_addr, user_ip4)
#define MEMBER6(i) (offsetof(struct bpf_sock_addr, user_ip6) + 4 * (size_t)(i))

static int load(const struct bpf_insn *code, size_t count, enum bpf_attach_type type)
{
    static const char LICENSE[] = "Apache-2.0";
    union bpf_attr attr;
    long fd;

    memset(&attr, 0, sizeof(attr));
    attr.prog_type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
    attr.expected_attach_type = type;
    attr.insns = (uint64_t)(uintptr_t)code;
    attr.insn_cnt = (uint32_t)count;
    attr.license = (uint64_t)(uintptr_t)LICENSE;
    fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
    return fd < 0 ? -errno : (int)fd;
}

static int attach(int cgroup_fd, const struct bpf_insn *code, size_t count, enum bpf_attach_type type)
{
    AUTO_CLOSE int program = load(code, count, type);
    union bpf_attr attr;

    if (program < 0)
        return program;
    memset(&attr, 0, sizeof(attr));
    attr.target_fd = (uint32_t)cgroup_fd;
    attr.attach_bpf_fd = (uint32_t)program;
    attr.attach_type = type;
    return syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

/* Four words of an address in network order, as the program sees them. */
struct words {
    uint32_t word[4];
};

int connect_filter_attach(int cgroup_fd, struct in_addr blocked4, struct in6_addr blocked6)
{
    const uint32_t mapped[4] = {0, 0, htonl(0xFFFF), blocked4.s_addr};
    const struct bpf_insn code4[] = {
        LOAD(BPF_REG_2, BPF_REG_1, MEMBER4),
        SET(BPF_REG_3, blocked4.s_addr),
        JUMP_NOT(BPF_REG_2, BPF_REG_3, 2),
        ANSWER(0),
        RETURN,
        ANSWER(1),
        RETURN,
    };
    struct bpf_insn code6[2 * (4 * 3 + 2) + 2];
    struct words six;
    size_t n = 0;
    int r;

    memcpy(&six, &blocked6, sizeof(six));
    for (int address = 0; address < 2; address++) {
        const uint32_t *word = address == 0 ? six.word : mapped;
        /* Each mismatch jumps behind this address's block: the rest of its words, and its answer. */
        for (int i = 0; i < 4; i++) {
            code6[n++] = LOAD(BPF_REG_2, BPF_REG_1, MEMBER6(i));
            code6[n++] = SET(BPF_REG_3, word[i]);
            code6[n++] = JUMP_NOT(BPF_REG_2, BPF_REG_3, (int16_t)((3 - i) * 3 + 2));
        }
        code6[n++] = ANSWER(0);
        code6[n++] = RETURN;
    }
    code6[n++] = ANSWER(1);
    code6[n++] = RETURN;
    r = attach(cgroup_fd, code4, ARRAY_SIZE(code4), BPF_CGROUP_INET4_CONNECT);
    if (r == 0)
        r = attach(cgroup_fd, code4, ARRAY_SIZE(code4), BPF_CGROUP_UDP4_SENDMSG);
    if (r == 0)
        r = attach(cgroup_fd, code6, n, BPF_CGROUP_INET6_CONNECT);
    return r == 0 ? attach(cgroup_fd, code6, n, BPF_CGROUP_UDP6_SENDMSG) : r;
}
