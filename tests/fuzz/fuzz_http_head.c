// USES: fetch
/* fuzz_http_head.c - any lines as the head of an answer: numbers stay in their bounds, texts end, and no use is made of bytes
 * that do not fit. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "fetch/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data, *end = at + size;
    const struct validator known = {.etag = "\"v\""};
    struct answer a = {.length = -1, .range_from = -1, .range_total = -1, .after_ms = -1};
    char md5[MD5_HEX_BYTES];

    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((newline != NULL ? newline : end) - at);
        answer_line(&a, at, n, (wall_ms_t){1000});
        at += n + 1;
    }
    answer_md5(&a, true, md5);
    if (a.status < 0 || a.status > 999 || a.length < -1 || a.range_from < -1 || a.range_total < -1 ||
        a.after_ms < -1 || (md5[0] != '\0' && strlen(md5) != MD5_HEX_BYTES - 1))
        abort();
    if (answer_use(&a, 10, &known, 100) == ANSWER_APPEND &&
        (a.range_from != 10 || strcmp(a.validator.etag, "\"v\"") != 0))
        abort();
    return 0;
}
