/*
 * random.h - numbers for waits that must not fall in step with those of other nodes.
 */
#ifndef IO_RANDOM_H
#define IO_RANDOM_H

#include <stdint.h>

uint64_t random_u64(void);

#endif
