/*
 * verdict.h - from the facts of an end to cause, lifecycle state, text and exit code. Pure.
 *
 * Unknown is a value: no path turns "we do not know" into exit code 0 or SUCCEEDED.
 */
#ifndef RECORD_VERDICT_H
#define RECORD_VERDICT_H

#include <stdbool.h>

#include "record/exit_record.h"
#include "record/lifecycle.h"

struct verdict {
    enum cause cause;
    enum lifecycle_state state; /* SUCCEEDED, FAILED, CANCELED or NEEDS_ATTENTION */
    bool has_exit_code;
    int exit_code;     /* the job's own, when has_exit_code */
    int end_code;      /* one number for every end, see verdict_end_code */
    char details[640]; /* lifecycleDetails: OCI's text where it has one ("... failed with exit code N.") */
};

/*
 * One number for programs that want one: the job's exit code (0..255) when it ended by itself, 256 + N when signal N
 * that was not the platform's ended it, and END_CODE_PLATFORM + the cause's place in the enum for the ends that
 * the platform made. The last are reserved: no job can end with them.
 */
#define END_CODE_SIGNAL   256
#define END_CODE_PLATFORM 1000

/* What a finished run's record means. */
struct verdict verdict_of(const struct exit_record *record);

/* The exit status of `runlet run` for it: the job's code; 128+N after signal N; 124 after the deadline; 130
 * after a cancel whose job died of the signal; 125 when the job could not be run; 126/127 as launch failures
 * of a shell. Never 0 unless the state is SUCCEEDED. */
int verdict_shell_status(const struct verdict *verdict, const struct exit_record *record);

#endif
