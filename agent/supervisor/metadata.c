/* metadata.c - see metadata.h. */
#include "supervisor/metadata.h"

#include <errno.h>

#include "base/auto.h"
#include "base/strbuf.h"
#include "supervisor/metadata_programs.h"
#include "sys/fd.h"
#include "sys/program.h"

#define NFT_PATIENCE_MS 5000

static int by_bpf(const struct run_group *group)
{
    return group->unified.fd < 0 ? -ENOTSUP : metadata_programs_attach(group->unified.fd);
}

static void write_rules(uid_t uid, struct strbuf *out)
{
    static const char *const RULES[] = {
        "ip daddr " METADATA_ADDRESS " udp dport 53 accept", /* the resolver is at the same address */
        "ip daddr " METADATA_ADDRESS " tcp dport 53 accept", "ip daddr " METADATA_ADDRESS " reject",
        "ip6 daddr " METADATA_ADDRESS_OCI " reject",         "ip6 daddr " METADATA_ADDRESS_AWS " reject",
    };

    (void)strbuf_addf(out,
                      "add table inet runlet\n"
                      "add chain inet runlet metadata_%u { type filter hook output priority 0; }\n"
                      "flush chain inet runlet metadata_%u\n",
                      uid, uid);
    for (size_t i = 0; i < ARRAY_SIZE(RULES); i++)
        (void)strbuf_addf(out, "add rule inet runlet metadata_%u meta skuid %u %s\n", uid, uid, RULES[i]);
}

/* A rule of our own for the job's user, the same for every run: setting it again changes nothing. */
static int by_nftables(uid_t uid)
{
    AUTO(strbuf) struct strbuf rules = STRBUF_INIT(4096);
    char program[][16] = {"/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"};
    char option[] = "-f", file[] = "/proc/self/fd/3";
    struct err e = ERR_INIT;
    AUTO_CLOSE int fd = -1;
    int r = -ENOENT;

    _Static_assert(PROGRAM_FD == 3, "the file of the rules has its number in its name");
    write_rules(uid, &rules);
    if (rules.failed < 0)
        return rules.failed;
    fd = fd_sealed("rules", rules.data, rules.len);
    if (fd < 0)
        return fd;
    for (size_t i = 0; r == -ENOENT && i < ARRAY_SIZE(program); i++)
        r = program_run((char *[]){program[i], option, file, NULL}, fd, NFT_PATIENCE_MS, &e);
    return r;
}

int metadata_block(const struct policy *policy, const struct plan *plan, const struct run_group *group,
                   struct containment_list *list, struct err *e)
{
    static const char NAME[] = "metadata";
    uid_t uid = policy_uid(policy, plan);
    const char *by = "bpf";
    int r;

    if (policy->allow_metadata || plan->sandbox.network_off)
        return 0;
    r = by_bpf(group);
    if (r < 0 && uid != 0) {
        by = "nftables";
        r = by_nftables(uid);
    }
    if (r == 0)
        r = containment_add(list, NAME, CONTAINMENT_APPLIED, "out of reach", by);
    else if (policy->limits_best_effort || policy->rootless) /* he can reach it without us */
        r = containment_add(list, NAME, CONTAINMENT_MISSING,
                            "this machine has neither BPF on control groups nor nft", "");
    else
        return err_set(
            e, -ENOTSUP, BLAME_NODE,
            "metadata: neither BPF on control groups nor nftables can keep the job from the instance's "
            "metadata "
            "service; install nftables, set sandbox.allowMetadata where there is no such service, or "
            "limits.bestEffort");
    return r < 0 ? err_oom(e) : 0;
}
