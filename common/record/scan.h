/*
 * scan.h - the two passes over every byte of a run's output: checksum and line count. Both are as fast as
 * memory.
 */
#ifndef RECORD_SCAN_H
#define RECORD_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32C (Castagnoli) of n bytes, continued from crc (0 to start). Uses the processor's instruction where
 * there is one. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t n);

/* The same without any special instruction; the one that the fast ones are tested against. */
uint32_t crc32c_portable(uint32_t crc, const void *bytes, size_t n);

/* Number of newlines among the n bytes. */
uint64_t count_newlines(const void *bytes, size_t n);

#endif
