/* test_metadata.c - the programs that keep a job from the metadata service, run by a small interpreter on addresses and
 * packets. That the kernel takes them is a story's matter. */
#include "cmocka_all.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <stdbool.h>
#include <string.h>

#include "base/auto.h"
#include "bpf_machine.h"
#include "supervisor/metadata_programs.h"

static uint64_t run(const struct metadata_program *p, struct machine *m)
{
    return machine_run(p->code, p->length, m);
}

static const struct {
    const char *address;
    uint16_t port;
    bool reached;
} CASES[] = {
    {"169.254.169.254", 80, false},
    {"169.254.169.254", 0, false},
    {"169.254.169.254", 53, true},
    {"169.254.169.253", 80, true},
    {"168.254.169.254", 80, true},
    {"254.169.254.169", 80, true},
    {"127.0.0.1", 80, true},
    {"::ffff:169.254.169.254", 80, false},
    {"::ffff:169.254.169.254", 53, true},
    {"::ffff:127.0.0.1", 80, true},
    {"::169.254.169.254", 80, true},
    {"fd00:ec2::254", 80, false},
    {"fd00:ec2::254", 53, false},
    {"fd00:c1::a9fe:a9fe", 80, false},
    {"fd00:ec2::253", 53, true},
    {"fd00:ec2:0:1::254", 80, true},
    {"2001:db8::1", 80, true},
};

static bool is_v6(const char *address)
{
    return strchr(address, ':') != NULL;
}

static void calls(void **state)
{
    struct metadata_program programs[METADATA_PROGRAMS];

    (void)state;
    metadata_programs(programs);
    for (size_t p = 0; p < METADATA_PROGRAMS; p++) {
        bool v6 =
            programs[p].where == BPF_CGROUP_INET6_CONNECT || programs[p].where == BPF_CGROUP_UDP6_SENDMSG;
        for (size_t i = 0; programs[p].type == BPF_PROG_TYPE_CGROUP_SOCK_ADDR && i < ARRAY_SIZE(CASES); i++) {
            struct bpf_sock_addr context = {.user_port = htons(CASES[i].port)};
            struct machine m = {.context = &context};
            if (is_v6(CASES[i].address) != v6)
                continue;
            assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, CASES[i].address,
                                       v6 ? (void *)context.user_ip6 : (void *)&context.user_ip4),
                             1);
            if ((run(&programs[p], &m) == 1) != CASES[i].reached)
                fail_msg("program %zu: %s port %d", p, CASES[i].address, CASES[i].port);
        }
    }
}

/* A packet with the address as its destination, as far as the programs look at it. */
static size_t make_packet(const char *address, uint16_t port, uint8_t *ret)
{
    uint16_t in_order = htons(port);

    memset(ret, 0, 64);
    if (is_v6(address)) {
        ret[0] = 0x60;
        assert_int_equal(inet_pton(AF_INET6, address, ret + 24), 1);
        memcpy(ret + 42, &in_order, sizeof(in_order));
        return 60;
    }
    ret[0] = 0x45;
    assert_int_equal(inet_pton(AF_INET, address, ret + 16), 1);
    memcpy(ret + 22, &in_order, sizeof(in_order));
    return 40;
}

static void packets(void **state)
{
    struct metadata_program programs[METADATA_PROGRAMS];
    const struct metadata_program *egress = &programs[METADATA_PROGRAMS - 1];
    uint8_t packet[64];

    (void)state;
    metadata_programs(programs);
    assert_int_equal(egress->where, BPF_CGROUP_INET_EGRESS);
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct __sk_buff context = {.protocol = htons(is_v6(CASES[i].address) ? ETH_P_IPV6 : ETH_P_IP)};
        struct machine m = {.context = &context, .packet = packet};
        if (strncmp(CASES[i].address, "::ffff:", 7) == 0)
            continue; /* such a socket's packets are IPv4 */
        m.packet_size = make_packet(CASES[i].address, CASES[i].port, packet);
        if ((run(egress, &m) == 1) != CASES[i].reached)
            fail_msg("%s port %d", CASES[i].address, CASES[i].port);
    }
}

/* Options move the port: what stands in its place is of the sender's choice. */
static void packets_with_options(void **state)
{
    struct metadata_program programs[METADATA_PROGRAMS];
    struct __sk_buff context = {.protocol = htons(ETH_P_IP)};
    uint8_t packet[64];
    struct machine m = {.context = &context, .packet = packet};

    (void)state;
    metadata_programs(programs);
    m.packet_size = make_packet("169.254.169.254", 53, packet);
    packet[0] = 0x46;
    assert_int_equal(run(&programs[METADATA_PROGRAMS - 1], &m), 0);
    m.packet_size = make_packet("192.0.2.1", 80, packet);
    packet[0] = 0x46;
    assert_int_equal(run(&programs[METADATA_PROGRAMS - 1], &m), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls),
        cmocka_unit_test(packets),
        cmocka_unit_test(packets_with_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
