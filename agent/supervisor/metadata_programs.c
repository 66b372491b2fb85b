/* metadata_programs.c - see metadata_programs.h. */
#include "supervisor/metadata_programs.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <stdbool.h>
#include <string.h>

#include "base/auto.h"
#include "sys/bpf.h"

/* As they stand in memory, in network order. */
static const uint8_t ADDRESS_V4[4] = {169, 254, 169, 254};
static const uint8_t ADDRESSES_V6[][16] = {
    {0xfd, 0x00, 0x00, 0xc1, [12] = 0xa9, [13] = 0xfe, [14] = 0xa9, [15] = 0xfe},
    {0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54},
};
static const uint8_t MAPPED_V4[16] = {
    [10] = 0xff, [11] = 0xff, [12] = 169, [13] = 254, [14] = 169, [15] = 254};

/* Version and header length, the first byte of a packet. */
#define IPV4_WITHOUT_OPTIONS 0x45

/* ---- writing a program ---- */

struct writer {
    struct metadata_program *program;
    size_t jump[METADATA_CODE_MAX]; /* jumps to whatever comes next */
    size_t jumps;
};

static void put(struct writer *w, uint8_t code, unsigned to, unsigned from, int16_t offset, int32_t value)
{
    w->program->code[w->program->length++] = (struct bpf_insn){
        .code = code, .dst_reg = to & 0xfU, .src_reg = from & 0xfU, .off = offset, .imm = value};
}

static void load(struct writer *w, unsigned to, unsigned from, int16_t offset)
{
    put(w, BPF_LDX | BPF_W | BPF_MEM, to, from, offset, 0);
}

static void set(struct writer *w, unsigned to, int32_t value)
{
    put(w, BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value);
}

/* Goes to the next place that land() marks unless the register is the 32 bits at `bytes`. */
static void unless_equal(struct writer *w, unsigned reg, const uint8_t bytes[4])
{
    int32_t value;

    memcpy(&value, bytes, sizeof(value));
    set(w, BPF_REG_2, value);
    put(w, BPF_ALU | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_2, 0, 0); /* without the sign */
    w->jump[w->jumps++] = w->program->length;
    put(w, BPF_JMP | BPF_JNE | BPF_X, reg, BPF_REG_2, 0, 0);
}

static void land(struct writer *w)
{
    for (size_t i = 0; i < w->jumps; i++)
        w->program->code[w->jump[i]].off = (int16_t)(w->program->length - w->jump[i] - 1);
    w->jumps = 0;
}

static void leave(struct writer *w, bool allow)
{
    set(w, BPF_REG_0, allow ? 1 : 0);
    put(w, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* Denies, unless the register holds the open port as it stands in memory. */
static void deny_but_open_port(struct writer *w, unsigned reg)
{
    put(w, BPF_JMP | BPF_JEQ | BPF_K, reg, 0, 2, htons(METADATA_PORT_OPEN));
    leave(w, false);
    leave(w, true);
}

/* ---- the programs ---- */

#define ADDRESS_FIELD(member) ((int16_t)offsetof(struct bpf_sock_addr, member))

/* connect(2) and sendmsg(2) with an IPv4 address. */
static void write_v4(struct writer *w)
{
    load(w, BPF_REG_3, BPF_REG_1, ADDRESS_FIELD(user_ip4));
    unless_equal(w, BPF_REG_3, ADDRESS_V4);
    load(w, BPF_REG_4, BPF_REG_1, ADDRESS_FIELD(user_port));
    deny_but_open_port(w, BPF_REG_4);
    land(w);
    leave(w, true);
}

/* Goes on at the next place that land() marks unless the four words from `offset` on are the address. */
static void unless_address(struct writer *w, unsigned from, int16_t offset, const uint8_t address[16])
{
    for (int16_t i = 0; i < 4; i++) {
        load(w, BPF_REG_3, from, (int16_t)(offset + i * 4));
        unless_equal(w, BPF_REG_3, address + i * 4);
    }
}

/* With an IPv6 address: the service's own, or the IPv4 one mapped. */
static void write_v6(struct writer *w)
{
    for (size_t i = 0; i < ARRAY_SIZE(ADDRESSES_V6); i++) {
        unless_address(w, BPF_REG_1, ADDRESS_FIELD(user_ip6), ADDRESSES_V6[i]);
        leave(w, false);
        land(w);
    }
    unless_address(w, BPF_REG_1, ADDRESS_FIELD(user_ip6), MAPPED_V4);
    load(w, BPF_REG_4, BPF_REG_1, ADDRESS_FIELD(user_port));
    deny_but_open_port(w, BPF_REG_4);
    land(w);
    leave(w, true);
}

/* Copies bytes of the packet to the stack, from its network header on. Goes on at the next place that land() marks when
 * it is too short. The program's context is in register 6. */
static void load_bytes(struct writer *w, int32_t offset, int32_t size, int16_t to)
{
    put(w, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_6, 0, 0);
    set(w, BPF_REG_2, offset);
    put(w, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_10, 0, 0);
    put(w, BPF_ALU64 | BPF_ADD, BPF_REG_3, 0, 0, to); /* a constant: BPF_K is 0 */
    set(w, BPF_REG_4, size);
    put(w, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_skb_load_bytes);
    w->jump[w->jumps++] = w->program->length;
    put(w, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_0, 0, 0, 0);
}

/* A packet that leaves. IPv4: the destination at byte 16; the port at 22 when there are no options. IPv6: at 24. */
static void write_egress(struct writer *w)
{
    size_t to_v6;

    put(w, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_1, 0, 0);
    load(w, BPF_REG_3, BPF_REG_6, (int16_t)offsetof(struct __sk_buff, protocol));
    to_v6 = w->program->length;
    put(w, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_3, 0, 0, htons(ETH_P_IPV6));
    load_bytes(w, 16, 4, -4);
    load(w, BPF_REG_3, BPF_REG_10, -4);
    unless_equal(w, BPF_REG_3, ADDRESS_V4);
    /* With options the port is not where it is looked for, and a job can set options. */
    load_bytes(w, 0, 1, -8);
    put(w, BPF_LDX | BPF_B | BPF_MEM, BPF_REG_4, BPF_REG_10, -8, 0);
    put(w, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_4, 0, 2, IPV4_WITHOUT_OPTIONS);
    leave(w, false);
    load_bytes(w, 22, 2, -8);
    put(w, BPF_LDX | BPF_H | BPF_MEM, BPF_REG_4, BPF_REG_10, -8, 0);
    deny_but_open_port(w, BPF_REG_4);
    land(w);
    leave(w, true);
    w->program->code[to_v6].off = (int16_t)(w->program->length - to_v6 - 1);
    for (size_t i = 0; i < ARRAY_SIZE(ADDRESSES_V6); i++) {
        load_bytes(w, 24, 16, -16);
        unless_address(w, BPF_REG_10, -16, ADDRESSES_V6[i]);
        leave(w, false);
        land(w);
    }
    leave(w, true);
}

void metadata_programs(struct metadata_program ret[METADATA_PROGRAMS])
{
    static const struct {
        enum bpf_prog_type type;
        enum bpf_attach_type where;
        void (*write)(struct writer *w);
    } KINDS[METADATA_PROGRAMS] = {
        {BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, write_v4},
        {BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET6_CONNECT, write_v6},
        {BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP4_SENDMSG, write_v4},
        {BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP6_SENDMSG, write_v6},
        {BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, write_egress},
    };

    for (size_t i = 0; i < METADATA_PROGRAMS; i++) {
        struct writer w = {.program = &ret[i]};
        ret[i] = (struct metadata_program){.type = KINDS[i].type, .where = KINDS[i].where};
        KINDS[i].write(&w);
    }
}

int metadata_programs_attach(int group_fd)
{
    struct metadata_program programs[METADATA_PROGRAMS];

    metadata_programs(programs);
    for (size_t i = 0; i < METADATA_PROGRAMS; i++) {
        AUTO_CLOSE int fd =
            bpf_load(programs[i].type, programs[i].where, programs[i].code, programs[i].length);
        int r = fd < 0 ? fd : bpf_attach(group_fd, programs[i].where, fd);
        if (r < 0)
            return r;
    }
    return 0;
}
