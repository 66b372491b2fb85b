/* bpf.c - see bpf.h. */
#include "sys/bpf.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Programs of others (a service manager's) on the same group that are looked through. */
#define PROGRAMS_MAX 64

static long call(enum bpf_cmd command, union bpf_attr *attributes)
{
    long r = syscall(SYS_bpf, command, attributes, sizeof(*attributes));

    return r < 0 ? -errno : r;
}

static uint64_t address(const void *p)
{
    return (uint64_t)(uintptr_t)p;
}

int bpf_load(enum bpf_prog_type type, enum bpf_attach_type where, const struct bpf_insn *code, size_t count)
{
    static const char LICENSE[] = "";
    union bpf_attr attributes;

    memset(&attributes, 0, sizeof(attributes));
    attributes.prog_type = type;
    attributes.expected_attach_type = where;
    attributes.insns = address(code);
    attributes.insn_cnt = (uint32_t)count;
    attributes.license = address(LICENSE);
    return (int)call(BPF_PROG_LOAD, &attributes);
}

static int program_id(int program_fd, uint32_t *ret)
{
    struct bpf_prog_info info;
    union bpf_attr attributes;
    long r;

    memset(&info, 0, sizeof(info));
    memset(&attributes, 0, sizeof(attributes));
    attributes.info.bpf_fd = (uint32_t)program_fd;
    attributes.info.info_len = sizeof(info);
    attributes.info.info = address(&info);
    r = call(BPF_OBJ_GET_INFO_BY_FD, &attributes);
    *ret = info.id;
    return (int)r;
}

static int find(int group_fd, enum bpf_attach_type where, int program_fd)
{
    uint32_t ids[PROGRAMS_MAX] = {0}, own = 0;
    union bpf_attr attributes;
    int r = program_id(program_fd, &own);

    if (r < 0)
        return r;
    memset(&attributes, 0, sizeof(attributes));
    attributes.query.target_fd = (uint32_t)group_fd;
    attributes.query.attach_type = where;
    attributes.query.prog_ids = address(ids);
    attributes.query.prog_cnt = PROGRAMS_MAX;
    r = (int)call(BPF_PROG_QUERY, &attributes);
    if (r < 0)
        return r;
    for (uint32_t i = 0; i < attributes.query.prog_cnt && i < PROGRAMS_MAX; i++)
        if (ids[i] == own)
            return 0;
    return -ENOTSUP;
}

int bpf_attach(int group_fd, enum bpf_attach_type where, int program_fd)
{
    union bpf_attr attributes;
    int r;

    memset(&attributes, 0, sizeof(attributes));
    attributes.target_fd = (uint32_t)group_fd;
    attributes.attach_bpf_fd = (uint32_t)program_fd;
    attributes.attach_type = where;
    attributes.attach_flags = BPF_F_ALLOW_MULTI;
    r = (int)call(BPF_PROG_ATTACH, &attributes);
    return r < 0 ? r : find(group_fd, where, program_fd);
}
