/* probe.c - see probe.h. */
#include "probe/probe.h"

#include <blkid.h>
#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"

#define PIECE_BYTES 65536

static int failed(struct err *e, const char *what)
{
    return err_errno(e, errno, BLAME_NODE, "%s the volume", what);
}

static int size_of(int fd, int64_t *ret, struct err *e)
{
    struct stat st;
    uint64_t bytes = 0;

    if (fstat(fd, &st) < 0)
        return failed(e, "look at");
    if (S_ISBLK(st.st_mode) && ioctl(fd, BLKGETSIZE64, &bytes) < 0)
        return failed(e, "ask for the size of");
    if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
        return err_set(e, -ENOTBLK, BLAME_NODE, "it is neither a block device nor a file");
    *ret = S_ISBLK(st.st_mode) ? (int64_t)bytes : st.st_size;
    return 0;
}

static int read_at(int fd, int64_t offset, void *ret, size_t n, struct err *e)
{
    for (size_t done = 0; done < n;) {
        ssize_t r = pread(fd, (char *)ret + done, n - done, offset + (int64_t)done);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return failed(e, "read");
        if (r == 0)
            return err_set(e, -EIO, BLAME_NODE, "the volume ends before its size");
        done += (size_t)r;
    }
    return 0;
}

/* Whether [from, to) has nothing but zeros. */
static int is_zero(int fd, int64_t from, int64_t to, bool *ret, struct err *e)
{
    static const char ZEROS[PIECE_BYTES];
    char piece[PIECE_BYTES];

    *ret = true;
    while (*ret && from < to) {
        size_t n = to - from < PIECE_BYTES ? (size_t)(to - from) : PIECE_BYTES;
        if (read_at(fd, from, piece, n, e) < 0)
            return e->code;
        *ret = memcmp(piece, ZEROS, n) == 0;
        from += (int64_t)n;
    }
    return 0;
}

static int look_at_ends(int fd, struct volume_facts *facts, struct err *e)
{
    int64_t edge = facts->bytes < 2 * VOLUME_EDGE_BYTES ? facts->bytes / 2 : VOLUME_EDGE_BYTES;
    int64_t last_from = facts->bytes - edge, mark_at = volume_mark_offset(facts->bytes);
    char mark[VOLUME_MARK_BYTES];
    bool first = false, last = false;

    if (mark_at >= 0 && read_at(fd, mark_at, mark, sizeof(mark), e) < 0)
        return e->code;
    if (mark_at >= 0 && volume_mark_read(mark, facts->mark))
        last_from = mark_at + VOLUME_MARK_BYTES;
    if (is_zero(fd, 0, edge, &first, e) < 0 || is_zero(fd, last_from, facts->bytes, &last, e) < 0)
        return e->code;
    facts->empty = first && last;
    return 0;
}

/* ---- superblocks ---- */

static uint64_t little(const unsigned char *at, unsigned bytes)
{
    uint64_t v = 0;

    while (bytes-- > 0)
        v = v << 8 | at[bytes];
    return v;
}

static uint64_t big(const unsigned char *at, unsigned bytes)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < bytes; i++)
        v = v << 8 | at[i];
    return v;
}

static int64_t product(uint64_t blocks, uint64_t block_bytes)
{
    int64_t bytes;

    return __builtin_mul_overflow(blocks, block_bytes, &bytes) ? 0 : bytes;
}

int64_t probe_system_bytes(const char *signature, const unsigned char *head, size_t n, bool *ret_unfinished)
{
    const unsigned char *ext = head + 1024;
    uint64_t blocks;

    *ret_unfinished = false;
    if (n < 2048)
        return 0;
    if (strcmp(signature, "xfs") == 0) {
        *ret_unfinished = head[126] != 0; /* sb_inprogress */
        return product(big(head + 8, 8), big(head + 4, 4));
    }
    if (strncmp(signature, "ext", 3) != 0 || ext[24] > 6)
        return 0;
    blocks = little(ext + 4, 4);
    if ((little(ext + 0x60, 4) & 0x80) != 0) /* 64bit: sizes have an upper half */
        blocks |= little(ext + 0x150, 4) << 32;
    return product(blocks, 1024ULL << ext[24]);
}

/* ---- signatures ---- */

/* Of another's bytes what can be shown. */
static void keep_text(const char *value, size_t n, char *ret, size_t size)
{
    size_t to = 0;

    for (size_t i = 0; i < n && value[i] != '\0' && to + 1 < size; i++)
        ret[to++] = (char)(value[i] >= 0x20 && value[i] < 0x7F ? value[i] : '?');
    ret[to] = '\0';
}

static bool value_of(blkid_probe pr, const char *name, char *ret, size_t size)
{
    const char *value = NULL;
    size_t n = 0;

    if (blkid_probe_lookup_value(pr, name, &value, &n) < 0 || value == NULL)
        return false;
    keep_text(value, n, ret, size);
    return true;
}

static void free_probe(blkid_probe *pr)
{
    blkid_free_probe(*pr);
}

static int look_for_signatures(int fd, struct volume_facts *facts, struct err *e)
{
    __attribute__((cleanup(free_probe))) blkid_probe pr = blkid_new_probe();
    int flags = BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID | BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE;
    char table[VOLUME_WORD_MAX] = "";
    int r;

#ifdef BLKID_SUBLKS_BADCSUM
    flags |= BLKID_SUBLKS_BADCSUM; /* what is damaged is somebody's all the same */
#endif
    if (pr == NULL || blkid_probe_set_device(pr, fd, 0, 0) < 0 || blkid_probe_enable_superblocks(pr, 1) < 0 ||
        blkid_probe_set_superblocks_flags(pr, flags) < 0 || blkid_probe_enable_partitions(pr, 1) < 0)
        return err_set(e, -ENOMEM, BLAME_NODE, "prepare to look at the volume");
    r = blkid_do_safeprobe(pr);
    if (r == -1)
        return err_set(e, -EIO, BLAME_NODE, "look for signatures on the volume");
    facts->ambiguous = r == -2;
    (void)value_of(pr, "TYPE", facts->signature, sizeof(facts->signature));
    (void)value_of(pr, "USAGE", facts->usage, sizeof(facts->usage));
    (void)value_of(pr, "LABEL", facts->label, sizeof(facts->label));
    (void)value_of(pr, "UUID", facts->uuid, sizeof(facts->uuid));
    if (!value_of(pr, "PTTYPE", table, sizeof(table)))
        return 0;
    if (facts->signature[0] != '\0') {
        facts->ambiguous = true;
        return 0;
    }
    memcpy(facts->signature, table, sizeof(table));
    (void)snprintf(facts->usage, sizeof(facts->usage), "partitions");
    return 0;
}

int probe(int fd, struct volume_facts *ret, struct err *e)
{
    struct volume_facts facts = {0};
    unsigned char head[4096];

    if (size_of(fd, &facts.bytes, e) < 0)
        return e->code;
    if (facts.bytes >= (int64_t)sizeof(head)) {
        if (look_at_ends(fd, &facts, e) < 0 || look_for_signatures(fd, &facts, e) < 0 ||
            read_at(fd, 0, head, sizeof(head), e) < 0)
            return e->code;
        facts.system_bytes = probe_system_bytes(facts.signature, head, sizeof(head), &facts.unfinished);
    }
    *ret = facts;
    return 0;
}
