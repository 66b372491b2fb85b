/* test_helper.c - programs started, heard, ended and abandoned without being waited for. */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "supervisor/helper.h"
#include "sys/fd.h"

/* Far more than any of the programs needs. */
#define PATIENCE_MS 60000

static struct helper_order shell(char *const argv[])
{
    return (struct helper_order){
        .path = "/bin/sh", .argv = argv, .capabilities = CAPABILITIES_ALL, .budget_ms = PATIENCE_MS};
}

/* As the supervisor's loop does it, with the time that the test says. */
static void follow(struct helper *h, boot_ms_t until)
{
    while (helper_is_active(h) && clock_boot().ms < until.ms) {
        struct pollfd p = {.fd = h->said_fd, .events = POLLIN};
        (void)poll(&p, 1, 10);
        helper_read(h);
        (void)helper_reap(h);
        (void)helper_due(h, clock_boot());
    }
}

static int run(const struct helper_order *order, struct helper *h, struct err *e)
{
    boot_ms_t now = clock_boot();
    int r = helper_start(order, now, h, e);

    if (r < 0)
        return r;
    follow(h, (boot_ms_t){now.ms + PATIENCE_MS});
    assert_int_equal(h->state, HELPER_ENDED);
    return helper_result(h, e);
}

static int run_script(const char *script, struct helper *h, struct err *e)
{
    char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char *)(uintptr_t)script, NULL};
    const struct helper_order order = shell(argv);

    return run(&order, h, e);
}

static void ends_are_told_apart(void **state)
{
    static const struct {
        const char *script;
        int code;
        const char *says;
    } CASES[] = {
        {"exit 0", 0, ""},
        {"echo fine", 0, ""},
        {"echo first; echo 'no such device' >&2; exit 3", -EIO,
         "sh failed with status 3: first; no such device"},
        {"exit 127", -EIO, "sh failed with status 127"},
        {"kill -9 $$", -EINTR, "sh was ended by signal 9"},
        {"printf 'a\\001b\\033[1m' >&2; exit 1", -EIO, "sh failed with status 1: a?b?[1m"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct helper h = HELPER_INIT;
        struct err e = ERR_INIT;
        int r = run_script(CASES[i].script, &h, &e);
        if (r != CASES[i].code || strcmp(e.text, CASES[i].says) != 0)
            fail_msg("case %zu: %d %s", i, r, e.text);
        helper_close(&h);
    }
}

static void one_that_is_not_there(void **state)
{
    char *const argv[] = {(char[]){"mkfs.none"}, NULL};
    const struct helper_order order = {.path = "/nonexistent/mkfs.none",
                                       .argv = argv,
                                       .capabilities = CAPABILITIES_ALL,
                                       .budget_ms = PATIENCE_MS};
    struct helper h = HELPER_INIT;
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(run(&order, &h, &e), -ENOENT);
    assert_string_equal(e.text, "mkfs.none is not installed");
    assert_int_equal(e.blame, BLAME_NODE);
    helper_close(&h);
}

/* Of much output the end is kept, and from there whole lines. */
static void the_last_words_count(void **state)
{
    struct helper h = HELPER_INIT;
    struct err e = ERR_INIT;
    char words[HELPER_WORDS_MAX];

    (void)state;
    assert_int_equal(
        run_script("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; echo the end; exit 1", &h,
                   &e),
        -EIO);
    helper_last_words(&h, words, sizeof(words));
    assert_memory_equal(words, "line 19", 7);
    assert_non_null(strstr(words, "line 19999; the end"));
    helper_close(&h);
}

static void descriptors_have_their_numbers(void **state)
{
    AUTO(strbuf) struct strbuf got = STRBUF_INIT(4096);
    char *const argv[] = {(char[]){"sh"}, (char[]){"-c"},
                          (char[]){"cat <&0 >&7; echo to-stdout; ls /proc/self/fd | tr '\\n' ' ' >&7"}, NULL};
    struct helper_order order = shell(argv);
    int in = fd_sealed("in", "given ", 6);
    int ends[2];
    struct helper h = HELPER_INIT;
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    /* Numbers that cross: what is 7 in the program may be anything here. */
    order.fds = (const struct helper_fd[]){{.fd = in, .as = STDIN_FILENO}, {.fd = ends[1], .as = 7}};
    order.fd_count = 2;
    assert_int_equal(run(&order, &h, &e), 0);
    (void)close(ends[1]);
    (void)close(in);
    assert_int_equal(fd_read_all(ends[0], &got), 0);
    /* 3 is the folder that ls has open. */
    assert_string_equal(strbuf_str(&got), "given 0 1 2 3 7 ");
    assert_memory_equal(h.words, "to-stdout\n", 10);
    (void)close(ends[0]);
    helper_close(&h);
}

static void late_ones_are_killed(void **state)
{
    char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char[]){"trap '' TERM; echo busy; sleep 600"},
                          NULL};
    struct helper_order order = shell(argv);
    struct helper h = HELPER_INIT;
    struct err e = ERR_INIT;

    (void)state;
    order.budget_ms = 200;
    assert_int_equal(run(&order, &h, &e), -ETIMEDOUT);
    assert_non_null(strstr(e.text, "sh did not end in time"));
    helper_close(&h);
}

/* With the time of a clock that runs ahead: a killed helper that cannot be reaped in time is let go. */
static void what_cannot_be_ended_is_abandoned(void **state)
{
    char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char[]){"sleep 600"}, NULL};
    const struct helper_order order = shell(argv);
    const boot_ms_t start = {1000};
    struct helper h = HELPER_INIT;
    struct err e = ERR_INIT;
    int status;

    (void)state;
    assert_int_equal(helper_start(&order, start, &h, &e), 0);
    assert_int_equal(helper_due(&h, start), start.ms + PATIENCE_MS);
    assert_int_equal(h.state, HELPER_RUNNING);
    assert_int_equal(helper_due(&h, (boot_ms_t){start.ms + PATIENCE_MS}),
                     start.ms + PATIENCE_MS + HELPER_ABANDON_MS);
    assert_int_equal(h.state, HELPER_KILLED);
    assert_int_equal(helper_due(&h, (boot_ms_t){start.ms + PATIENCE_MS + HELPER_ABANDON_MS}), INT64_MAX);
    assert_int_equal(h.state, HELPER_ABANDONED);
    assert_false(helper_is_active(&h));
    assert_false(helper_reap(&h));
    assert_int_equal(helper_result(&h, &e), -ETIMEDOUT);
    assert_non_null(strstr(e.text, "not even by SIGKILL"));
    assert_int_equal(waitpid(h.pid, &status, 0), h.pid);
    helper_close(&h);
}

/* What it leaves behind in its session ends with it. */
static void its_children_go_with_it(void **state)
{
    struct helper h = HELPER_INIT;
    struct err e = ERR_INIT;
    char words[HELPER_WORDS_MAX];
    uint64_t child = 0;
    boot_ms_t until = {clock_boot().ms + PATIENCE_MS};

    (void)state;
    assert_int_equal(run_script("sleep 600 > /dev/null 2>&1 & echo $!", &h, &e), 0);
    helper_last_words(&h, words, sizeof(words));
    assert_int_equal(parse_u64(words, INT32_MAX, &child), 0);
    while (kill((pid_t)child, 0) == 0 && clock_boot().ms < until.ms) {
        char path[64], stat[512] = "";
        AUTO_CLOSE int fd = -1;
        (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)child);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || read(fd, stat, sizeof(stat) - 1) <= 0 || strstr(stat, ") Z ") != NULL)
            break; /* a zombie is up to whoever adopts here */
        (void)poll(NULL, 0, 10);
    }
    assert_true(clock_boot().ms < until.ms);
    helper_close(&h);
}

static void a_line_of_status(const char *status, const char *key, char *ret, size_t size)
{
    const char *line = strstr(status, key);

    assert_non_null(line);
    (void)snprintf(ret, size, "%.*s", (int)strcspn(line, "\n"), line);
}

/* Runs `cat /proc/self/status` with the order's identity. */
static void status_of(struct helper_order order, struct strbuf *text)
{
    char *const argv[] = {(char[]){"cat"}, (char[]){"/proc/self/status"}, NULL};
    AUTO_CLOSE int out = -1;
    int ends[2];
    struct helper h = HELPER_INIT;
    struct err e = ERR_INIT;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    out = ends[0];
    order.path = "/bin/cat";
    order.argv = argv;
    order.budget_ms = PATIENCE_MS;
    order.fds = (const struct helper_fd[]){{.fd = ends[1], .as = STDOUT_FILENO}};
    order.fd_count = 1;
    if (run(&order, &h, &e) != 0)
        fail_msg("%s", e.text);
    (void)close(ends[1]);
    assert_int_equal(fd_read_all(out, text), 0);
    helper_close(&h);
}

static void privileges_are_given_up(void **state)
{
    static const struct user_ids SOMEBODY = {.uid = 4711, .gid = 4712};
    static const struct {
        const struct user_ids *user;
        uint64_t keep;
        const char *uid, *effective, *ambient;
    } CASES[] = {
        {NULL, 0, "Uid:\t0\t0\t0\t0", "CapEff:\t0000000000000000", "CapAmb:\t0000000000000000"},
        {NULL, CAPABILITY_BIT(CAP_KILL), "Uid:\t0\t0\t0\t0", "CapEff:\t0000000000000020",
         "CapAmb:\t0000000000000000"},
        {&SOMEBODY, 0, "Uid:\t4711\t4711\t4711\t4711", "CapEff:\t0000000000000000",
         "CapAmb:\t0000000000000000"},
        {&SOMEBODY, CAPABILITY_BIT(CAP_KILL) | CAPABILITY_BIT(CAP_CHOWN), "Uid:\t4711\t4711\t4711\t4711",
         "CapEff:\t0000000000000021", "CapAmb:\t0000000000000021"},
    };

    (void)state;
    if (geteuid() != 0)
        skip(); /* only root has privileges to give up */
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(strbuf) struct strbuf text = STRBUF_INIT(16384);
        char line[128];
        status_of((struct helper_order){.user = CASES[i].user, .capabilities = CASES[i].keep}, &text);
        a_line_of_status(strbuf_str(&text), "Uid:", line, sizeof(line));
        assert_string_equal(line, CASES[i].uid);
        a_line_of_status(strbuf_str(&text), "CapEff:", line, sizeof(line));
        assert_string_equal(line, CASES[i].effective);
        a_line_of_status(strbuf_str(&text), "CapAmb:", line, sizeof(line));
        assert_string_equal(line, CASES[i].ambient);
        a_line_of_status(strbuf_str(&text), "NoNewPrivs:", line, sizeof(line));
        assert_string_equal(line, "NoNewPrivs:\t1");
        a_line_of_status(strbuf_str(&text), "Groups:", line, sizeof(line));
        if (CASES[i].user != NULL)
            assert_string_equal(line, "Groups:\t ");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_are_told_apart),     cmocka_unit_test(one_that_is_not_there),
        cmocka_unit_test(the_last_words_count),    cmocka_unit_test(descriptors_have_their_numbers),
        cmocka_unit_test(late_ones_are_killed),    cmocka_unit_test(what_cannot_be_ended_is_abandoned),
        cmocka_unit_test(its_children_go_with_it), cmocka_unit_test(privileges_are_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
