/*
 * journal.h - an append-only file of facts, one JSON object a line.
 *
 * One writer per journal. Every fact gets a time ("t") and is fsynced when it matters. A torn last line (a
 * crash in the middle of a write) is ignored by the reader and cut off by the next writer. See base/fact.h
 * for the encoding.
 */
#ifndef RECORD_JOURNAL_H
#define RECORD_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fact.h"

struct journal {
    int fd;             /* owned; -1 when closed */
    uint64_t size;      /* bytes of whole facts: where the next one goes */
    struct strbuf line; /* the fact being written */
    struct fact_writer writer;
};

#define JOURNAL_INIT                                                                                         \
    (struct journal)                                                                                         \
    {                                                                                                        \
        .fd = -1                                                                                             \
    }

/* Opens (creating with `mode`) the journal `name` in the directory dir_fd for appending, cuts off a torn last
 * line, and fsyncs the directory when it was created. Symbolic links are not followed. */
int journal_open(int dir_fd, const char *name, unsigned mode, struct journal *j, struct err *e);

void journal_close(struct journal *j);
#define journal_auto journal_close

/* Starts a fact: {"t":...,"event":event. Add members with fact_put_* on the returned writer (owned by j). */
struct fact_writer *journal_begin(struct journal *j, wall_ms_t now, const char *event);

/* Ends the fact and appends it with one write. With `durable`, returns only after fdatasync. A failed or
 * short write leaves the file as it was before the fact. */
int journal_commit(struct journal *j, bool durable, struct err *e);

/* Called for each fact in order; stops at the first non-zero return, which journal_read passes on. */
typedef int (*journal_visit)(const struct fact *fact, void *context);

/* Reads the journal `name` in dir_fd from its start. A torn or unreadable last line is skipped; an unreadable
 * line that is not the last is an error (-EBADMSG) naming the line. A missing file is -ENOENT. */
int journal_read(int dir_fd, const char *name, journal_visit visit, void *context, struct err *e);

/* The same over the n bytes of a journal already read; `name` is for the message. */
int journal_scan(const char *name, const char *text, size_t n, journal_visit visit, void *context,
                 struct err *e);

/* How many of the n bytes are whole, readable facts, given that only the last line can be torn: where a
 * writer goes on. */
size_t journal_whole(const char *text, size_t n);

#endif
