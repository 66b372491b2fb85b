/* startup.c - see startup.h. */
#include "supervisor/startup.h"

struct startup startup_begin(const struct startup_probe *probe, boot_ms_t now)
{
    struct startup s = STARTUP_NONE;

    if (probe->command.count > 0)
        s.due.ms = now.ms + probe->initial_delay_s * 1000;
    return s;
}

enum startup_action startup_due(struct startup *s, const struct startup_probe *probe, boot_ms_t now)
{
    if (now.ms < s->due.ms)
        return STARTUP_WAIT;
    s->due.ms = now.ms + probe->period_s * 1000;
    if (s->trying)
        return STARTUP_KILL;
    s->trying = true;
    return STARTUP_TRY;
}

enum startup_result startup_tried(struct startup *s, const struct startup_probe *probe, bool good,
                                  boot_ms_t now)
{
    s->trying = false;
    s->failures = good ? 0 : s->failures + 1;
    if (good || s->failures >= probe->failure_threshold) {
        s->due.ms = INT64_MAX;
        return good ? STARTUP_READY : STARTUP_FAILED;
    }
    /* The period counts from the beginning of the try; one that took all of it is followed by the next at once. */
    if (s->due.ms > now.ms + probe->period_s * 1000)
        s->due.ms = now.ms + probe->period_s * 1000;
    return STARTUP_AGAIN;
}
