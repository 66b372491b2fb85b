// USES: unpack
/* fuzz_archive_paths.c - a path that is accepted is relative, clean, and stays the same when it is read
 * again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "unpack/member.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static void check_clean(const struct member_path *p)
{
    unsigned slashes = 0;

    require(p->text[0] != '/');
    for (const char *part = p->text; *part != '\0';) {
        size_t n = strcspn(part, "/");
        require(n > 0 && n <= 255);
        require(!(n == 1 && part[0] == '.') && !(n == 2 && part[0] == '.' && part[1] == '.'));
        part += n;
        if (*part == '/') {
            slashes++;
            part++;
            require(*part != '\0');
        }
    }
    require(slashes == p->depth && p->depth <= MEMBER_DEPTH_MAX && strlen(p->text) <= MEMBER_PATH_MAX);
}

/* Where target leads from the link's folder, by its words alone, is never above the root. */
static void check_target(const struct member_path *link, const char *target)
{
    long level = (long)link->depth;

    require(target[0] != '/');
    while (*target != '\0') {
        size_t n = strcspn(target, "/");
        if (n == 2 && target[0] == '.' && target[1] == '.')
            level--;
        else if (n > 0 && !(n == 1 && target[0] == '.'))
            level++;
        require(level >= 0);
        target += n;
        target += *target == '/';
    }
}

/* The input is a path and, after a NUL, the target of a link there. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *text = malloc(size + 2);
    char print[MEMBER_PRINT_MAX + 1];
    struct member_path p = {.text = ""};
    struct member_path again = {.text = ""};
    struct err e = ERR_INIT;
    const char *target = NULL;

    require(text != NULL);
    memcpy(text, data, size);
    text[size] = text[size + 1] = '\0';
    target = text + strlen(text) + 1;
    require(strlen(member_print(text, print)) <= MEMBER_PRINT_MAX);
    if (member_path_read(text, &p, &e) < 0)
        return 0;
    check_clean(&p);
    if (p.text[0] == '\0')
        return 0;
    require(member_path_read(p.text, &again, &e) == 0 && strcmp(again.text, p.text) == 0 &&
            again.depth == p.depth);
    (void)member_is_junk(p.text);
    if (strlen(text) < size && member_symlink_check(&p, target, &e) == 0)
        check_target(&p, target);
    return 0;
}
