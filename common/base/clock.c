/* clock.c - see clock.h. */
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_ms(clockid_t id)
{
    struct timespec ts;

    (void)clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

boot_ms_t clock_boot(void)
{
    return (boot_ms_t){read_ms(CLOCK_BOOTTIME)};
}

wall_ms_t clock_wall(void)
{
    return (wall_ms_t){read_ms(CLOCK_REALTIME)};
}

void wall_format(wall_ms_t t, char out[RFC3339_MAX])
{
    int64_t sec = t.ms / 1000;
    int ms = (int)(t.ms % 1000);
    time_t when;
    struct tm tm;

    if (ms < 0) {
        ms += 1000;
        sec--;
    }
    when = (time_t)sec;
    if (gmtime_r(&when, &tm) == NULL || strftime(out, RFC3339_MAX, "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
        (void)snprintf(out, RFC3339_MAX, "1970-01-01T00:00:00.000Z");
        return;
    }
    (void)snprintf(out + strlen(out), RFC3339_MAX - strlen(out), ".%03dZ", ms);
}

int wall_parse(const char *text, wall_ms_t *ret)
{
    struct tm tm = {0};
    int ms, used = 0;

    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec, &ms, &used) != 7 ||
        text[used] != '\0')
        return -EINVAL;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    ret->ms = (int64_t)timegm(&tm) * 1000 + ms;
    return 0;
}

void duration_format(int64_t ms, char out[DURATION_TEXT_MAX])
{
    int64_t s = ms / 1000;

    if (ms < 0)
        (void)snprintf(out, DURATION_TEXT_MAX, "0 s");
    else if (ms < 1000)
        (void)snprintf(out, DURATION_TEXT_MAX, "%d ms", (int)ms);
    else if (s < 60)
        (void)snprintf(out, DURATION_TEXT_MAX, "%d.%d s", (int)s, (int)(ms % 1000 / 100));
    else if (s < 3600)
        (void)snprintf(out, DURATION_TEXT_MAX, "%d min %d s", (int)(s / 60), (int)(s % 60));
    else if (s < 86400)
        (void)snprintf(out, DURATION_TEXT_MAX, "%d h %d min", (int)(s / 3600), (int)(s % 3600 / 60));
    else
        (void)snprintf(out, DURATION_TEXT_MAX, "%lld d %d h", (long long)(s / 86400),
                       (int)(s % 86400 / 3600));
}
