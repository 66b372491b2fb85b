/* account.c - see account.h. */
#include "image/account.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/parse.h"

#define FIELDS 4

struct field {
    const char *text;
    size_t n;
};

/* The first four fields of a line, with colons between. */
static bool fields_of(const char *line, size_t n, struct field ret[FIELDS])
{
    for (size_t i = 0; i < FIELDS; i++) {
        const char *colon = memchr(line, ':', n);
        size_t length = colon != NULL ? (size_t)(colon - line) : n;
        if (colon == NULL && i + 1 < FIELDS)
            return false;
        ret[i] = (struct field){line, length};
        line += length + (colon != NULL);
        n -= length + (colon != NULL);
    }
    return true;
}

static bool number(const char *text, size_t n, uint32_t *ret)
{
    char digits[16];
    uint64_t value;

    if (n == 0 || n >= sizeof(digits))
        return false;
    memcpy(digits, text, n);
    digits[n] = '\0';
    if (parse_u64(digits, UINT32_MAX, &value) < 0)
        return false;
    *ret = (uint32_t)value;
    return true;
}

/* The line whose name is `name`, or when that is a number whose third field is that number. */
static bool find(const char *text, const char *name, size_t n, struct field ret[FIELDS])
{
    uint32_t wanted = 0;
    bool by_number = number(name, n, &wanted);

    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        struct field f[FIELDS];
        uint32_t id;
        if (fields_of(text, length, f) && ((f[0].n == n && memcmp(f[0].text, name, n) == 0) ||
                                           (by_number && number(f[2].text, f[2].n, &id) && id == wanted))) {
            memcpy(ret, f, sizeof(f));
            return true;
        }
        text += length + (text[length] == '\n');
    }
    return false;
}

static int find_group(const char *name, const char *group, uint32_t *ret, struct err *e)
{
    struct field f[FIELDS];

    if (find(group, name, strlen(name), f) && number(f[2].text, f[2].n, ret))
        return 0;
    if (number(name, strlen(name), ret))
        return 0;
    return err_set(e, -ENOENT, BLAME_ASSIGNMENT,
                   "the image's user is in the group '%.100s', which its /etc/group does not have", name);
}

static int find_user(const char *name, size_t n, const char *passwd, struct account *ret, struct err *e)
{
    struct field f[FIELDS];

    if (find(passwd, name, n, f) && number(f[2].text, f[2].n, &ret->uid) &&
        number(f[3].text, f[3].n, &ret->gid))
        return 0;
    ret->gid = 0;
    if (number(name, n, &ret->uid))
        return 0;
    return err_set(e, -ENOENT, BLAME_ASSIGNMENT,
                   "the image's user is '%.*s', whom its /etc/passwd does not have", n < 100 ? (int)n : 100,
                   name);
}

int account_find(const char *user, const char *passwd, const char *group, uint32_t ids, struct account *ret,
                 struct err *e)
{
    size_t n = strcspn(user, ":");
    struct account a = {0, 0};

    if (find_user(n > 0 ? user : "0", n > 0 ? n : 1, passwd, &a, e) < 0)
        return e->code;
    if (user[n] == ':' && user[n + 1] != '\0' && find_group(user + n + 1, group, &a.gid, e) < 0)
        return e->code;
    if (a.uid >= ids || a.gid >= ids)
        return err_set(e, -ERANGE, BLAME_ASSIGNMENT,
                       "the image's user %u:%u is outside of the %u numbers that images have on this node "
                       "(images.idCount)",
                       a.uid, a.gid, ids);
    *ret = a;
    return 0;
}
