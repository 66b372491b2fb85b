/* object_location.c - see object_location.h. */
#include "base/object_location.h"

#include <ctype.h>
#include <string.h>

static bool take_name(const char **at, const char *ends, char *ret, size_t size)
{
    size_t n = strcspn(*at, ends);

    if (n == 0 || n >= size || !isalnum((unsigned char)**at))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)(*at)[i]) && strchr("-_.", (*at)[i]) == NULL)
            return false;
    memcpy(ret, *at, n);
    ret[n] = '\0';
    *at += n;
    return true;
}

static bool part_valid(const char *part, size_t n)
{
    if (n == 0 || (n == 1 && part[0] == '.') || (n == 2 && part[0] == '.' && part[1] == '.'))
        return false;
    for (size_t i = 0; i < n; i++)
        if (iscntrl((unsigned char)part[i]))
            return false;
    return true;
}

static bool take_prefix(const char *text, char ret[OBJECT_PREFIX_MAX])
{
    size_t n = strlen(text);

    if (n > 1 && text[n - 1] == '/')
        n--;
    if (n >= OBJECT_PREFIX_MAX)
        return false;
    memcpy(ret, text, n);
    ret[n] = '\0';
    for (const char *part = ret; n > 0; part++) {
        size_t m = strcspn(part, "/");
        if (!part_valid(part, m))
            return false;
        part += m;
        if (*part == '\0')
            break;
    }
    return true;
}

bool object_location_parse(const char *text, struct object_location *ret)
{
    struct object_location l = {.bucket = ""};
    const char *at = text + 6;

    if (strncmp(text, "oci://", 6) == 0) {
        if (!take_name(&at, "@", l.bucket, sizeof(l.bucket)) || *at++ != '@' ||
            !take_name(&at, "/", l.namespace_name, sizeof(l.namespace_name)))
            return false;
    } else if (strncmp(text, "s3://", 5) != 0 ||
               (at = text + 5, !take_name(&at, "/", l.bucket, sizeof(l.bucket)))) {
        return false;
    }
    if (!take_prefix(*at == '/' ? at + 1 : at, l.prefix))
        return false;
    *ret = l;
    return true;
}

bool object_location_valid(const char *text)
{
    struct object_location l;

    return object_location_parse(text, &l);
}
