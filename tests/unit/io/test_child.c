/* test_child.c - programs beside the loop: what they say, how they end, and that they end with who started them. */
#include "cmocka_all.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/parse.h"
#include "io/child.h"

struct seen {
    struct loop *loop;
    struct child *child;
    int calls, wait_status;
    bool late, too_much;
    char out[64], words[64];
    size_t out_size;
};

static void done(void *context, const struct child_end *end)
{
    struct seen *s = context;

    s->calls++;
    s->wait_status = end->wait_status;
    s->late = end->late;
    s->too_much = end->too_much;
    s->out_size = end->out_size;
    (void)snprintf(s->out, sizeof(s->out), "%s", end->out);
    (void)snprintf(s->words, sizeof(s->words), "%s", end->words);
    loop_stop(s->loop);
}

static void begin(struct seen *s, const char *script, int64_t budget_ms, size_t out_max)
{
    char *argv[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, (char *)(uintptr_t)script, NULL};
    char *environment[] = {(char[]){"ONLY=this"}, NULL};
    struct err e = ERR_INIT;

    *s = (struct seen){.loop = loop_new(&e)};
    assert_non_null(s->loop);
    s->child =
        child_start(s->loop, &(struct child_order){argv, environment, budget_ms, out_max}, done, s, &e);
    assert_non_null(s->child);
}

static void finish(struct seen *s)
{
    child_free(s->child);
    loop_free(s->loop);
}

static void what_it_says(void **state)
{
    struct seen s;

    (void)state;
    begin(&s, "read x; echo \"$ONLY$x$HOME\"; printf 'a\\001b\\n\\n' >&2; exit 3", 60000, 1000);
    loop_run(s.loop);
    assert_int_equal(s.calls, 1);
    assert_true(WIFEXITED(s.wait_status));
    assert_int_equal(WEXITSTATUS(s.wait_status), 3);
    assert_string_equal(s.out, "this\n");
    assert_string_equal(s.words, "a?b");
    assert_false(s.late || s.too_much);
    finish(&s);
}

static void too_long_and_too_much(void **state)
{
    struct seen s;

    (void)state;
    begin(&s, "sleep 1000 & sleep 1000", 100, 1000);
    loop_run(s.loop);
    assert_true(s.late && WIFSIGNALED(s.wait_status));
    finish(&s);
    begin(&s, "while :; do echo 0123456789; done", 60000, 1000);
    loop_run(s.loop);
    assert_true(s.too_much && !s.late);
    assert_true(s.out_size <= 1001);
    finish(&s);
}

static void what_is_not_there(void **state)
{
    char *argv[] = {(char[]){"/nonexistent/program"}, NULL};
    char *environment[] = {NULL};
    struct err e = ERR_INIT;
    struct seen s = {.loop = loop_new(&e)};

    (void)state;
    s.child = child_start(s.loop, &(struct child_order){argv, environment, 60000, 10}, done, &s, &e);
    assert_non_null(s.child);
    loop_run(s.loop);
    assert_int_equal(WEXITSTATUS(s.wait_status), 127);
    finish(&s);
}

/* Freed before its end: it is gone, with what it started, and nobody is called. */
static void freed_early(void **state)
{
    struct seen s;
    char text[32] = "";
    int pair[2];
    char script[128];
    uint64_t pid;
    ssize_t n;

    (void)state;
    assert_int_equal(pipe(pair), 0);
    (void)snprintf(script, sizeof(script), "sleep 1000 & echo $! > /proc/%d/fd/%d; wait", (int)getpid(),
                   pair[1]);
    begin(&s, script, 60000, 1000);
    n = read(pair[0], text, sizeof(text) - 1);
    assert_true(n > 1);
    text[n - 1] = '\0';
    assert_int_equal(parse_u64(text, INT32_MAX, &pid), 0);
    finish(&s);
    for (int i = 0; i < 5000 && kill((pid_t)pid, 0) == 0; i++) {
        char path[64], line[256] = "";
        FILE *f;
        (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        f = fopen(path, "re");
        if (f == NULL || fgets(line, sizeof(line), f) == NULL || strstr(line, ") Z ") != NULL)
            i = 5000; /* a zombie that nobody has reaped yet has ended */
        if (f != NULL)
            (void)fclose(f);
        assert_true(i != 4999);
        (void)usleep(1000);
    }
    assert_int_equal(s.calls, 0);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_says),
        cmocka_unit_test(too_long_and_too_much),
        cmocka_unit_test(what_is_not_there),
        cmocka_unit_test(freed_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
