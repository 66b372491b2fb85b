/* test_member.c - names, link targets, modes and limits of archive members, as tables. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "unpack/member.h"

static void accepted_paths(void **state)
{
    static const struct {
        const char *raw;
        const char *text;
        unsigned depth;
    } CASES[] = {
        {"a", "a", 0},
        {"a/b/c.py", "a/b/c.py", 2},
        {"./a.py", "a.py", 0},
        {"./", "", 0},
        {".", "", 0},
        {"d/", "d", 0},
        {"d//e///f", "d/e/f", 2},
        {"d/./e", "d/e", 1},
        {"...", "...", 0},
        {"..a/b..", "..a/b..", 1},
        {"a\\..\\b", "a\\..\\b", 0},
        {"C:\\x", "C:\\x", 0},
        {"\xC3\xA9\xFF", "\xC3\xA9\xFF", 0},
        {" ", " ", 0},
        {"-rf", "-rf", 0},
        {"~root", "~root", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct member_path p = {.text = "untouched"};
        struct err e = ERR_INIT;
        if (member_path_read(CASES[i].raw, &p, &e) < 0)
            fail_msg("%s: %s", CASES[i].raw, e.text);
        assert_string_equal(p.text, CASES[i].text);
        assert_int_equal(p.depth, CASES[i].depth);
    }
}

static void refused_paths(void **state)
{
    static const struct {
        const char *raw;
        const char *says;
    } CASES[] = {
        {"", "no name"},     {"/", "absolute"},  {"/etc/passwd", "absolute"}, {"//a", "absolute"},
        {"..", "'..'"},      {"../a", "'..'"},   {"a/../b", "'..'"},          {"a/..", "'..'"},
        {"a/../", "'..'"},   {"./../a", "'..'"}, {"a\nb", "control"},         {"a/\x01", "control"},
        {"\x7f", "control"}, {"a\r", "control"}, {"\x1b[31m", "control"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct member_path p = {.text = "untouched"};
        struct err e = ERR_INIT;
        int r = member_path_read(CASES[i].raw, &p, &e);
        if (r != -EINVAL || strstr(e.text, CASES[i].says) == NULL)
            fail_msg("case %zu: %d %s", i, r, e.text);
        assert_int_equal(e.blame, BLAME_ASSIGNMENT);
        assert_string_equal(p.text, "untouched");
    }
}

/* Fills out with `count` times `part`, joined by '/'. */
static char *repeat(const char *part, size_t count)
{
    size_t n = strlen(part);
    char *out = malloc(count * (n + 1) + 1);

    assert_non_null(out);
    for (size_t i = 0; i < count; i++) {
        memcpy(out + i * (n + 1), part, n);
        out[i * (n + 1) + n] = '/';
    }
    out[count * (n + 1) - 1] = '\0';
    return out;
}

static void size_of_paths(void **state)
{
    char part[257];
    struct member_path p;
    struct err e = ERR_INIT;

    (void)state;
    memset(part, 'x', sizeof(part));
    part[255] = '\0';
    assert_int_equal(member_path_read(part, &p, &e), 0);
    AUTO_FREE char *fits = repeat(part, 15); /* 3839 bytes */
    assert_int_equal(member_path_read(fits, &p, &e), 0);
    assert_string_equal(p.text, fits);
    AUTO_FREE char *too_long = repeat(part, 16);
    assert_int_equal(member_path_read(too_long, &p, &e), -EINVAL);
    assert_non_null(strstr(e.text, "too long"));
    part[255] = 'x';
    part[256] = '\0';
    assert_int_equal(member_path_read(part, &p, &e), -EINVAL);
    assert_non_null(strstr(e.text, "255 bytes"));
    AUTO_FREE char *deep = repeat("d", MEMBER_DEPTH_MAX + 1);
    assert_int_equal(member_path_read(deep, &p, &e), 0);
    assert_int_equal(p.depth, MEMBER_DEPTH_MAX);
    AUTO_FREE char *too_deep = repeat("d", MEMBER_DEPTH_MAX + 2);
    assert_int_equal(member_path_read(too_deep, &p, &e), -EINVAL);
    assert_non_null(strstr(e.text, "too deep"));
}

static void symbolic_links(void **state)
{
    static const struct {
        const char *link;
        const char *target;
        const char *says; /* NULL: accepted */
    } CASES[] = {
        {"l", "a", NULL},
        {"l", "d/a", NULL},
        {"l", ".", NULL},
        {"l", "./a", NULL},
        {"d/l", "../a", NULL},
        {"d/l", "..", NULL},
        {"d/e/l", "../../a", NULL},
        {"d/e/l", ".././../a", NULL},
        {"l", "missing", NULL},
        {"l", "..x", NULL},
        {"l", "", "nothing"},
        {"l", "/", "absolute"},
        {"l", "/etc/passwd", "absolute"},
        {"l", "..", "out of the archive"},
        {"l", "../a", "out of the archive"},
        {"d/l", "../../a", "out of the archive"},
        {"d/l", "./../../a", "out of the archive"},
        /* Level by its words, but it climbs out when d is a link to "." */
        {"l", "d/../a", "at the start only"},
        {"d/e/l", "../x/../../a", "at the start only"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct member_path link;
        struct err e = ERR_INIT;
        assert_int_equal(member_path_read(CASES[i].link, &link, &e), 0);
        int r = member_symlink_check(&link, CASES[i].target, &e);
        bool ok = CASES[i].says == NULL ? r == 0 : r == -EINVAL && strstr(e.text, CASES[i].says) != NULL;
        if (!ok)
            fail_msg("%s -> %s: %d %s", CASES[i].link, CASES[i].target, r, e.text);
    }
}

static void litter(void **state)
{
    static const struct {
        const char *path;
        bool junk;
    } CASES[] = {
        {"__MACOSX", true},    {"__MACOSX/._a", true}, {"__MACOSX/d/._a", true},
        {".DS_Store", true},   {"d/.DS_Store", true},  {"__MACOSXX", false},
        {"d/__MACOSX", false}, {".DS_Storey", false},  {"x.DS_Store", false},
        {"", false},           {"a", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
        if (member_is_junk(CASES[i].path) != CASES[i].junk)
            fail_msg("%s", CASES[i].path);
}

static void modes(void **state)
{
    static const unsigned CASES[][2] = {
        {0, 0644},     {0600, 0644},  {0644, 0644},    {0666, 0644},    {0755, 0755},
        {0700, 0755},  {0777, 0755},  {0001, 0755},    {04755, 0755},   {06644, 0644},
        {01777, 0755}, {04000, 0644}, {0100644, 0644}, {0104711, 0755},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
        assert_int_equal(member_file_mode(CASES[i][0]), CASES[i][1]);
}

static void limits(void **state)
{
    static const struct unpack_limits L = {.max_bytes = 1ULL << 40, .max_files = 10, .max_ratio = 100};
    static const struct {
        struct unpack_usage use;
        const char *says; /* NULL: within */
    } CASES[] = {
        {{.members = 10, .bytes = 1ULL << 40}, NULL},
        {{.members = 11}, "more than 10 files"},
        {{.bytes = (1ULL << 40) + 1}, "more than 1099511627776 bytes"},
        {{.bytes = UINT64_MAX}, "bytes"},
        /* Below the floor no ratio is refused. */
        {{.inflated = RATIO_FLOOR_BYTES, .packed = 1}, NULL},
        {{.inflated = RATIO_FLOOR_BYTES + 1, .packed = 1}, "100 times"},
        {{.inflated = 200ULL << 20, .packed = 2ULL << 20}, NULL},
        {{.inflated = 201ULL << 20, .packed = 2ULL << 20}, "100 times"},
        {{.inflated = UINT64_MAX, .packed = UINT64_MAX}, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct err e = ERR_INIT;
        int r = usage_check(&CASES[i].use, &L, &e);
        bool ok = CASES[i].says == NULL ? r == 0 : r == -EFBIG && strstr(e.text, CASES[i].says) != NULL;
        if (!ok)
            fail_msg("case %zu: %d %s", i, r, e.text);
    }
}

static void printing(void **state)
{
    char out[MEMBER_PRINT_MAX + 1];
    char longest[MEMBER_PRINT_MAX + 2];

    (void)state;
    assert_string_equal(member_print("a\n\x1b[1mb", out), "a??[1mb");
    memset(longest, 'x', sizeof(longest));
    longest[MEMBER_PRINT_MAX] = '\0';
    assert_string_equal(member_print(longest, out), longest);
    longest[MEMBER_PRINT_MAX] = 'x';
    longest[MEMBER_PRINT_MAX + 1] = '\0';
    (void)member_print(longest, out);
    assert_int_equal(strlen(out), MEMBER_PRINT_MAX);
    assert_string_equal(out + MEMBER_PRINT_MAX - 4, "x...");
}

static void extensions(void **state)
{
    (void)state;
    assert_true(entry_extension_known("a.py"));
    assert_true(entry_extension_known("d/a.b.sh"));
    assert_true(entry_extension_known("x.jar"));
    assert_false(entry_extension_known("py"));
    assert_false(entry_extension_known("d.py/a"));
    assert_false(entry_extension_known("a.pyc"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted_paths), cmocka_unit_test(refused_paths), cmocka_unit_test(size_of_paths),
        cmocka_unit_test(symbolic_links), cmocka_unit_test(litter),        cmocka_unit_test(modes),
        cmocka_unit_test(limits),         cmocka_unit_test(printing),      cmocka_unit_test(extensions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
