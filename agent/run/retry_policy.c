/* retry_policy.c - see retry_policy.h. */
#include "run/retry_policy.h"

#include "base/limits.h"
#include "base/parse.h"

static struct retry_decision final(const char *why)
{
    return (struct retry_decision){.why = why};
}

/* Whether the document names this end. Exit codes stand for `exited`, and narrow it. */
static bool named(const struct run_retry *retry, const struct verdict *verdict)
{
    if (verdict->cause != CAUSE_EXITED)
        return retry->has_causes && retry->cause[verdict->cause];
    if (retry->has_exit_codes)
        return verdict->exit_code >= 0 && verdict->exit_code <= RETRY_EXIT_CODE_MAX &&
               retry->exit_code[verdict->exit_code];
    return retry->has_causes && retry->cause[CAUSE_EXITED];
}

/* An end that is its document's fault comes again, unless somebody knows better and names the cause. */
static bool of_the_node(const struct run_retry *retry, const struct exit_record *record,
                        const struct verdict *verdict)
{
    return !retry->has_causes && run_retry_by_default(verdict->cause) && record->blame != BLAME_ASSIGNMENT;
}

struct retry_decision retry_decide(const struct run_retry *retry, const struct exit_record *record,
                                   const struct verdict *verdict, int64_t attempt, bool wanted)
{
    if (verdict->state == STATE_SUCCEEDED)
        return final("it succeeded");
    if (!wanted || verdict->cause == CAUSE_CANCELLED)
        return final("somebody asked for its end");
    if (!record->tree_gone || !run_retry_selectable(verdict->cause))
        return final("another attempt could not help, or not be safe");
    if (!named(retry, verdict) && !of_the_node(retry, record, verdict))
        return final("its document does not ask for another attempt after such an end");
    if (attempt >= retry->attempts || attempt >= RUN_ATTEMPT_MAX)
        return final("it has had all its attempts");
    return (struct retry_decision){
        .again = true, .delay_ms = retry->delay_ms, .why = "its document asks for another attempt"};
}
