/* image_ref.c - see image_ref.h. The grammar is that of the distribution project's references. */
#include "job/image_ref.h"

#include <stddef.h>
#include <string.h>

#define ALNUM "abcdefghijklmnopqrstuvwxyz0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define HEX   "0123456789abcdef"

bool image_digest_valid(const char *text)
{
    return strncmp(text, "sha256:", 7) == 0 && strlen(text + 7) == 64 && strspn(text + 7, HEX) == 64;
}

static bool take(const char *from, size_t n, char *to, size_t size)
{
    if (n >= size)
        return false;
    memcpy(to, from, n);
    to[n] = '\0';
    return true;
}

/* "[A-Za-z0-9_][A-Za-z0-9_.-]*", 128 at most. */
static bool tag_valid(const char *tag)
{
    size_t n = strlen(tag);

    return n >= 1 && n <= 128 && tag[0] != '.' && tag[0] != '-' && strspn(tag, ALNUM UPPER "_.-") == n;
}

/* One part of the path: letters and digits, with one '.', one or two '_', or any number of '-' between. */
static bool component_valid(const char *part, size_t n)
{
    size_t i = strspn(part, ALNUM);

    if (i == 0)
        return false;
    while (i < n) {
        size_t letters, separator = strspn(part + i, "-");
        if (separator == 0)
            separator = part[i] == '.' ? 1 : part[i] == '_' ? 1 + (part[i + 1] == '_') : 0;
        letters = separator > 0 ? strspn(part + i + separator, ALNUM) : 0;
        if (letters == 0)
            return false;
        i += separator + letters;
    }
    return true;
}

static bool path_valid(const char *path)
{
    for (;;) {
        size_t n = strcspn(path, "/");
        if (!component_valid(path, n))
            return false;
        if (path[n] == '\0')
            return true;
        path += n + 1;
    }
}

/* A first part with a dot, a colon or an upper-case letter, or "localhost", is a registry. */
static size_t registry_size(const char *name)
{
    size_t n = strcspn(name, "/");

    if (name[n] == '\0')
        return 0;
    return strcspn(name, ".:" UPPER) < n || (n == 9 && memcmp(name, "localhost", 9) == 0) ? n : 0;
}

static bool registry_valid(const char *registry)
{
    size_t host = registry[0] == '[' ? strcspn(registry, "]") + 1 : strcspn(registry, ":");
    const char *port = registry + host;

    if (host == 0 || strlen(registry) < host)
        return false;
    if (registry[0] == '[' ? strspn(registry + 1, HEX ":") != host - 2
                           : strspn(registry, ALNUM UPPER ".-") != host)
        return false;
    if (*port == '\0')
        return true;
    return *port == ':' && port[1] != '\0' && strlen(port + 1) <= 5 &&
           strspn(port + 1, "0123456789") == strlen(port + 1);
}

const char *image_ref_parse(const char *text, struct image_ref *ret)
{
    struct image_ref r = {.registry = "docker.io"};
    const char *at = strchr(text, '@');
    size_t n = at != NULL ? (size_t)(at - text) : strlen(text);
    size_t registry;
    char *slash, *colon;

    if (strlen(text) >= IMAGE_REF_MAX)
        return "is longer than 511 characters";
    if (at != NULL &&
        (!image_digest_valid(at + 1) || !take(at + 1, strlen(at + 1), r.digest, sizeof(r.digest))))
        return "has a digest that is not 'sha256:' and 64 hexadecimal digits";
    (void)take(text, n, r.name, sizeof(r.name));
    slash = strrchr(r.name, '/');
    colon = strchr(slash != NULL ? slash : r.name, ':');
    if (colon != NULL) {
        if (!tag_valid(colon + 1) || !take(colon + 1, strlen(colon + 1), r.tag, sizeof(r.tag)))
            return "has a tag that is not up to 128 letters, digits, '_', '.' and '-'";
        *colon = '\0';
    }
    registry = registry_size(r.name);
    if (registry > 0 &&
        (!take(r.name, registry, r.registry, sizeof(r.registry)) || !registry_valid(r.registry)))
        return "has no valid registry before its first '/'";
    if (!path_valid(r.name + registry + (registry > 0)))
        return "has a repository that is not lower-case letters and digits with single '.', '_', '-' or '/' "
               "between";
    *ret = r;
    return NULL;
}
