/* parse.c - see parse.h. */
#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"

#define RUN_ID_MAX 200

/* Reads the digits at s; *ret_end is the first byte after them. */
int parse_leading_u64(const char *s, uint64_t *ret, const char **ret_end)
{
    uint64_t value = 0;
    const char *p = s;

    for (; *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return -ERANGE;
        value = value * 10 + digit;
    }
    if (p == s)
        return -EINVAL;
    *ret = value;
    *ret_end = p;
    return 0;
}

int parse_u64(const char *s, uint64_t max, uint64_t *ret)
{
    const char *end;
    uint64_t value;
    int r = parse_leading_u64(s, &value, &end);

    if (r < 0)
        return r;
    if (*end != '\0')
        return -EINVAL;
    if (value > max)
        return -ERANGE;
    *ret = value;
    return 0;
}

int parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret)
{
    bool negative = *s == '-';
    uint64_t magnitude;
    int64_t value;
    int r = parse_u64(s + (negative ? 1 : 0), INT64_MAX, &magnitude);

    if (r < 0)
        return r;
    value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    if (value < min || value > max)
        return -ERANGE;
    *ret = value;
    return 0;
}

int parse_duration_ms(const char *s, int64_t *ret)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } UNITS[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    const char *end;
    uint64_t value;
    int r = parse_leading_u64(s, &value, &end);

    if (r < 0)
        return r;
    if (value == 0 && *end == '\0') {
        *ret = 0;
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(UNITS); i++) {
        if (strcmp(end, UNITS[i].unit) != 0)
            continue;
        if (value > (uint64_t)(INT64_MAX / UNITS[i].ms))
            return -ERANGE;
        *ret = (int64_t)value * UNITS[i].ms;
        return 0;
    }
    return -EINVAL;
}

int parse_size(const char *s, uint64_t *ret)
{
    static const char LETTERS[] = "KMGT";
    const char *end;
    const char *letter;
    uint64_t value;
    unsigned shift = 0;
    int r = parse_leading_u64(s, &value, &end);

    if (r < 0)
        return r;
    if (*end != '\0') {
        letter = strchr(LETTERS, *end);
        if (letter == NULL)
            return -EINVAL;
        shift = 10 * (unsigned)(letter - LETTERS + 1);
        end++;
        if (*end != '\0' && strcmp(end, "iB") != 0)
            return -EINVAL;
    }
    if (value > UINT64_MAX >> shift)
        return -ERANGE;
    *ret = value << shift;
    return 0;
}

int parse_bool(const char *s, bool *ret)
{
    if (strcmp(s, "true") == 0)
        *ret = true;
    else if (strcmp(s, "false") == 0)
        *ret = false;
    else
        return -EINVAL;
    return 0;
}

/* Length of the well-formed sequence at s, or 0. */
static size_t utf8_sequence(const unsigned char *s, size_t n)
{
    size_t len;
    unsigned char low = 0x80, high = 0xBF;

    if (s[0] < 0x80)
        return 1;
    if (s[0] >= 0xC2 && s[0] <= 0xDF)
        len = 2;
    else if (s[0] >= 0xE0 && s[0] <= 0xEF)
        len = 3;
    else if (s[0] >= 0xF0 && s[0] <= 0xF4)
        len = 4;
    else
        return 0;
    if (s[0] == 0xE0)
        low = 0xA0;
    else if (s[0] == 0xED)
        high = 0x9F;
    else if (s[0] == 0xF0)
        low = 0x90;
    else if (s[0] == 0xF4)
        high = 0x8F;
    if (n < len || s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    return len;
}

bool utf8_valid(const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s;

    while (n > 0) {
        size_t len = utf8_sequence(p, n);
        if (len == 0)
            return false;
        p += len;
        n -= len;
    }
    return true;
}

static bool run_id_valid_n(const char *s, size_t n)
{
    if (n == 0 || n > RUN_ID_MAX || !isalnum((unsigned char)s[0]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)s[i]) && (s[i] == '\0' || strchr("._-", s[i]) == NULL))
            return false;
    return true;
}

bool run_id_valid(const char *s)
{
    return run_id_valid_n(s, strlen(s));
}

/* A number from `min` to `max` without a sign or leading zeros; ends at the end of the name or at `end`. */
static bool name_number(const char **at, char end, uint64_t min, uint64_t max, int *ret)
{
    const char *rest;
    uint64_t value;

    if (**at == '0' && isdigit((unsigned char)(*at)[1]))
        return false;
    if (parse_leading_u64(*at, &value, &rest) < 0 || value < min || value > max ||
        (*rest != '\0' && *rest != end))
        return false;
    *ret = (int)value;
    *at = rest;
    return true;
}

bool run_name_parse(const char *name, struct run_name *ret)
{
    size_t n = strcspn(name, "+~");
    const char *at = name + n;
    struct run_name read = {.rank = -1, .attempt = 1};

    if (!run_id_valid_n(name, n))
        return false;
    memcpy(read.id, name, n);
    if (*at == '+' && (at++, !name_number(&at, '~', 0, RUN_RANK_MAX, &read.rank)))
        return false;
    if (*at == '~' && (at++, !name_number(&at, '\0', 2, RUN_ATTEMPT_MAX, &read.attempt)))
        return false;
    *ret = read;
    return true;
}

bool run_name_valid(const char *name)
{
    struct run_name read;

    return run_name_parse(name, &read);
}

void run_name_format(const struct run_name *name, char ret[RUN_ID_BYTES])
{
    char rank[16] = "", attempt[16] = "";

    if (name->rank >= 0)
        (void)snprintf(rank, sizeof(rank), "+%d", name->rank);
    if (name->attempt > 1)
        (void)snprintf(attempt, sizeof(attempt), "~%d", name->attempt);
    (void)snprintf(ret, RUN_ID_BYTES, "%.200s%.4s%.4s", name->id, rank, attempt);
}

bool file_name_valid(const char *s)
{
    size_t n = strlen(s);

    if (n == 0 || n > 255 || strcmp(s, ".") == 0 || strcmp(s, "..") == 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (s[i] == '/' || (unsigned char)s[i] < 0x20 || s[i] == 0x7F)
            return false;
    return true;
}
