/*
 * spool.h - a run's output on local disk: the bytes and their index.
 *
 *   log/output.log   the raw bytes of both streams in the order of arrival: plain text for tail, grep, less
 *   log/output.idx   one SPOOL_ENTRY for each piece: when it came, on which stream, where it ends, its
 * checksum
 *
 * The writer is the run's supervisor alone. Bytes are written before their entry, so after a crash the log
 * may be longer than the index says: the reader gives such a tail as one piece of stream
 * SPOOL_STREAM_UNKNOWN. A torn entry at the end, or zero bytes there, end the index. Times of entries
 * strictly increase by at least a millisecond, so that a line can be given a time of its own: the time of the
 * entry its end lies in, plus one nanosecond per line before it in that entry.
 */
#ifndef RECORD_SPOOL_H
#define RECORD_SPOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/err.h"
#include "record/scan.h" /* crc32c */

enum spool_stream {
    SPOOL_STDOUT = 1,
    SPOOL_STDERR = 2,
    SPOOL_STREAM_UNKNOWN = 3,
};

/* The entry as it lies on disk, little-endian, 24 bytes. */
struct spool_entry {
    uint64_t time_ms;    /* milliseconds since 1970 UTC; strictly increasing */
    uint64_t end_offset; /* offset in output.log after the piece's last byte; strictly increasing */
    uint32_t data_crc;   /* CRC-32C of the piece's bytes */
    uint8_t stream;      /* enum spool_stream */
    uint8_t flags;       /* 0 */
    uint16_t check;      /* low 16 bits of the CRC-32C of the 22 bytes before */
};
_Static_assert(sizeof(struct spool_entry) == 24, "the index is a file format");

#define SPOOL_LOG_NAME    "output.log"
#define SPOOL_IDX_NAME    "output.idx"
#define SPOOL_ENTRY_BYTES 24

/* Writes the entry as it lies on disk, filling in its check (entry->check is not used). */
void spool_entry_encode(const struct spool_entry *entry, unsigned char out[SPOOL_ENTRY_BYTES]);

/* Reads it back: 1 with *ret filled; 0 for all zero bytes, which is what a power failure leaves of an entry
 * that was not yet on disk; -EBADMSG when it is damaged. */
int spool_entry_decode(const unsigned char bytes[SPOOL_ENTRY_BYTES], struct spool_entry *ret);

/* ---- writer ---- */

struct spool_writer {
    int log_fd;          /* owned */
    int idx_fd;          /* owned */
    uint64_t offset;     /* bytes in the log that the index covers */
    uint64_t idx_offset; /* bytes in the index */
    uint64_t last_time_ms;
    uint64_t lines; /* newlines written */
};

/* Creates output.log and output.idx (mode 0640) in dir_fd, which must not exist. */
int spool_create(int dir_fd, struct spool_writer *w, struct err *e);

/*
 * Appends the n > 0 bytes as one piece: data, then its entry. The entry's time is `now`, or one millisecond
 * after the last one when that is later. Short writes are continued. On ENOSPC or EIO the error is returned,
 * w->offset is what the index covers, and both files are cut back to it, so that the call can be repeated
 * with the same bytes.
 */
int spool_append(struct spool_writer *w, enum spool_stream stream, const void *bytes, size_t n, wall_ms_t now,
                 struct err *e);

/* fdatasync of both files, the log first: an entry on disk speaks of bytes on disk. */
int spool_sync(struct spool_writer *w, struct err *e);

/* Closes both files. Safe on a writer that was never created if it was initialised with SPOOL_WRITER_INIT. */
void spool_writer_close(struct spool_writer *w);
#define SPOOL_WRITER_INIT                                                                                    \
    (struct spool_writer)                                                                                    \
    {                                                                                                        \
        .log_fd = -1, .idx_fd = -1                                                                           \
    }

/* ---- reader ---- */

/* Follows a spool from any offset, also while it is written, also without any writer alive. */
struct spool_reader {
    int log_fd;          /* owned */
    int idx_fd;          /* owned */
    uint64_t offset;     /* next byte to give */
    uint64_t idx_pos;    /* next entry to read, in bytes of the index */
    uint64_t entry_end;  /* end of the last entry read; <= offset when a new one is needed */
    uint64_t entry_time; /* its time */
    uint8_t entry_stream;
};

#define SPOOL_READER_INIT                                                                                    \
    (struct spool_reader)                                                                                    \
    {                                                                                                        \
        .log_fd = -1, .idx_fd = -1                                                                           \
    }

/* Opens the spool in dir_fd for reading and positions it at `offset` (skipping index entries that end before
 * it). -ENOENT while the spool does not exist yet. */
int spool_open(int dir_fd, uint64_t offset, struct spool_reader *r, struct err *e);
void spool_reader_close(struct spool_reader *r);

struct spool_piece {
    const char *bytes; /* in the caller's buffer */
    size_t n;
    enum spool_stream stream;
    wall_ms_t time;
    uint64_t offset; /* of the first byte */
};

/*
 * Gives up to buf_size bytes of the next piece: 1 with *piece filled, 0 when nothing more is there for now,
 * negative on error (-EBADMSG when an entry is damaged). With `final` (the writer is known to be gone), bytes
 * after the last entry are given too, as SPOOL_STREAM_UNKNOWN.
 */
int spool_read(struct spool_reader *r, bool final, char *buf, size_t buf_size, struct spool_piece *piece,
               struct err *e);

/* What a spool holds, from its files alone; checks every entry and every checksum. */
struct spool_summary {
    uint64_t bytes;
    uint64_t lines; /* newlines, plus one for a last line without */
    uint64_t entries;
    uint64_t unindexed_bytes; /* after the last entry */
    bool damaged;             /* an entry or checksum does not fit; damaged_at says where */
    uint64_t damaged_at;
};
int spool_verify(int dir_fd, struct spool_summary *ret, struct err *e);

#endif
