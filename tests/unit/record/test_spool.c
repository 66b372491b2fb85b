/* test_spool.c - what was appended is read back, whole and in order, after any kind of interruption. */
#include "cmocka_all.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/strbuf.h"
#include "record/spool.h"
#include "temp_dir.h"

struct spool_fixture {
    struct temp_dir dir;
    struct spool_writer w;
};

static struct spool_fixture begin(void)
{
    struct spool_fixture f = {.dir = temp_dir_make(), .w = SPOOL_WRITER_INIT};
    struct err e = ERR_INIT;

    if (spool_create(f.dir.fd, &f.w, &e) < 0)
        fail_msg("%s", e.text);
    return f;
}

static void spool_fixture_auto(struct spool_fixture *f)
{
    spool_writer_close(&f->w);
    temp_dir_auto(&f->dir);
}

static int try_append(struct spool_fixture *f, enum spool_stream stream, const char *text, int64_t now)
{
    struct err e = ERR_INIT;
    return spool_append(&f->w, stream, text, strlen(text), (wall_ms_t){now}, &e);
}

static void append(struct spool_fixture *f, enum spool_stream stream, const char *text, int64_t now)
{
    assert_int_equal(try_append(f, stream, text, now), 0);
}

static struct spool_reader open_at(const struct spool_fixture *f, uint64_t offset)
{
    struct spool_reader r = SPOOL_READER_INIT;
    struct err e = ERR_INIT;

    if (spool_open(f->dir.fd, offset, &r, &e) < 0)
        fail_msg("%s", e.text);
    return r;
}

/* Reads on until nothing more is there, as "stream@time+offset:bytes;" for each piece. Returns the last
 * result. */
static int read_all(struct spool_reader *r, bool final, size_t buf_size, struct strbuf *out)
{
    char buf[256];
    struct spool_piece piece;
    struct err e = ERR_INIT;
    int result;

    while ((result = spool_read(r, final, buf, buf_size, &piece, &e)) == 1)
        strbuf_addf(out, "%d@%lld+%llu:%.*s;", (int)piece.stream, (long long)piece.time.ms,
                    (unsigned long long)piece.offset, (int)piece.n, piece.bytes);
    return result;
}

static void assert_reads(const struct spool_fixture *f, uint64_t offset, bool final, const char *expected)
{
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(4096);
    struct spool_reader r = open_at(f, offset);

    assert_int_equal(read_all(&r, final, 100, &out), 0);
    assert_string_equal(strbuf_str(&out), expected);
    spool_reader_close(&r);
}

static struct spool_summary verify(const struct spool_fixture *f)
{
    struct spool_summary sum = {0};
    struct err e = ERR_INIT;

    if (spool_verify(f->dir.fd, &sum, &e) < 0)
        fail_msg("%s", e.text);
    return sum;
}

static void assert_summary(const struct spool_fixture *f, uint64_t bytes, uint64_t lines, uint64_t entries,
                           uint64_t unindexed)
{
    struct spool_summary sum = verify(f);

    assert_int_equal(sum.bytes, bytes);
    assert_int_equal(sum.lines, lines);
    assert_int_equal(sum.entries, entries);
    assert_int_equal(sum.unindexed_bytes, unindexed);
    assert_false(sum.damaged);
}

/* Changes one byte of a file. */
static void spoil(const struct spool_fixture *f, const char *name, off_t at)
{
    AUTO_CLOSE int fd = openat(f->dir.fd, name, O_RDWR | O_CLOEXEC);
    char byte = 0;

    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte = (char)(byte ^ 1);
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

static void pieces_come_back(void **state)
{
    AUTO(spool_fixture) struct spool_fixture f = begin();
    struct err e = ERR_INIT;
    struct stat st;

    (void)state;
    assert_summary(&f, 0, 0, 0, 0);
    assert_reads(&f, 0, true, "");
    append(&f, SPOOL_STDOUT, "one\n", 1000);
    append(&f, SPOOL_STDERR, "two\nthree\n", 1000);
    append(&f, SPOOL_STDOUT, "no end", 500);
    append(&f, SPOOL_STDOUT, "\n", 2000);
    assert_int_equal(spool_sync(&f.w, &e), 0);
    assert_int_equal(f.w.lines, 4);
    assert_int_equal(f.w.offset, 21);
    assert_reads(&f, 0, false, "1@1000+0:one\n;2@1001+4:two\nthree\n;1@1002+14:no end;1@2000+20:\n;");
    assert_summary(&f, 21, 4, 4, 0);
    assert_int_equal(fstatat(f.dir.fd, SPOOL_LOG_NAME, &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
}

static void a_spool_is_created_once(void **state)
{
    AUTO(spool_fixture) struct spool_fixture f = begin();
    struct spool_writer again = SPOOL_WRITER_INIT;
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(spool_create(f.dir.fd, &again, &e), -EEXIST);
    assert_int_equal(again.log_fd, -1);
    assert_int_equal(unlinkat(f.dir.fd, SPOOL_LOG_NAME, 0), 0);
    assert_int_equal(spool_create(f.dir.fd, &again, &e), -EEXIST);
    assert_int_equal(faccessat(f.dir.fd, SPOOL_LOG_NAME, F_OK, 0), -1);
    spool_writer_close(&again);
}

static void reading_starts_anywhere(void **state)
{
    AUTO(spool_fixture) struct spool_fixture f = begin();

    (void)state;
    append(&f, SPOOL_STDOUT, "abc", 10);
    append(&f, SPOOL_STDERR, "defg", 20);
    append(&f, SPOOL_STDOUT, "h", 30);
    assert_reads(&f, 0, false, "1@10+0:abc;2@20+3:defg;1@30+7:h;");
    assert_reads(&f, 2, false, "1@10+2:c;2@20+3:defg;1@30+7:h;");
    assert_reads(&f, 3, false, "2@20+3:defg;1@30+7:h;");
    assert_reads(&f, 6, false, "2@20+6:g;1@30+7:h;");
    assert_reads(&f, 7, false, "1@30+7:h;");
    assert_reads(&f, 8, true, "");
    assert_reads(&f, 100, true, "");
}

static void long_pieces_are_given_in_parts(void **state)
{
    AUTO(spool_fixture) struct spool_fixture f = begin();
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(4096);
    struct spool_reader r;

    (void)state;
    append(&f, SPOOL_STDERR, "abcdefgh", 10);
    append(&f, SPOOL_STDOUT, "ij", 20);
    r = open_at(&f, 1);
    assert_int_equal(read_all(&r, false, 3, &out), 0);
    assert_string_equal(strbuf_str(&out), "2@10+1:bcd;2@10+4:efg;2@10+7:h;1@20+8:ij;");
    spool_reader_close(&r);
}

static void a_reader_follows_the_writer(void **state)
{
    AUTO(spool_fixture) struct spool_fixture f = begin();
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(4096);
    struct spool_reader r = open_at(&f, 2);

    (void)state;
    assert_int_equal(read_all(&r, false, 100, &out), 0);
    append(&f, SPOOL_STDOUT, "a", 10);
    assert_int_equal(read_all(&r, false, 100, &out), 0);
    assert_string_equal(strbuf_str(&out), "");
    append(&f, SPOOL_STDOUT, "bcd", 20);
    assert_int_equal(read_all(&r, false, 100, &out), 0);
    append(&f, SPOOL_STDERR, "e", 30);
    assert_int_equal(read_all(&r, false, 100, &out), 0);
    assert_int_equal(read_all(&r, true, 100, &out), 0);
    assert_string_equal(strbuf_str(&out), "1@20+2:cd;2@30+4:e;");
    spool_reader_close(&r);
}

static void no_spool_yet(void **state)
{
    AUTO(temp_dir) struct temp_dir dir = temp_dir_make();
    struct spool_reader r = SPOOL_READER_INIT;
    struct spool_summary sum;
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(spool_open(dir.fd, 0, &r, &e), -ENOENT);
    assert_int_equal(spool_verify(dir.fd, &sum, &e), -ENOENT);
    temp_file_write(&dir, SPOOL_LOG_NAME, "x", 1);
    assert_int_equal(spool_open(dir.fd, 0, &r, &e), -ENOENT);
    assert_int_equal(r.log_fd, -1);
}

/* Bytes are written before their entry: a crash between the two leaves a tail that belongs to the job. */
static void the_tail_after_a_crash_is_kept(void **state)
{
    AUTO(spool_fixture) struct spool_fixture f = begin();

    (void)state;
    append(&f, SPOOL_STDOUT, "ab\n", 10);
    assert_int_equal(pwrite(f.w.log_fd, "tail", 4, 3), 4);
    assert_reads(&f, 0, false, "1@10+0:ab\n;");
    assert_reads(&f, 0, true, "1@10+0:ab\n;3@11+3:tail;");
    assert_reads(&f, 5, true, "3@11+5:il;");
    assert_summary(&f, 7, 2, 1, 4);
    /* A torn entry, and the zero bytes that a power failure leaves. */
    assert_int_equal(pwrite(f.w.idx_fd, "torn", 4, SPOOL_ENTRY_BYTES), 4);
    assert_reads(&f, 0, true, "1@10+0:ab\n;3@11+3:tail;");
    assert_summary(&f, 7, 2, 1, 4);
    assert_int_equal(ftruncate(f.w.idx_fd, SPOOL_ENTRY_BYTES), 0);
    assert_int_equal(ftruncate(f.w.idx_fd, 10 * SPOOL_ENTRY_BYTES), 0);
    assert_reads(&f, 0, true, "1@10+0:ab\n;3@11+3:tail;");
    assert_reads(&f, 1, true, "1@10+1:b\n;3@11+3:tail;");
    assert_summary(&f, 7, 2, 1, 4);
    /* What lies behind them is not looked at, wherever a reader starts. */
    assert_int_equal(pwrite(f.w.idx_fd, "junk", 4, 5 * SPOOL_ENTRY_BYTES), 4);
    assert_reads(&f, 1, true, "1@10+1:b\n;3@11+3:tail;");
    assert_reads(&f, 4, true, "3@11+4:ail;");
    assert_summary(&f, 7, 2, 1, 4);
}

static void damage_is_found(void **state)
{
    AUTO(spool_fixture) struct spool_fixture f = begin();
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(4096);
    struct spool_summary sum;
    struct spool_reader r;

    (void)state;
    append(&f, SPOOL_STDOUT, "ab\n", 10);
    append(&f, SPOOL_STDOUT, "cd\n", 20);
    append(&f, SPOOL_STDOUT, "ef\n", 30);
    spoil(&f, SPOOL_LOG_NAME, 4);
    sum = verify(&f);
    assert_true(sum.damaged);
    assert_int_equal(sum.damaged_at, 3);
    assert_int_equal(sum.entries, 3);
    spoil(&f, SPOOL_LOG_NAME, 4);
    assert_false(verify(&f).damaged);
    /* Any byte of an entry. */
    for (off_t byte = 0; byte < SPOOL_ENTRY_BYTES; byte++) {
        spoil(&f, SPOOL_IDX_NAME, SPOOL_ENTRY_BYTES + byte);
        sum = verify(&f);
        assert_true(sum.damaged);
        assert_int_equal(sum.damaged_at, 3);
        assert_int_equal(sum.entries, 1);
        assert_int_equal(sum.unindexed_bytes, 6);
        assert_int_equal(sum.bytes, 9);
        assert_int_equal(sum.lines, 3);
        spoil(&f, SPOOL_IDX_NAME, SPOOL_ENTRY_BYTES + byte);
    }
    assert_false(verify(&f).damaged);
    r = open_at(&f, 0);
    spoil(&f, SPOOL_IDX_NAME, SPOOL_ENTRY_BYTES);
    assert_int_equal(read_all(&r, true, 100, &out), -EBADMSG);
    assert_string_equal(strbuf_str(&out), "1@10+0:ab\n;");
    spool_reader_close(&r);
}

static void a_log_shorter_than_its_index(void **state)
{
    AUTO(spool_fixture) struct spool_fixture f = begin();
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(4096);
    struct spool_summary sum;
    struct spool_reader r;

    (void)state;
    append(&f, SPOOL_STDOUT, "ab\n", 10);
    append(&f, SPOOL_STDOUT, "cdef\n", 20);
    assert_int_equal(ftruncate(f.w.log_fd, 5), 0);
    sum = verify(&f);
    assert_true(sum.damaged);
    assert_int_equal(sum.damaged_at, 3);
    assert_int_equal(sum.bytes, 5);
    r = open_at(&f, 0);
    assert_int_equal(read_all(&r, true, 100, &out), -EBADMSG);
    assert_string_equal(strbuf_str(&out), "1@10+0:ab\n;1@20+3:cd;");
    spool_reader_close(&r);
}

static void entries_out_of_order_are_damage(void **state)
{
    static const struct {
        uint64_t time_ms, end_offset;
    } SECOND[] = {{10, 4}, {9, 4}, {11, 3}, {11, 2}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(SECOND); i++) {
        AUTO(spool_fixture) struct spool_fixture f = begin();
        AUTO(strbuf) struct strbuf out = STRBUF_INIT(4096);
        struct spool_entry entry = {
            .time_ms = SECOND[i].time_ms, .end_offset = SECOND[i].end_offset, .stream = SPOOL_STDOUT};
        unsigned char disk[SPOOL_ENTRY_BYTES];
        struct spool_reader r;

        append(&f, SPOOL_STDOUT, "ab\n", 10);
        append(&f, SPOOL_STDOUT, "c", 20);
        spool_entry_encode(&entry, disk);
        assert_int_equal(pwrite(f.w.idx_fd, disk, sizeof(disk), SPOOL_ENTRY_BYTES), sizeof(disk));
        r = open_at(&f, 0);
        assert_int_equal(read_all(&r, true, 100, &out), -EBADMSG);
        spool_reader_close(&r);
        assert_true(verify(&f).damaged);
    }
}

/* The same bytes on any machine, written out here. */
static void the_entry_is_a_file_format(void **state)
{
    static const unsigned char DISK[22] = {0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x00, 0x01, 0,
                                           0,    0,    0,    0,    0,    0x04, 0x03, 0x02, 0x01, 2,    0};
    const struct spool_entry entry = {
        .time_ms = 0x1122334455667788, .end_offset = 256, .data_crc = 0x01020304, .stream = SPOOL_STDERR};
    unsigned char out[SPOOL_ENTRY_BYTES];
    struct spool_entry back;
    uint32_t crc = crc32c_portable(0, DISK, sizeof(DISK));

    (void)state;
    spool_entry_encode(&entry, out);
    assert_memory_equal(out, DISK, sizeof(DISK));
    assert_int_equal(out[22], crc & 0xFF);
    assert_int_equal(out[23], (crc >> 8) & 0xFF);
    assert_int_equal(spool_entry_decode(out, &back), 1);
    assert_int_equal(back.time_ms, entry.time_ms);
    assert_int_equal(back.end_offset, 256);
    assert_int_equal(back.data_crc, entry.data_crc);
    assert_int_equal(back.stream, SPOOL_STDERR);
}

static int append_with_limit(struct spool_fixture *f, rlim_t bytes, const char *text)
{
    struct rlimit before, small;
    int r;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    r = try_append(f, SPOOL_STDERR, text, 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    return r;
}

static off_t size_of(const struct spool_fixture *f, const char *name)
{
    struct stat st;

    assert_int_equal(fstatat(f->dir.fd, name, &st, 0), 0);
    return st.st_size;
}

/* The file size limit stands for a full disk: the log takes a part of the piece, then nothing. */
static void a_full_disk_cuts_back_the_log(void **state)
{
    AUTO(spool_fixture) struct spool_fixture f = begin();

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    append(&f, SPOOL_STDOUT, "0123456789012345678901234567890123456789\n", 10);
    assert_int_equal(append_with_limit(&f, 45, "too long\n"), -EFBIG);
    assert_int_equal(f.w.offset, 41);
    assert_int_equal(f.w.lines, 1);
    assert_int_equal(size_of(&f, SPOOL_LOG_NAME), 41);
    assert_int_equal(size_of(&f, SPOOL_IDX_NAME), SPOOL_ENTRY_BYTES);
    assert_summary(&f, 41, 1, 1, 0);
    assert_int_equal(append_with_limit(&f, RLIM_INFINITY, "too long\n"), 0);
    assert_reads(&f, 41, true, "2@11+41:too long\n;");
    assert_summary(&f, 50, 2, 2, 0);
}

/* Here the log has room and the index has not: the bytes go back too. */
static void a_full_disk_cuts_back_the_index(void **state)
{
    AUTO(spool_fixture) struct spool_fixture f = begin();

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    append(&f, SPOOL_STDOUT, "a\n", 10);
    assert_int_equal(append_with_limit(&f, SPOOL_ENTRY_BYTES + 7, "bc\n"), -EFBIG);
    assert_int_equal(size_of(&f, SPOOL_LOG_NAME), 2);
    assert_int_equal(size_of(&f, SPOOL_IDX_NAME), SPOOL_ENTRY_BYTES);
    append(&f, SPOOL_STDERR, "bc\n", 10);
    assert_reads(&f, 0, true, "1@10+0:a\n;2@11+2:bc\n;");
    assert_summary(&f, 5, 2, 2, 0);
}

/* A large index is searched, not walked; every start finds its entry. */
static void many_entries(void **state)
{
    AUTO(spool_fixture) struct spool_fixture f = begin();
    char text[4] = "x\n";

    (void)state;
    for (int i = 0; i < 1500; i++)
        append(&f, SPOOL_STDOUT, text, i);
    for (uint64_t at = 0; at < 3000; at += 367) {
        struct spool_reader r = open_at(&f, at);
        struct spool_piece piece;
        struct err e = ERR_INIT;
        char buf[8];
        assert_int_equal(spool_read(&r, false, buf, sizeof(buf), &piece, &e), 1);
        assert_int_equal(piece.offset, at);
        assert_int_equal(piece.n, 2 - at % 2);
        assert_int_equal(piece.time.ms, at / 2 + 1);
        spool_reader_close(&r);
    }
    assert_summary(&f, 3000, 1500, 1500, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_come_back),
        cmocka_unit_test(a_spool_is_created_once),
        cmocka_unit_test(reading_starts_anywhere),
        cmocka_unit_test(long_pieces_are_given_in_parts),
        cmocka_unit_test(a_reader_follows_the_writer),
        cmocka_unit_test(no_spool_yet),
        cmocka_unit_test(the_tail_after_a_crash_is_kept),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(a_log_shorter_than_its_index),
        cmocka_unit_test(entries_out_of_order_are_damage),
        cmocka_unit_test(the_entry_is_a_file_format),
        cmocka_unit_test(a_full_disk_cuts_back_the_log),
        cmocka_unit_test(a_full_disk_cuts_back_the_index),
        cmocka_unit_test(many_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
