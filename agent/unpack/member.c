/*
 * member.c - what a member of an archive may be called, where its links may lead, how much it may bring.
 * Pure.
 */
#include "unpack/member.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "base/auto.h"

static int refuse(struct err *e, const char *what)
{
    return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "%s", what);
}

static bool is_control(unsigned char ch)
{
    return ch < 0x20 || ch == 0x7f;
}

static bool part_is(const char *part, size_t n, const char *word)
{
    return n == strlen(word) && memcmp(part, word, n) == 0;
}

/* Appends one part to the normalised path. */
static int add_part(struct member_path *p, size_t *len, const char *part, size_t n, struct err *e)
{
    if (part_is(part, n, ".."))
        return refuse(e, "its name has a '..' part");
    if (n > NAME_MAX)
        return refuse(e, "a part of its name is longer than 255 bytes");
    if (*len + n + 1 > MEMBER_PATH_MAX)
        return refuse(e, "its path is too long");
    if (*len > 0) {
        if (++p->depth > MEMBER_DEPTH_MAX)
            return refuse(e, "it lies too deep (more than 128 folders)");
        p->text[(*len)++] = '/';
    }
    memcpy(p->text + *len, part, n);
    *len += n;
    p->text[*len] = '\0';
    return 0;
}

int member_path_read(const char *raw, struct member_path *ret, struct err *e)
{
    struct member_path p = {.text = "", .depth = 0};
    size_t len = 0;
    int r = 0;

    if (raw[0] == '\0')
        return refuse(e, "it has no name");
    if (raw[0] == '/')
        return refuse(e, "its name is an absolute path");
    for (const char *c = raw; *c != '\0'; c++)
        if (is_control((unsigned char)*c))
            return refuse(e, "its name has a control character");
    while (*raw != '\0') {
        size_t n = strcspn(raw, "/");
        if (n > 0 && !part_is(raw, n, "."))
            r = add_part(&p, &len, raw, n, e);
        if (r < 0)
            return r;
        raw += n;
        raw += *raw == '/';
    }
    *ret = p;
    return 0;
}

int member_symlink_check(const struct member_path *link, const char *target, struct err *e)
{
    unsigned up = 0;
    bool leading = true;

    if (target[0] == '\0')
        return refuse(e, "it is a link to nothing");
    if (target[0] == '/')
        return refuse(e, "it is a link to an absolute path");
    if (strlen(target) > MEMBER_PATH_MAX)
        return refuse(e, "its link target is too long");
    while (*target != '\0') {
        size_t n = strcspn(target, "/");
        if (part_is(target, n, "..")) {
            if (!leading)
                return refuse(
                    e, "its link target has a '..' after a folder; '..' is accepted at the start only");
            up++;
        } else if (n > 0 && !part_is(target, n, ".")) {
            leading = false;
        }
        target += n;
        target += *target == '/';
    }
    if (up > link->depth)
        return refuse(e, "it is a link out of the archive");
    return 0;
}

bool member_is_junk(const char *path)
{
    static const char FOLDER[] = "__MACOSX";
    static const char FILE_NAME[] = ".DS_Store";
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;

    if (strcmp(base, FILE_NAME) == 0)
        return true;
    return strncmp(path, FOLDER, sizeof(FOLDER) - 1) == 0 &&
           (path[sizeof(FOLDER) - 1] == '/' || path[sizeof(FOLDER) - 1] == '\0');
}

unsigned member_file_mode(unsigned mode)
{
    return (mode & 0111) != 0 ? 0755 : 0644;
}

const char *member_print(const char *name, char out[MEMBER_PRINT_MAX + 1])
{
    static const char CUT[] = "...";
    size_t n = strlen(name);
    size_t keep = n <= MEMBER_PRINT_MAX ? n : MEMBER_PRINT_MAX - (sizeof(CUT) - 1);

    for (size_t i = 0; i < keep; i++)
        out[i] = is_control((unsigned char)name[i]) ? '?' : name[i];
    out[keep] = '\0';
    if (keep < n)
        memcpy(out + keep, CUT, sizeof(CUT));
    return out;
}

int usage_check(const struct unpack_usage *u, const struct unpack_limits *l, struct err *e)
{
    if (u->members > l->max_files)
        return err_set(e, -EFBIG, BLAME_ASSIGNMENT, "more than %" PRIu64 " files and folders", l->max_files);
    if (u->bytes > l->max_bytes)
        return err_set(e, -EFBIG, BLAME_ASSIGNMENT, "unpacks to more than %" PRIu64 " bytes", l->max_bytes);
    if (u->inflated > RATIO_FLOOR_BYTES && u->inflated / l->max_ratio > u->packed)
        return err_set(e, -EFBIG, BLAME_ASSIGNMENT, "unpacks to more than %" PRIu64 " times its size",
                       l->max_ratio);
    return 0;
}

bool entry_extension_known(const char *path)
{
    static const char *const KNOWN[] = {".py", ".sh", ".bash", ".jar"};
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash != NULL ? slash : path, '.');

    for (size_t i = 0; dot != NULL && i < ARRAY_SIZE(KNOWN); i++)
        if (strcmp(dot, KNOWN[i]) == 0)
            return true;
    return false;
}
