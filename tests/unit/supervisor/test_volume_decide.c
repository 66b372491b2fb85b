/* test_volume_decide.c - what becomes of a volume: blank ones alone are formatted. */
#include "cmocka_all.h"

#include <string.h>

#include "base/auto.h"
#include "supervisor/volume_decide.h"

#define GIB    (1LL << 30)
#define OURS   "11111111-2222-3333-4444-555555555555"
#define THEIRS "99999999-2222-3333-4444-555555555555"
#define FS     .usage = "filesystem"

static void the_table(void **state)
{
    static const struct {
        const char *what;
        struct volume_facts f;
        int64_t wanted;
        enum volume_action action;
        const char *says;
    } CASES[] = {
        {"blank", {.bytes = GIB, .empty = true}, 0, VOLUME_FORMAT, NULL},
        {"blank, as large as wanted", {.bytes = GIB, .empty = true}, GIB, VOLUME_FORMAT, NULL},
        {"blank, too small", {.bytes = GIB, .empty = true}, GIB + 1, VOLUME_REFUSE, "it has 1024 MiB"},
        {"too small for anything", {.bytes = 1 << 20, .empty = true}, 0, VOLUME_REFUSE, "needs 32"},
        {"data without a signature", {.bytes = GIB}, 0, VOLUME_REFUSE, "without a known signature"},
        {"our mkfs ended early", {.bytes = GIB, .mark = OURS}, 0, VOLUME_FORMAT, NULL},
        {"our mkfs ended late",
         {.bytes = GIB, .signature = "ext4", FS, .uuid = OURS, .mark = OURS, .system_bytes = GIB},
         0,
         VOLUME_FORMAT,
         NULL},
        {"our mark, another's file system",
         {.bytes = GIB, .signature = "ext4", FS, .uuid = THEIRS, .mark = OURS, .system_bytes = GIB},
         0,
         VOLUME_MOUNT,
         NULL},
        {"our mark, another's partitions",
         {.bytes = GIB, .signature = "gpt", .usage = "partitions", .mark = OURS},
         0,
         VOLUME_REFUSE,
         "something else: gpt"},
        {"our XFS, not complete",
         {.bytes = GIB, .signature = "xfs", FS, .label = VOLUME_LABEL, .unfinished = true},
         0,
         VOLUME_FORMAT,
         NULL},
        {"another's XFS, not complete",
         {.bytes = GIB, .signature = "xfs", FS, .label = "data", .unfinished = true},
         0,
         VOLUME_REFUSE,
         "was not runlet's"},
        {"ext4", {.bytes = GIB, .signature = "ext4", FS, .system_bytes = GIB}, 0, VOLUME_MOUNT, NULL},
        {"ext4 of unknown size", {.bytes = GIB, .signature = "ext4", FS}, 0, VOLUME_MOUNT, NULL},
        {"ext3", {.bytes = GIB, .signature = "ext3", FS, .system_bytes = GIB}, 0, VOLUME_MOUNT, NULL},
        {"a little left over",
         {.bytes = GIB, .signature = "xfs", FS, .system_bytes = GIB - VOLUME_SLACK_BYTES + 1},
         0,
         VOLUME_MOUNT,
         NULL},
        {"grown",
         {.bytes = 2 * GIB, .signature = "xfs", FS, .system_bytes = GIB},
         0,
         VOLUME_MOUNT_GROWN,
         NULL},
        {"cut off",
         {.bytes = GIB, .signature = "ext4", FS, .system_bytes = 2 * GIB},
         0,
         VOLUME_REFUSE,
         "cut off"},
        {"formatted, too small",
         {.bytes = GIB, .signature = "ext4", FS, .system_bytes = GIB},
         2 * GIB,
         VOLUME_REFUSE,
         "larger volume"},
        {"LUKS",
         {.bytes = GIB, .signature = "crypto_LUKS", .usage = "crypto"},
         0,
         VOLUME_REFUSE,
         "crypto_LUKS"},
        {"LVM", {.bytes = GIB, .signature = "LVM2_member", .usage = "raid"}, 0, VOLUME_REFUSE, "LVM2_member"},
        {"ZFS",
         {.bytes = GIB, .signature = "zfs_member", .usage = "filesystem"},
         0,
         VOLUME_REFUSE,
         "zfs_member"},
        {"swap", {.bytes = GIB, .signature = "swap", .usage = "other"}, 0, VOLUME_REFUSE, "swap"},
        {"vfat", {.bytes = GIB, .signature = "vfat", FS}, 0, VOLUME_REFUSE, "vfat"},
        {"a table, with zeros at both ends",
         {.bytes = GIB, .signature = "dos", .usage = "partitions", .empty = true},
         0,
         VOLUME_REFUSE,
         "wipefs"},
        {"two things", {.bytes = GIB, .ambiguous = true, .empty = true}, 0, VOLUME_REFUSE, "more than one"},
        {"ext4 in name alone",
         {.bytes = GIB, .signature = "ext4", .usage = "raid"},
         0,
         VOLUME_REFUSE,
         "ext4"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct err e = ERR_INIT;
        enum volume_action action = volume_decide(&CASES[i].f, CASES[i].wanted, true, &e);
        if (action != CASES[i].action)
            fail_msg("%s: %s (%s)", CASES[i].what, volume_action_name(action), e.text);
        if (CASES[i].says != NULL && strstr(e.text, CASES[i].says) == NULL)
            fail_msg("%s: %s", CASES[i].what, e.text);
    }
}

/* Whatever else is true: a signature that is not ours means that nothing is formatted. */
static void a_signature_is_never_formatted(void **state)
{
    static const char *const SIGNATURES[] = {"ext4", "xfs", "btrfs", "gpt", "swap", "linux_raid_member"};
    static const char *const USAGES[] = {"", "filesystem", "raid", "crypto", "other", "partitions"};

    (void)state;
    for (size_t s = 0; s < ARRAY_SIZE(SIGNATURES); s++)
        for (size_t u = 0; u < ARRAY_SIZE(USAGES); u++)
            for (unsigned bits = 0; bits < 16; bits++) {
                struct volume_facts f = {.bytes = GIB,
                                         .uuid = THEIRS,
                                         .label = "data",
                                         .empty = bits & 1,
                                         .ambiguous = bits & 2,
                                         .unfinished = bits & 4};
                struct err e = ERR_INIT;
                strcpy(f.signature, SIGNATURES[s]);
                strcpy(f.usage, USAGES[u]);
                if ((bits & 8) != 0)
                    strcpy(f.mark, OURS);
                assert_int_not_equal(volume_decide(&f, 0, true, &e), VOLUME_FORMAT);
            }
}

static void growth_can_be_forbidden(void **state)
{
    const struct volume_facts f = {.bytes = 2 * GIB, .signature = "ext4", FS, .system_bytes = GIB};
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(volume_decide(&f, 0, false, &e), VOLUME_MOUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table),
        cmocka_unit_test(a_signature_is_never_formatted),
        cmocka_unit_test(growth_can_be_forbidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
