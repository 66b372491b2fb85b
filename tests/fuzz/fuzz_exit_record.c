// USES: base record
/* fuzz_exit_record.c - any bytes as an exit record: what is accepted survives being written again, and is a
 * success only if it says that the job was seen to exit with 0. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "record/exit_record.h"
#include "record/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_verdict(const struct exit_record *record)
{
    struct verdict v = verdict_of(record);
    bool success = record->main_end == MAIN_EXITED && record->status == 0 &&
                   record->stop_cause == CAUSE_NONE && record->tree_gone;

    if ((v.state == STATE_SUCCEEDED) != success || (verdict_shell_status(&v, record) == 0) != success)
        abort();
    if (v.cause != CAUSE_EXITED && strstr(v.details, "exit code") != NULL)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(strbuf) struct strbuf first = STRBUF_INIT(FACT_LINE_MAX);
    AUTO(strbuf) struct strbuf second = STRBUF_INIT(FACT_LINE_MAX);
    struct exit_record record, again;
    struct err e = ERR_INIT;

    if (exit_record_decode((const char *)data, size, &record, &e) < 0) {
        if (e.code >= 0 || e.text[0] == '\0')
            abort();
        return 0;
    }
    check_verdict(&record);
    if (exit_record_encode(&record, &first, &e) < 0 ||
        exit_record_decode(first.data, first.len, &again, &e) < 0 ||
        exit_record_encode(&again, &second, &e) < 0 || strcmp(first.data, second.data) != 0)
        abort();
    return 0;
}
