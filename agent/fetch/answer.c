/* answer.c - see answer.h. */
#include "fetch/answer.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/auto.h"
#include "base/base64.h"
#include "base/parse.h"

#define MD5_BYTES     16
#define HEAD_LINE_MAX 1024
#define AFTER_MS_MAX  (24LL * 3600 * 1000)

static bool is_status_line(const char *line)
{
    return strncmp(line, "HTTP/", 5) == 0;
}

static void begin(struct answer *a, const char *line)
{
    const char *at = strchr(line, ' ');
    const char *end;
    uint64_t status = 0;

    *a = (struct answer){.length = -1, .range_from = -1, .range_total = -1, .after_ms = -1};
    if (at != NULL && parse_leading_u64(at + 1, &status, &end) == 0 && status < 1000)
        a->status = (long)status;
    /* From HTTP/2 on, frames say where a body ends. */
    a->chunked = line[5] >= '2';
}

static void take_md5(struct answer *a, const char *value)
{
    AUTO(strbuf) struct strbuf bytes = STRBUF_INIT(MD5_BYTES);

    if (base64_decode(value, strlen(value), &bytes) == 0 && bytes.len == MD5_BYTES)
        hex_encode(bytes.data, MD5_BYTES, a->md5);
}

/* "bytes 10-19/100", "bytes 10-19/" and a star, "bytes " star "/100". */
static void take_range(struct answer *a, const char *value)
{
    const char *slash = strchr(value, '/');
    const char *end;
    uint64_t number;

    if (strncasecmp(value, "bytes ", 6) != 0 || slash == NULL)
        return;
    if (parse_leading_u64(value + 6, &number, &end) == 0 && *end == '-' && number <= INT64_MAX)
        a->range_from = (int64_t)number;
    if (parse_u64(slash + 1, INT64_MAX, &number) == 0)
        a->range_total = (int64_t)number;
}

static void take_after(struct answer *a, const char *value, wall_ms_t now)
{
    struct tm tm = {0};
    const char *end;
    uint64_t seconds;

    if (parse_u64(value, AFTER_MS_MAX / 1000, &seconds) == 0) {
        a->after_ms = (int64_t)seconds * 1000;
        return;
    }
    end = strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (end != NULL && *end == '\0') {
        int64_t left = (int64_t)timegm(&tm) * 1000 - now.ms;
        a->after_ms = left < 0 ? 0 : left;
    }
}

static void take_value(struct answer *a, const char *name, const char *value, wall_ms_t now)
{
    uint64_t number;

    if (strcasecmp(name, "etag") == 0 && strlen(value) < VALIDATOR_MAX) {
        (void)snprintf(a->validator.etag, sizeof(a->validator.etag), "%s", value);
    } else if (strcasecmp(name, "last-modified") == 0 && strlen(value) < VALIDATOR_MAX) {
        (void)snprintf(a->validator.last_modified, sizeof(a->validator.last_modified), "%s", value);
    } else if (strcasecmp(name, "content-length") == 0) {
        if (parse_u64(value, INT64_MAX, &number) == 0)
            a->length = (int64_t)number;
    } else if (strcasecmp(name, "transfer-encoding") == 0) {
        size_t n = strlen(value);
        a->chunked = n >= 7 && strcasecmp(value + n - 7, "chunked") == 0;
    } else if (strcasecmp(name, "content-range") == 0) {
        take_range(a, value);
    } else if (strcasecmp(name, "content-md5") == 0) {
        take_md5(a, value);
    } else if (strncasecmp(name, "x-amz-server-side-encryption", 28) == 0) {
        a->etag_opaque = a->etag_opaque || strcasecmp(value, "AES256") != 0 || name[28] != '\0';
    } else if (strcasecmp(name, "retry-after") == 0) {
        take_after(a, value, now);
    }
}

void answer_line(struct answer *a, const char *line, size_t n, wall_ms_t now)
{
    char text[HEAD_LINE_MAX];
    char *colon, *value;

    if (n == 0 || n >= sizeof(text) || memchr(line, '\0', n) != NULL)
        return;
    memcpy(text, line, n);
    text[n] = '\0';
    if (is_status_line(text)) {
        begin(a, text);
        return;
    }
    colon = strchr(text, ':');
    if (colon == NULL)
        return;
    *colon = '\0';
    value = colon + 1 + strspn(colon + 1, " \t");
    n = strlen(value);
    while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t'))
        value[--n] = '\0';
    take_value(a, text, value, now);
}

bool answer_ends(const struct answer *a)
{
    return a->length >= 0 || a->chunked;
}

void answer_md5(const struct answer *a, bool s3, char ret[MD5_HEX_BYTES])
{
    const char *etag = a->validator.etag;
    char bare[MD5_HEX_BYTES];

    (void)snprintf(ret, MD5_HEX_BYTES, "%s", a->md5);
    if (ret[0] != '\0' || !s3 || a->etag_opaque || strlen(etag) != MD5_HEX_BYTES + 1 || etag[0] != '"' ||
        etag[MD5_HEX_BYTES] != '"')
        return;
    (void)snprintf(bare, sizeof(bare), "%.32s", etag + 1);
    if (!hex_valid(bare, MD5_HEX_BYTES - 1))
        return;
    for (size_t i = 0; bare[i] != '\0'; i++)
        ret[i] = (char)tolower((unsigned char)bare[i]);
    ret[MD5_HEX_BYTES - 1] = '\0';
}

bool validator_strong(const struct validator *v)
{
    return v->etag[0] == '"' || (v->etag[0] == '\0' && v->last_modified[0] != '\0');
}

static bool same_version(const struct validator *a, const struct validator *b)
{
    if (a->etag[0] != '\0' || b->etag[0] != '\0')
        return strcmp(a->etag, b->etag) == 0;
    return strcmp(a->last_modified, b->last_modified) == 0;
}

enum answer_use answer_use(const struct answer *a, int64_t have, const struct validator *known,
                           int64_t known_total)
{
    if (a->status == 200)
        return ANSWER_REPLACE;
    if (a->status == 304)
        return ANSWER_CURRENT;
    if (a->status == 206) {
        bool fits = have > 0 && a->range_from == have && same_version(&a->validator, known) &&
                    (known_total < 0 || a->range_total < 0 || a->range_total == known_total);
        return fits ? ANSWER_APPEND : ANSWER_RESTART;
    }
    if (a->status == 416 && have > 0)
        return a->range_total == have && (known_total < 0 || known_total == have) ? ANSWER_WHOLE
                                                                                  : ANSWER_RESTART;
    if (a->status == 412 && have > 0)
        return ANSWER_RESTART;
    return ANSWER_ERROR;
}
