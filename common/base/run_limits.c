/* run_limits.c - see run_limits.h. */
#include "base/run_limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/parse.h"

#define KIB 1024LL
#define MIB (1024 * KIB)
#define PIB (1024 * 1024 * 1024 * MIB)

/* A CPU number has at most this many digits. */
#define CPU_DIGITS_MAX 4
#define CPU_MAX        8191

static const struct run_limit_info INFO[LIMIT_COUNT] = {
    [LIMIT_MEMORY] = {"memory", LIMIT_UNIT_BYTES, 4 * MIB, PIB},
    [LIMIT_MEMORY_HIGH] = {"memoryHigh", LIMIT_UNIT_BYTES, 4 * MIB, PIB},
    [LIMIT_SWAP] = {"swap", LIMIT_UNIT_BYTES, 0, PIB},
    [LIMIT_CPU] = {"cpu", LIMIT_UNIT_MILLI_CPU, 10, 8192 * 1000LL},
    [LIMIT_CPU_WEIGHT] = {"cpuWeight", LIMIT_UNIT_NUMBER, 1, 10000},
    [LIMIT_PIDS] = {"pids", LIMIT_UNIT_NUMBER, 2, 4194304},
    [LIMIT_IO_READ] = {"ioRead", LIMIT_UNIT_BYTES, 64 * KIB, PIB},
    [LIMIT_IO_WRITE] = {"ioWrite", LIMIT_UNIT_BYTES, 64 * KIB, PIB},
    [LIMIT_IO_WEIGHT] = {"ioWeight", LIMIT_UNIT_NUMBER, 1, 10000},
    [LIMIT_OPEN_FILES] = {"openFiles", LIMIT_UNIT_NUMBER, 16, 1073741816},
    [LIMIT_CORE_SIZE] = {"coreSize", LIMIT_UNIT_BYTES, 0, PIB},
    [LIMIT_FILE_SIZE] = {"fileSize", LIMIT_UNIT_BYTES, 4 * KIB, PIB},
    [LIMIT_SCRATCH] = {"scratch", LIMIT_UNIT_BYTES, 16 * MIB, PIB},
};

void run_limits_init(struct run_limits *limits)
{
    *limits = (struct run_limits){0};
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        limits->value[i] = LIMIT_UNSET;
}

const struct run_limit_info *run_limit_info(enum run_limit limit)
{
    return &INFO[limit];
}

enum run_limit run_limit_from_name(const char *name)
{
    unsigned i = 0;

    while (i < LIMIT_COUNT && strcmp(INFO[i].name, name) != 0)
        i++;
    return (enum run_limit)i;
}

/* "2", "0.5", "1.125" in thousandths. */
static int parse_milli(const char *text, int64_t *ret)
{
    const char *point = strchr(text, '.');
    char whole[24];
    int64_t thousands, thousandths = 0;
    size_t n = point != NULL ? (size_t)(point - text) : strlen(text);

    if (n == 0 || n >= sizeof(whole))
        return -EINVAL;
    memcpy(whole, text, n);
    whole[n] = '\0';
    if (parse_i64(whole, 0, INT64_MAX / 2000, &thousands) < 0)
        return -EINVAL;
    if (point != NULL) {
        size_t digits = strlen(point + 1);
        if (digits == 0 || digits > 3 || parse_i64(point + 1, 0, 999, &thousandths) < 0 || point[1] == '-')
            return -EINVAL;
        for (; digits < 3; digits++)
            thousandths *= 10;
    }
    *ret = thousands * 1000 + thousandths;
    return 0;
}

int run_limit_parse(enum run_limit limit, const char *text, int64_t *ret)
{
    const struct run_limit_info *info = &INFO[limit];
    uint64_t bytes;
    int64_t value = 0;
    int r;

    switch (info->unit) {
    case LIMIT_UNIT_BYTES:
        r = parse_size(text, &bytes);
        value = r == 0 && bytes <= INT64_MAX ? (int64_t)bytes : INT64_MAX;
        break;
    case LIMIT_UNIT_MILLI_CPU: r = parse_milli(text, &value); break;
    default: r = parse_i64(text, INT64_MIN, INT64_MAX, &value); break;
    }
    if (r < 0)
        return r;
    if (value < info->min || value > info->max)
        return -ERANGE;
    *ret = value;
    return 0;
}

static void format_bytes(int64_t value, char ret[LIMIT_TEXT_MAX])
{
    static const char LETTERS[] = "\0KMGT";
    unsigned letter = 0;

    for (; value != 0 && value % 1024 == 0 && letter < 4; letter++)
        value /= 1024;
    (void)snprintf(ret, LIMIT_TEXT_MAX, "%" PRId64 "%.1s", value, &LETTERS[letter]);
}

void run_limit_format(enum run_limit limit, int64_t value, char ret[LIMIT_TEXT_MAX])
{
    size_t n;

    switch (INFO[limit].unit) {
    case LIMIT_UNIT_BYTES: format_bytes(value, ret); return;
    case LIMIT_UNIT_MILLI_CPU:
        n = (size_t)snprintf(ret, LIMIT_TEXT_MAX, "%" PRId64 ".%03d", value / 1000, (int)(value % 1000));
        while (ret[n - 1] == '0')
            n--;
        ret[ret[n - 1] == '.' ? n - 1 : n] = '\0';
        return;
    default: (void)snprintf(ret, LIMIT_TEXT_MAX, "%" PRId64, value); return;
    }
}

static bool take_cpu(const char **text, int *ret)
{
    int value = 0, digits = 0;

    for (; **text >= '0' && **text <= '9' && digits <= CPU_DIGITS_MAX; (*text)++, digits++)
        value = value * 10 + (**text - '0');
    *ret = value;
    return digits > 0 && digits <= CPU_DIGITS_MAX && value <= CPU_MAX;
}

bool cpuset_valid(const char *text)
{
    int from, to;

    if (strlen(text) >= CPUSET_TEXT_MAX)
        return false;
    for (;; text++) {
        if (!take_cpu(&text, &from))
            return false;
        to = from;
        if (*text == '-') {
            text++;
            if (!take_cpu(&text, &to))
                return false;
        }
        if (to < from)
            return false;
        if (*text != ',')
            return *text == '\0';
    }
}

void run_limits_merge(struct run_limits *limits, const struct run_limits *finer)
{
    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        if (finer->value[i] == LIMIT_UNSET)
            continue;
        limits->value[i] = finer->value[i];
        limits->by_shape[i] = finer->by_shape[i];
    }
    if (finer->cpuset[0] != '\0')
        memcpy(limits->cpuset, finer->cpuset, sizeof(limits->cpuset));
}
