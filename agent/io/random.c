/* random.c - see random.h. */
#include "io/random.h"

#include <sys/random.h>

#include "base/clock.h"

uint64_t random_u64(void)
{
    uint64_t n = 0;

    /* Before the kernel has gathered enough, the time must do: nothing secret is made here. */
    if (getrandom(&n, sizeof(n), GRND_NONBLOCK) != (ssize_t)sizeof(n))
        n = (uint64_t)clock_boot().ms * 2654435761U;
    return n;
}
