// USES: base record
/* fuzz_journal.c - any bytes as a journal: after the cut that a writer makes, nothing the reader saw is lost
 * and one more fact can be read. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/strbuf.h"
#include "record/journal.h"

#define MORE "{\"event\":\"more\"}\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int count(const struct fact *fact, void *context)
{
    size_t *seen = context;

    (void)fact;
    (*seen)++;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(size + sizeof(MORE));
    size_t seen = 0, seen_after = 0;
    size_t whole = journal_whole((const char *)data, size);
    struct err e = ERR_INIT;
    int r = journal_scan("j", (const char *)data, size, count, &seen, &e);
    int after;

    if (whole > size || (r != 0 && r != -EBADMSG))
        abort();
    strbuf_add(&text, data, whole);
    strbuf_addstr(&text, MORE);
    after = journal_scan("j", text.data, text.len, count, &seen_after, &e);
    if (after != r || seen_after != seen + (r == 0))
        abort();
    return 0;
}
