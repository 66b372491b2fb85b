// USES: base record
/*
 * fuzz_spool_index.c - any bytes as the two files of a spool: reader and verifier agree, no byte is given
 * twice or left out.
 *
 * Input: one byte (from which offset to read), one byte (how large the log is), one byte (odd: make every
 * entry's check right, so that what is behind it is reached too), then the index.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "record/spool.h"

#define HEAD 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One directory for the whole process, in memory where there is such a file system. */
static struct {
    char path[32];
    int fd;
} dir = {"/dev/shm/runlet-fuzz-XXXXXX", -1};

static void remove_dir(void)
{
    (void)unlinkat(dir.fd, SPOOL_LOG_NAME, 0);
    (void)unlinkat(dir.fd, SPOOL_IDX_NAME, 0);
    (void)rmdir(dir.path);
}

static void make_dir(void)
{
    if (mkdtemp(dir.path) == NULL) {
        (void)snprintf(dir.path, sizeof(dir.path), "/tmp/runlet-fuzz-XXXXXX");
        if (mkdtemp(dir.path) == NULL)
            abort();
    }
    dir.fd = open(dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir.fd < 0 || atexit(remove_dir) != 0)
        abort();
}

static void write_file(int dir_fd, const char *name, const void *bytes, size_t n)
{
    AUTO_CLOSE int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
        abort();
}

/* Reads to the end from `offset`; true if there was no damage. Every piece must follow the one before. */
static bool read_from(int dir_fd, uint64_t offset, uint64_t log_size)
{
    struct spool_reader r = SPOOL_READER_INIT;
    struct err e = ERR_INIT;
    struct spool_piece piece;
    uint64_t next = offset;
    int64_t time = 0;
    char buf[7];
    int result = spool_open(dir_fd, offset, &r, &e);

    while (result >= 0 && (result = spool_read(&r, true, buf, sizeof(buf), &piece, &e)) == 1) {
        if (piece.offset != next || piece.n == 0 || piece.n > sizeof(buf) || piece.time.ms < time)
            abort();
        next += piece.n;
        time = piece.time.ms;
    }
    if (result < 0 && result != -EBADMSG)
        abort();
    if (result == 0 && next != (offset < log_size ? log_size : offset))
        abort();
    spool_reader_close(&r);
    return result == 0;
}

static void write_index(const uint8_t *data, size_t size, bool repair)
{
    AUTO_FREE uint8_t *index = malloc(size + 1);

    if (index == NULL)
        abort();
    memcpy(index, data, size);
    for (size_t at = 0; repair && at + SPOOL_ENTRY_BYTES <= size; at += SPOOL_ENTRY_BYTES) {
        uint32_t crc = crc32c_portable(0, index + at, SPOOL_ENTRY_BYTES - 2);
        index[at + SPOOL_ENTRY_BYTES - 2] = (uint8_t)crc;
        index[at + SPOOL_ENTRY_BYTES - 1] = (uint8_t)(crc >> 8);
    }
    write_file(dir.fd, SPOOL_IDX_NAME, index, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char LOG[256];
    struct spool_summary sum;
    struct err e = ERR_INIT;
    bool clean;

    if (size < HEAD)
        return 0;
    if (dir.fd < 0)
        make_dir();
    write_file(dir.fd, SPOOL_LOG_NAME, LOG, data[1]);
    write_index(data + HEAD, size - HEAD, data[2] % 2 == 1);
    if (spool_verify(dir.fd, &sum, &e) < 0 || sum.bytes != data[1] || sum.unindexed_bytes > sum.bytes ||
        sum.lines != (data[1] > 0))
        abort();
    clean = read_from(dir.fd, 0, data[1]);
    (void)read_from(dir.fd, data[0], data[1]);
    if (!clean && !sum.damaged)
        abort();
    return 0;
}
