/* value.c - see value.h; also config_put_value and config_free of config.h. */
#include "config/value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "base/parse.h"
#include "base/uri.h"

#define USER_NAME_MAX 32

static const char *const LEVEL_NAMES[] = {
    [LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_NOTICE] = "notice",
    [LOG_LEVEL_INFO] = "info",   [LOG_LEVEL_DEBUG] = "debug",
};

static const struct {
    const char *unit;
    int64_t factor;
} DURATION_UNITS[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}},
  SIZE_UNITS[] = {{"T", 1LL << 40}, {"G", 1LL << 30}, {"M", 1LL << 20}, {"K", 1LL << 10}, {"", 1}};

static void *field(struct config *c, enum config_key key)
{
    return (char *)c + config_key_info(key)->offset;
}

static const void *field_const(const struct config *c, enum config_key key)
{
    return (const char *)c + config_key_info(key)->offset;
}

static bool name_valid(const char *s)
{
    size_t n = strlen(s);

    if (n == 0 || n > USER_NAME_MAX || !(islower((unsigned char)s[0]) || s[0] == '_'))
        return false;
    for (size_t i = 1; i < n; i++)
        if (!islower((unsigned char)s[i]) && !isdigit((unsigned char)s[i]) && strchr("_-", s[i]) == NULL)
            return false;
    return true;
}

static bool path_valid(const char *s)
{
    size_t n = strlen(s);

    if (s[0] != '/' || n >= 4096 || strstr(s, "/../") != NULL)
        return false;
    if (n >= 3 && strcmp(s + n - 3, "/..") == 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7F)
            return false;
    return true;
}

static int parse_number(enum config_type type, const char *text, int64_t *ret)
{
    uint64_t size;
    int r;

    if (type == CONFIG_TYPE_INTEGER)
        return parse_i64(text, INT64_MIN, INT64_MAX, ret);
    if (type == CONFIG_TYPE_DURATION)
        return parse_duration_ms(text, ret);
    r = parse_size(text, &size);
    if (r < 0)
        return r;
    if (size > INT64_MAX)
        return -ERANGE;
    *ret = (int64_t)size;
    return 0;
}

static int set_number(struct config *c, enum config_key key, const char *text)
{
    const struct config_key_info *info = config_key_info(key);
    int64_t value;
    int r = parse_number(info->type, text, &value);

    if (r < 0)
        return r;
    if (value < info->min || value > info->max)
        return -ERANGE;
    *(int64_t *)field(c, key) = value;
    return 0;
}

/* Each word begins with /dev/ and climbs nowhere; a colon divides them on the supervisor's command line. */
static bool patterns_valid(const char *text)
{
    for (const char *at = text; *(at += strspn(at, " ")) != '\0'; at += strcspn(at, " "))
        if (strncmp(at, "/dev/", 5) != 0 || memmem(at, strcspn(at, " "), "..", 2) != NULL)
            return false;
    return strchr(text, ':') == NULL;
}

/* Each word is letters, digits and what stands in addresses and ports. */
static bool hosts_valid(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (!isalnum((unsigned char)*at) && strchr(" .-:[]", *at) == NULL)
            return false;
    return true;
}

/* The words that a type allows, blanks between; NULL: it is not such a type. */
static const char *words_of(enum config_type type)
{
    switch (type) {
    case CONFIG_TYPE_VOLUME_KIND: return "directory image block";
    case CONFIG_TYPE_FILE_SYSTEM: return "ext4 xfs";
    case CONFIG_TYPE_FSCK: return "auto always never";
    case CONFIG_TYPE_ON_FAILURE: return "fail ignore";
    case CONFIG_TYPE_ON_LOST: return "wait fail";
    case CONFIG_TYPE_AFTER_RUN: return "wait exit poweroff command";
    case CONFIG_TYPE_IDLE_ACTION: return "exit poweroff command";
    case CONFIG_TYPE_PROVIDER: return "none oci aws gcp azure";
    case CONFIG_TYPE_HTTP_AUTH: return "none bearer oci";
    default: return NULL;
    }
}

static bool among(const char *words, const char *text)
{
    size_t n = strlen(text);

    for (const char *at = words; *at != '\0'; at += strspn(at, " ")) {
        size_t m = strcspn(at, " ");
        if (m == n && memcmp(at, text, n) == 0)
            return true;
        at += m;
    }
    return false;
}

/* One word for the supervisor's command line. */
static bool one_word(const char *text, const char *others)
{
    for (const char *p = text; *p != '\0'; p++)
        if (!isalnum((unsigned char)*p) && strchr(others, *p) == NULL)
            return false;
    return true;
}

static bool volume_device_valid(const char *text)
{
    if (strncmp(text, "serial:", 7) == 0)
        return text[7] != '\0' && one_word(text + 7, "-_.");
    return text[0] == '\0' || (path_valid(text) && one_word(text, "/-_.:*?[]+@,=#"));
}

/* OCIDs and what they stand for. */
static bool exports_valid(const char *text)
{
    for (const char *at = text; *(at += strspn(at, " ")) != '\0'; at += strcspn(at, " ")) {
        size_t n = strcspn(at, " ");
        const char *equals = memchr(at, '=', n);
        if (equals == NULL || equals == at || equals + 1 == at + n)
            return false;
        if (equals[1] != '/' && !isdigit((unsigned char)equals[1]))
            return false;
    }
    return true;
}

/* A scheme and a host: what else an address can have could be a secret. */
static bool endpoint_valid(const char *text)
{
    size_t scheme = strncmp(text, "https://", 8) == 0 ? 8 : strncmp(text, "http://", 7) == 0 ? 7 : 0;

    return text[0] == '\0' ||
           (scheme > 0 && isalnum((unsigned char)text[scheme]) && one_word(text + scheme, ".-:"));
}

static bool endpoints_valid(const char *text)
{
    char endpoint[256];
    const char *at = text;

    while (*at != '\0') {
        size_t n = strcspn(at, ",");
        if (n == 0 || n >= sizeof(endpoint))
            return false;
        memcpy(endpoint, at, n);
        endpoint[n] = '\0';
        if (!endpoint_valid(endpoint))
            return false;
        at += n;
        if (*at == ',' && *++at == '\0')
            return false;
    }
    return true;
}

/* What etcd_prefix_valid (assignment/etcd/keys.h) takes. */
static bool key_prefix_valid(const char *text)
{
    if (strlen(text) >= 200 || text[0] != '/' || !one_word(text, "/._-"))
        return false;
    for (const char *at = text; *at != '\0'; at += 1 + strcspn(at + 1, "/"))
        if (!isalnum((unsigned char)at[1]))
            return false;
    return true;
}

/* Each word is a path. */
static bool folders_valid(const char *text)
{
    char path[4096];

    for (const char *at = text; *(at += strspn(at, " ")) != '\0'; at += strcspn(at, " ")) {
        size_t n = strcspn(at, " ");
        if (n >= sizeof(path))
            return false;
        memcpy(path, at, n);
        path[n] = '\0';
        if (!path_valid(path))
            return false;
    }
    return true;
}

/* A server's address, to which a path is added. */
static bool url_valid(const char *text)
{
    AUTO(uri) struct uri u = {0};
    const char *problem;

    return text[0] == '\0' ||
           (uri_parse(text, &u, &problem) == 0 && (u.scheme == URI_HTTP || u.scheme == URI_HTTPS) &&
            strchr(u.path, '?') == NULL);
}

static bool uri_valid(const char *text)
{
    AUTO(uri) struct uri u = {0};
    const char *problem;

    return text[0] == '\0' || uri_parse(text, &u, &problem) == 0;
}

/* Each word is KEY=VALUE, of the letters that control planes take in names. */
static bool labels_valid(const char *text)
{
    for (const char *at = text; *(at += strspn(at, " ")) != '\0'; at += strcspn(at, " ")) {
        size_t n = strcspn(at, " ");
        const char *equals = memchr(at, '=', n);
        if (equals == NULL || equals == at)
            return false;
        for (size_t i = 0; i < n; i++)
            if (at + i != equals && !isalnum((unsigned char)at[i]) && strchr("._-/", at[i]) == NULL)
                return false;
    }
    return true;
}

static bool word_valid(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if (!isalnum((unsigned char)*p) && strchr("._-", *p) == NULL)
            return false;
    return strlen(text) <= 255;
}

/* Each word is one of them. */
static bool checks_valid(const char *text)
{
    static const char CHECKS[] = "disk inodes read-only date clock mounts cgroup gpu command";
    char word[16];

    for (const char *at = text; *(at += strspn(at, " ")) != '\0'; at += strcspn(at, " ")) {
        size_t n = strcspn(at, " ");
        if (n >= sizeof(word))
            return false;
        memcpy(word, at, n);
        word[n] = '\0';
        if (!among(CHECKS, word))
            return false;
    }
    return true;
}

static bool text_valid(enum config_type type, const char *text)
{
    switch (type) {
    case CONFIG_TYPE_NAME: return name_valid(text);
    case CONFIG_TYPE_PATTERNS: return patterns_valid(text);
    case CONFIG_TYPE_HOSTS: return hosts_valid(text);
    case CONFIG_TYPE_PATH_OR_NONE: return text[0] == '\0' || path_valid(text);
    case CONFIG_TYPE_FOLDERS: return folders_valid(text);
    case CONFIG_TYPE_URL_OR_NONE: return url_valid(text);
    case CONFIG_TYPE_URI_OR_NONE: return uri_valid(text);
    case CONFIG_TYPE_WORD: return word_valid(text);
    case CONFIG_TYPE_VOLUME_DEVICE: return volume_device_valid(text);
    case CONFIG_TYPE_MOUNT_OPTIONS: return one_word(text, ",=.:_/-");
    case CONFIG_TYPE_EXPORTS: return exports_valid(text);
    case CONFIG_TYPE_ENDPOINT: return endpoint_valid(text);
    case CONFIG_TYPE_LABELS: return labels_valid(text);
    case CONFIG_TYPE_CHECKS: return checks_valid(text);
    case CONFIG_TYPE_ENDPOINTS: return endpoints_valid(text);
    case CONFIG_TYPE_KEY_PREFIX: return key_prefix_valid(text);
    case CONFIG_TYPE_BUCKETS: return one_word(text, "-_.,*?[]");
    default: return words_of(type) != NULL ? among(words_of(type), text) : path_valid(text);
    }
}

static int set_text(struct config *c, enum config_key key, const char *text)
{
    char **slot = field(c, key);
    char *copy;

    if (!text_valid(config_key_info(key)->type, text))
        return -EINVAL;
    copy = strdup(text);
    if (copy == NULL)
        return -ENOMEM;
    free(*slot);
    *slot = copy;
    return 0;
}

static bool is_text(enum config_type type)
{
    switch (type) {
    case CONFIG_TYPE_NAME:
    case CONFIG_TYPE_PATH:
    case CONFIG_TYPE_PATTERNS:
    case CONFIG_TYPE_HOSTS:
    case CONFIG_TYPE_FOLDERS:
    case CONFIG_TYPE_URL_OR_NONE:
    case CONFIG_TYPE_URI_OR_NONE:
    case CONFIG_TYPE_WORD:
    case CONFIG_TYPE_PATH_OR_NONE:
    case CONFIG_TYPE_VOLUME_DEVICE:
    case CONFIG_TYPE_MOUNT_OPTIONS:
    case CONFIG_TYPE_ENDPOINT:
    case CONFIG_TYPE_ENDPOINTS:
    case CONFIG_TYPE_KEY_PREFIX:
    case CONFIG_TYPE_BUCKETS:
    case CONFIG_TYPE_CHECKS:
    case CONFIG_TYPE_LABELS:
    case CONFIG_TYPE_EXPORTS: return true;
    default: return words_of(type) != NULL;
    }
}

int config_value_set(struct config *c, enum config_key key, const char *text)
{
    switch (config_key_info(key)->type) {
    case CONFIG_TYPE_INTEGER:
    case CONFIG_TYPE_DURATION:
    case CONFIG_TYPE_SIZE: return set_number(c, key, text);
    case CONFIG_TYPE_BOOLEAN: return parse_bool(text, field(c, key));
    case CONFIG_TYPE_LOG_LEVEL: return log_level_parse(text, field(c, key));
    default: return set_text(c, key, text);
    }
}

static void put_duration(int64_t ms, struct strbuf *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(DURATION_UNITS); i++) {
        if (ms % DURATION_UNITS[i].factor != 0 || ms == 0)
            continue;
        (void)strbuf_addf(out, "%" PRId64 "%s", ms / DURATION_UNITS[i].factor, DURATION_UNITS[i].unit);
        return;
    }
    (void)strbuf_addstr(out, "0s");
}

static void put_size(int64_t bytes, struct strbuf *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(SIZE_UNITS); i++) {
        if (bytes % SIZE_UNITS[i].factor != 0 || bytes == 0)
            continue;
        (void)strbuf_addf(out, "%" PRId64 "%s", bytes / SIZE_UNITS[i].factor, SIZE_UNITS[i].unit);
        return;
    }
    (void)strbuf_addch(out, '0');
}

/* Plain where YAML would read it back as the same string, else in single quotes. */
static void put_text(const char *s, struct strbuf *out)
{
    bool plain = s[0] == '/' || isalpha((unsigned char)s[0]);

    for (const char *p = s; *p != '\0'; p++)
        if (!isalnum((unsigned char)*p) && strchr("/._-", *p) == NULL && (*p != ' ' || p[1] == '\0'))
            plain = false;
    for (size_t i = 0; i < 6; i++)
        if (strcasecmp(s, (const char *const[]){"true", "false", "null", "yes", "no", "on"}[i]) == 0)
            plain = false;
    if (plain) {
        (void)strbuf_addstr(out, s);
        return;
    }
    (void)strbuf_addch(out, '\'');
    for (const char *p = s; *p != '\0'; p++) {
        if (*p == '\'')
            (void)strbuf_addch(out, '\'');
        (void)strbuf_addch(out, *p);
    }
    (void)strbuf_addch(out, '\'');
}

static void put_number(enum config_type type, int64_t value, struct strbuf *out)
{
    if (type == CONFIG_TYPE_DURATION)
        put_duration(value, out);
    else if (type == CONFIG_TYPE_SIZE)
        put_size(value, out);
    else
        (void)strbuf_addf(out, "%" PRId64, value);
}

void config_put_value(const struct config *c, enum config_key key, struct strbuf *out)
{
    enum config_type type = config_key_info(key)->type;
    const void *at = field_const(c, key);

    switch (type) {
    case CONFIG_TYPE_INTEGER:
    case CONFIG_TYPE_DURATION:
    case CONFIG_TYPE_SIZE: put_number(type, *(const int64_t *)at, out); break;
    case CONFIG_TYPE_BOOLEAN: (void)strbuf_addstr(out, *(const bool *)at ? "true" : "false"); break;
    case CONFIG_TYPE_LOG_LEVEL: (void)strbuf_addstr(out, LEVEL_NAMES[*(const enum log_level *)at]); break;
    default: put_text(*(char *const *)at, out); break;
    }
}

void config_value_bounds(enum config_key key, struct strbuf *out)
{
    const struct config_key_info *info = config_key_info(key);

    if (info->max == 0)
        return;
    put_number(info->type, info->min, out);
    if (info->max == INT64_MAX) {
        (void)strbuf_addstr(out, " or more");
        return;
    }
    (void)strbuf_addstr(out, " to ");
    put_number(info->type, info->max, out);
}

void config_free(struct config *c)
{
    for (int key = 0; key < CONFIG_KEY_COUNT; key++) {
        if (is_text(config_key_info((enum config_key)key)->type))
            free(*(char **)field(c, (enum config_key)key));
        free(c->origin[key].file);
    }
    *c = (struct config){0};
}
