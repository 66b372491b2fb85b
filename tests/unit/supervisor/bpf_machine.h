/* bpf_machine.h - a small interpreter for the programs that the kernel runs for control groups: what they decide is tested
 * without a kernel. It knows the instructions that they use, and fails on any other. */
#ifndef UNIT_SUPERVISOR_BPF_MACHINE_H
#define UNIT_SUPERVISOR_BPF_MACHINE_H

#include "cmocka_all.h"

#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define STACK_BYTES 64

struct machine {
    uint64_t reg[11];
    uint8_t stack[STACK_BYTES];
    const void *context;
    const uint8_t *packet;
    size_t packet_size;
};

/* Where in our memory a load of the program goes: its context, or its stack. */
static const uint8_t *place(const struct machine *m, unsigned reg, int offset)
{
    uint64_t base = m->reg[reg];

    if (base == (uint64_t)(uintptr_t)m->context)
        return (const uint8_t *)m->context + offset;
    assert_int_equal(base, (uint64_t)(uintptr_t)(m->stack + STACK_BYTES));
    assert_in_range(STACK_BYTES + offset, 0, STACK_BYTES - 1);
    return m->stack + STACK_BYTES + offset;
}

static void load_bytes(struct machine *m)
{
    size_t offset = m->reg[2], size = m->reg[4];
    uint8_t *to = (uint8_t *)(uintptr_t)m->reg[3];

    assert_int_equal(m->reg[1], (uint64_t)(uintptr_t)m->context);
    assert_true(to >= m->stack && to + size <= m->stack + STACK_BYTES);
    m->reg[0] = offset + size > m->packet_size;
    if (m->reg[0] == 0)
        memcpy(to, m->packet + offset, size);
}

static uint64_t machine_run(const struct bpf_insn *code, size_t length, struct machine *m)
{
    m->reg[1] = (uint64_t)(uintptr_t)m->context;
    m->reg[10] = (uint64_t)(uintptr_t)(m->stack + STACK_BYTES);
    for (size_t pc = 0; pc < length; pc++) {
        const struct bpf_insn *i = &code[pc];
        uint64_t *to = &m->reg[i->dst_reg], from = m->reg[i->src_reg];
        uint32_t word;
        uint16_t half;
        bool jump = false;
        switch (i->code) {
        case BPF_LDX | BPF_W | BPF_MEM:
            memcpy(&word, place(m, i->src_reg, i->off), sizeof(word));
            *to = word;
            break;
        case BPF_LDX | BPF_H | BPF_MEM:
            memcpy(&half, place(m, i->src_reg, i->off), sizeof(half));
            *to = half;
            break;
        case BPF_LDX | BPF_B | BPF_MEM: *to = *place(m, i->src_reg, i->off); break;
        case BPF_ALU64 | BPF_MOV | BPF_K: *to = (uint64_t)(int64_t)i->imm; break;
        case BPF_ALU64 | BPF_MOV | BPF_X: *to = from; break;
        case BPF_ALU | BPF_MOV | BPF_X: *to = (uint32_t)from; break;
        case BPF_ALU64 | BPF_ADD | BPF_K: *to += (uint64_t)(int64_t)i->imm; break;
        case BPF_JMP | BPF_JNE | BPF_X: jump = *to != from; break;
        case BPF_JMP | BPF_JNE | BPF_K: jump = *to != (uint64_t)(int64_t)i->imm; break;
        case BPF_JMP | BPF_JEQ | BPF_K: jump = *to == (uint64_t)(int64_t)i->imm; break;
        case BPF_JMP | BPF_JSET | BPF_K: jump = (*to & (uint64_t)(int64_t)i->imm) != 0; break;
        case BPF_JMP | BPF_JA: jump = true; break;
        case BPF_ALU | BPF_AND | BPF_K: *to = (uint32_t)*to & (uint32_t)i->imm; break;
        case BPF_JMP | BPF_CALL: load_bytes(m); break;
        case BPF_JMP | BPF_EXIT: return m->reg[0];
        default: fail_msg("instruction %zu has the code %d", pc, (int)i->code);
        }
        if (jump) {
            assert_true(i->off >= 0); /* old kernels take no loops */
            pc += (size_t)i->off;
        }
    }
    fail_msg("the program does not return");
    return 0;
}

#endif
