/* test_entry.c - the command for an entry file, by its extension alone. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdlib.h>

#include "base/auto.h"
#include "wire/entry.h"

/* The interpreters are borrowed literals: this plan is never freed, but for its arguments. */
static struct plan plan_of(enum entry_kind kind)
{
    return (struct plan){
        .entry_kind = kind,
        .python = (char *)(uintptr_t) "/py",
        .bash = (char *)(uintptr_t) "/sh",
        .java = (char *)(uintptr_t) "/java",
    };
}

static void commands(void **state)
{
    static const struct {
        enum entry_kind kind;
        const char *entry;
        const char *joined; /* argv, each followed by '|' */
    } CASES[] = {
        {ENTRY_FILE, "train.py", "/py|/home/datascience/train.py|--a|b c|"},
        {ENTRY_FILE, "run.sh", "/sh|/home/datascience/run.sh|--a|b c|"},
        {ENTRY_FILE, "run.bash", "/sh|/home/datascience/run.bash|--a|b c|"},
        {ENTRY_FILE, "app.jar", "/java|-jar|/home/datascience/app.jar|--a|b c|"},
        {ENTRY_ARCHIVE, "src/main.py", "/py|/home/datascience/decompressed_artifact/src/main.py|--a|b c|"},
        {ENTRY_ARCHIVE, "./src//./main.py",
         "/py|/home/datascience/decompressed_artifact/src/main.py|--a|b c|"},
        {ENTRY_ARCHIVE, "a b/w\xC3\xB6.v2.py",
         "/py|/home/datascience/decompressed_artifact/a b/w\xC3\xB6.v2.py|--a|b c|"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct plan p = plan_of(CASES[i].kind);
        AUTO(strlist) struct strlist argv = {0};
        AUTO(strbuf) struct strbuf joined = STRBUF_INIT(4096);
        struct err e = ERR_INIT;

        strlist_add(&p.args, "--a");
        strlist_add(&p.args, "b c");
        if (entry_command(&p, CASES[i].entry, NULL, &argv, &e) < 0)
            fail_msg("%s: %s", CASES[i].entry, e.text);
        strlist_free(&p.args);
        for (size_t k = 0; k < argv.count; k++)
            strbuf_addf(&joined, "%s|", argv.item[k]);
        assert_string_equal(strbuf_str(&joined), CASES[i].joined);
    }
}

static void classes(void **state)
{
#define LANDING "/home/datascience/decompressed_artifact"
    static const struct {
        const char *entry, *main_class, *class_path, *joined;
    } CASES[] = {
        {"Main.class", "Main", NULL, "/java|-cp|" LANDING ":" LANDING "/lib/*|Main|--a|"},
        {"com/acme/Main.class", "com/acme/Main", NULL,
         "/java|-cp|" LANDING ":" LANDING "/lib/*|com.acme.Main|--a|"},
        {"app/classes/com/acme/Main.class", "com/acme/Main", "own:x.jar",
         "/java|-cp|" LANDING "/app/classes:" LANDING "/app/classes/lib/*:" LANDING
         "/lib/*:own:x.jar|com.acme.Main|--a|"},
        {"./app//Main.class", "Main", "",
         "/java|-cp|" LANDING "/app:" LANDING "/app/lib/*:" LANDING "/lib/*|Main|--a|"},
        {"com/acme/Main.class", NULL, NULL, "/java|-cp|" LANDING ":" LANDING "/lib/*|com.acme.Main|--a|"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct plan p = plan_of(ENTRY_ARCHIVE);
        AUTO(strlist) struct strlist argv = {0};
        AUTO(strbuf) struct strbuf joined = STRBUF_INIT(4096);
        struct err e = ERR_INIT;

        strlist_add(&p.args, "--a");
        if (CASES[i].class_path != NULL)
            env_set(&p.env, ENV_JOB, "CLASSPATH", CASES[i].class_path);
        if (entry_command(&p, CASES[i].entry, CASES[i].main_class, &argv, &e) < 0)
            fail_msg("%s: %s", CASES[i].entry, e.text);
        strlist_free(&p.args);
        env_free(&p.env);
        for (size_t k = 0; k < argv.count; k++)
            strbuf_addf(&joined, "%s|", argv.item[k]);
        assert_string_equal(strbuf_str(&joined), CASES[i].joined);
    }
}

static void refusals(void **state)
{
    static const struct {
        const char *entry;
        const char *says;
    } CASES[] = {
        {NULL, "JOB_RUN_ENTRYPOINT"},
        {"", "JOB_RUN_ENTRYPOINT"},
        {"/etc/x.py", "inside the artifact"},
        {"../x.py", "inside the artifact"},
        {"a/../../x.py", "inside the artifact"},
        {"a\nb.py", "inside the artifact"},
        {"train", ".py .sh .bash .jar .class"},
        {"train.PY", ".py .sh .bash .jar .class"},
        {"train.rb", ".py .sh .bash .jar .class"},
        {"dir.py/", ".py .sh .bash .jar .class"},
        {"dir.py/train", ".py .sh .bash .jar .class"},
        {".py", ".py .sh .bash .jar .class"},
        {"src/.sh", ".py .sh .bash .jar .class"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct plan p = plan_of(ENTRY_ARCHIVE);
        struct strlist argv = {0};
        struct err e = ERR_INIT;
        int r = entry_command(&p, CASES[i].entry, NULL, &argv, &e);
        if (r != -EINVAL || e.blame != BLAME_ASSIGNMENT || strstr(e.text, CASES[i].says) == NULL)
            fail_msg("case %zu: %d '%s'", i, r, e.text);
        assert_int_equal(argv.count, 0);
    }
}

static void missing_interpreter_blames_the_node(void **state)
{
    struct plan p = plan_of(ENTRY_FILE);
    struct strlist argv = {0};
    struct err e = ERR_INIT;

    (void)state;
    p.java = NULL;
    assert_int_equal(entry_command(&p, "app.jar", NULL, &argv, &e), -ENOENT);
    assert_int_equal(e.blame, BLAME_NODE);
    assert_non_null(strstr(e.text, "needs java"));
}

static void directories(void **state)
{
    struct plan file = plan_of(ENTRY_FILE), archive = plan_of(ENTRY_ARCHIVE);

    (void)state;
    assert_string_equal(entry_directory(&file), "/home/datascience");
    assert_string_equal(entry_directory(&archive), "/home/datascience/decompressed_artifact");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands),    cmocka_unit_test(classes),
        cmocka_unit_test(refusals),    cmocka_unit_test(missing_interpreter_blames_the_node),
        cmocka_unit_test(directories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
