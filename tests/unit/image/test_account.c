/* test_account.c - whom an image's user names. */
#include "cmocka_all.h"

#include <errno.h>

#include "base/auto.h"
#include "image/account.h"

static const char PASSWD[] = "root:x:0:0:root:/root:/bin/sh\n"
                             "app:x:1000:1001::/srv:/bin/sh\n"
                             "broken\n:::\nbad:x:12x:1\n"
                             "7:x:70:71::/:\n"
                             "far:x:70000:1::/:\n"
                             "app:x:5:5::/:\n"
                             "last:x:20:21";
static const char GROUP[] = "root:x:0:\nstaff:x:50:app,root\n1:x:9:\n";

static void whom_it_names(void **state)
{
    static const struct {
        const char *user;
        uint32_t uid, gid;
    } ROWS[] = {{"", 0, 0},           {"root", 0, 0},
                {"app", 1000, 1001},  {"1000", 1000, 1001},
                {"1234", 1234, 0},    {"app:staff", 1000, 50},
                {"app:77", 1000, 77}, {":staff", 0, 50},
                {"0:0", 0, 0},        {"app:", 1000, 1001},
                {"7", 70, 71},        {"last", 20, 21},
                {"5:1", 5, 9},        {"65535:65535", 65535, 65535}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        struct account a;
        struct err e = ERR_INIT;
        if (account_find(ROWS[i].user, PASSWD, GROUP, 65536, &a, &e) < 0)
            fail_msg("'%s': %s", ROWS[i].user, e.text);
        if (a.uid != ROWS[i].uid || a.gid != ROWS[i].gid)
            fail_msg("'%s': %u:%u", ROWS[i].user, a.uid, a.gid);
    }
}

static void whom_it_does_not(void **state)
{
    static const char *const NAMES[] = {"nobody", "app:nobody", "broken",      "bad", "far",
                                        "70000",  "1:65536",    "99999999999", "-1",  "app:-1"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++) {
        struct account a;
        struct err e = ERR_INIT;
        if (account_find(NAMES[i], PASSWD, GROUP, 65536, &a, &e) == 0)
            fail_msg("'%s': %u:%u", NAMES[i], a.uid, a.gid);
        assert_int_equal(e.blame, BLAME_ASSIGNMENT);
    }
}

static void an_image_without_accounts(void **state)
{
    struct account a;
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(account_find("", "", "", 65536, &a, &e), 0);
    assert_int_equal(a.uid + a.gid, 0);
    assert_int_equal(account_find("12:13", "", "", 65536, &a, &e), 0);
    assert_int_equal(a.gid, 13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whom_it_names),
        cmocka_unit_test(whom_it_does_not),
        cmocka_unit_test(an_image_without_accounts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
