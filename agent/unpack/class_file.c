/* class_file.c - see class_file.h. */
#include "unpack/class_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "unpack/member.h"

enum constant {
    CONSTANT_UTF8 = 1,
    CONSTANT_CLASS = 7,
};

struct cursor {
    const unsigned char *at;
    size_t left;
    bool short_of; /* more was wanted than there is */
};

static const unsigned char *take(struct cursor *c, size_t n)
{
    const unsigned char *at = c->at;

    if (c->left < n) {
        c->short_of = true;
        return NULL;
    }
    c->at += n;
    c->left -= n;
    return at;
}

static unsigned take_u2(struct cursor *c)
{
    const unsigned char *at = take(c, 2);

    return at != NULL ? (unsigned)at[0] << 8 | at[1] : 0;
}

/* Bytes behind the tag of a constant of a fixed size; 0: there is no such constant. */
static size_t constant_size(unsigned tag)
{
    static const unsigned char SIZES[] = {
        [3] = 4,  [4] = 4,  [5] = 8,  [6] = 8,  [7] = 2,  [8] = 2,  [9] = 4,  [10] = 4,
        [11] = 4, [12] = 4, [15] = 3, [16] = 2, [17] = 4, [18] = 4, [19] = 2, [20] = 2,
    };

    return tag < sizeof(SIZES) ? SIZES[tag] : 0;
}

/* Moves over one constant. Entries of the pool that it takes, 0 when it is none. */
static unsigned skip_constant(struct cursor *c)
{
    const unsigned char *tag = take(c, 1);
    size_t n;

    if (tag == NULL)
        return 0;
    n = *tag == CONSTANT_UTF8 ? take_u2(c) : constant_size(*tag);
    if (*tag != CONSTANT_UTF8 && n == 0)
        return 0;
    (void)take(c, n);
    if (c->short_of)
        return 0;
    return n == 8 ? 2 : 1;
}

/* Where the constant `wanted` is in a pool of `count`; NULL: there is no such one. *c is behind the pool then. */
static const unsigned char *find_constant(struct cursor *c, unsigned count, unsigned wanted, unsigned tag)
{
    const unsigned char *found = NULL;

    for (unsigned i = 1; i < count;) {
        const unsigned char *at = c->at;
        unsigned entries = skip_constant(c);
        if (entries == 0)
            return NULL;
        if (i == wanted && *at == tag)
            found = at;
        i += entries;
    }
    return found;
}

int class_file_name(const unsigned char *bytes, size_t n, char ret[CLASS_NAME_MAX])
{
    static const unsigned char MAGIC[] = {0xCA, 0xFE, 0xBA, 0xBE};
    struct cursor c = {bytes, n, false};
    struct member_path path = {.text = ""};
    struct err e = ERR_INIT;
    const unsigned char *constant;
    unsigned count, this_class, length;
    struct cursor pool;

    if (n < 10 || memcmp(bytes, MAGIC, sizeof(MAGIC)) != 0)
        return -EINVAL;
    (void)take(&c, 8);
    count = take_u2(&c);
    pool = c;
    (void)find_constant(&c, count, 0, 0);
    (void)take_u2(&c); /* access flags */
    this_class = take_u2(&c);
    if (c.short_of || this_class == 0)
        return -EINVAL;
    c = pool;
    constant = find_constant(&c, count, this_class, CONSTANT_CLASS);
    if (constant == NULL)
        return -EINVAL;
    c = pool;
    constant = find_constant(&c, count, (unsigned)constant[1] << 8 | constant[2], CONSTANT_UTF8);
    length = constant != NULL ? (unsigned)constant[1] << 8 | constant[2] : 0;
    if (length == 0 || length >= CLASS_NAME_MAX || memchr(constant + 3, '\0', length) != NULL)
        return -EINVAL;
    memcpy(ret, constant + 3, length);
    ret[length] = '\0';
    /* It becomes part of a path and a word of a command line: nothing but names between slashes. */
    if (member_path_read(ret, &path, &e) < 0 || strcmp(path.text, ret) != 0 || ret[0] == '-')
        return -EINVAL;
    return 0;
}
