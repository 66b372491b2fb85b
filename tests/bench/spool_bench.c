/*
 * spool_bench.c - what a spool costs over a plain file: the same pieces appended to each, turn by turn.
 *
 *     bench-spool [DIRECTORY [MIB [ROUNDS [KIB-A-PIECE]]]]
 *
 * Prints the best of the rounds, in MB/s, of write(2) alone, of spool_append, and of its two passes over the
 * bytes.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/parse.h"
#include "record/scan.h"
#include "record/spool.h"

#define PIECE_MAX  (4U << 20)
#define LINE       100
#define PLAIN_NAME "plain.log"

struct bench {
    int dir_fd;
    uint64_t pieces;
    char piece[PIECE_MAX];
    size_t size;      /* of the piece */
    uint64_t checked; /* what the passes found, so that they are not optimised away */
};

static double seconds(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int die(const char *what)
{
    perror(what);
    exit(1);
}

static double plain(struct bench *b)
{
    AUTO_CLOSE int fd = openat(b->dir_fd, PLAIN_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    double start = seconds();

    for (uint64_t i = 0; i < b->pieces; i++)
        if (write(fd, b->piece, b->size) != (ssize_t)b->size)
            die("write");
    start = seconds() - start;
    (void)unlinkat(b->dir_fd, PLAIN_NAME, 0);
    return start;
}

static double spool(struct bench *b)
{
    struct spool_writer w = SPOOL_WRITER_INIT;
    struct err e = ERR_INIT;
    double start;

    if (spool_create(b->dir_fd, &w, &e) < 0) {
        (void)fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
    start = seconds();
    for (uint64_t i = 0; i < b->pieces; i++)
        if (spool_append(&w, SPOOL_STDOUT, b->piece, b->size, clock_wall(), &e) < 0)
            die(e.text);
    start = seconds() - start;
    spool_writer_close(&w);
    (void)unlinkat(b->dir_fd, SPOOL_LOG_NAME, 0);
    (void)unlinkat(b->dir_fd, SPOOL_IDX_NAME, 0);
    return start;
}

static double checksum(struct bench *b)
{
    double start = seconds();

    for (uint64_t i = 0; i < b->pieces; i++)
        b->checked += crc32c((uint32_t)i, b->piece, b->size);
    return seconds() - start;
}

static double newlines(struct bench *b)
{
    double start = seconds();

    for (uint64_t i = 0; i < b->pieces; i++) {
        b->piece[0] = (char)i;
        b->checked += count_newlines(b->piece, b->size);
    }
    return seconds() - start;
}

static const struct {
    const char *name;
    double (*run)(struct bench *);
} CONTESTANTS[] = {
    {"write(2) of the pieces", plain},
    {"spool_append", spool},
    {"  crc32c alone", checksum},
    {"  count_newlines alone", newlines},
};

int main(int argc, char **argv)
{
    static struct bench b;
    uint64_t mib = 1024, rounds = 5, kib = 64;
    double best[ARRAY_SIZE(CONTESTANTS)];
    const char *dir = argc > 1 ? argv[1] : "/tmp";

    if ((argc > 2 && parse_u64(argv[2], 1 << 20, &mib) < 0) ||
        (argc > 3 && parse_u64(argv[3], 1000, &rounds) < 0) ||
        (argc > 4 && parse_u64(argv[4], PIECE_MAX / 1024, &kib) < 0) || rounds == 0 || kib == 0) {
        (void)fprintf(stderr, "usage: bench-spool [DIRECTORY [MIB [ROUNDS [KIB-A-PIECE]]]]\n");
        return 2;
    }
    b.dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (b.dir_fd < 0)
        die(dir);
    b.size = kib * 1024;
    b.pieces = mib * (1 << 20) / b.size;
    memset(b.piece, 'x', sizeof(b.piece));
    for (size_t i = LINE - 1; i < b.size; i += LINE)
        b.piece[i] = '\n';
    for (uint64_t round = 0; round < rounds; round++)
        for (size_t i = 0; i < ARRAY_SIZE(CONTESTANTS); i++) {
            double took = CONTESTANTS[i].run(&b);
            if (round == 0 || took < best[i])
                best[i] = took;
        }
    for (size_t i = 0; i < ARRAY_SIZE(CONTESTANTS); i++)
        printf("%-24s %8.0f MB/s   %5.2f x write\n", CONTESTANTS[i].name,
               (double)(b.pieces * b.size) / best[i] / 1e6, best[0] / best[i]);
    return b.checked == 0;
}
