/* spool_entry.c - one entry of a spool's index, in memory and on disk. See spool.h. */
#include "record/spool.h"

#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "record/scan.h"

#define CHECKED_BYTES offsetof(struct spool_entry, check)

static struct spool_entry swapped(const struct spool_entry *entry)
{
    /* Its own inverse: to and from little-endian. */
    return (struct spool_entry){
        .time_ms = htole64(entry->time_ms),
        .end_offset = htole64(entry->end_offset),
        .data_crc = htole32(entry->data_crc),
        .stream = entry->stream,
        .flags = entry->flags,
        .check = htole16(entry->check),
    };
}

void spool_entry_encode(const struct spool_entry *entry, unsigned char out[SPOOL_ENTRY_BYTES])
{
    struct spool_entry disk = swapped(entry);

    disk.check = htole16((uint16_t)(crc32c(0, &disk, CHECKED_BYTES) & 0xFFFF));
    memcpy(out, &disk, sizeof(disk));
}

int spool_entry_decode(const unsigned char bytes[SPOOL_ENTRY_BYTES], struct spool_entry *ret)
{
    static const unsigned char ZERO[SPOOL_ENTRY_BYTES];
    struct spool_entry disk, entry;

    if (memcmp(bytes, ZERO, sizeof(ZERO)) == 0)
        return 0;
    memcpy(&disk, bytes, sizeof(disk));
    entry = swapped(&disk);
    if (entry.check != (crc32c(0, bytes, CHECKED_BYTES) & 0xFFFF) || entry.flags != 0 ||
        entry.stream < SPOOL_STDOUT || entry.stream > SPOOL_STREAM_UNKNOWN || entry.end_offset > INT64_MAX ||
        entry.time_ms > INT64_MAX)
        return -EBADMSG;
    *ret = entry;
    return 1;
}
