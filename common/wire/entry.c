/* entry.c - see entry.h. */
#include "wire/entry.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "base/auto.h"
#include "base/strbuf.h"

#define CLASS_EXTENSION ".class"

struct interpreter {
    const char *extension;
    const char *name;
    size_t path_offset; /* of its path in struct plan */
    const char *option; /* before the file; NULL: none */
};

static const struct interpreter INTERPRETERS[] = {
    {".py", "python", offsetof(struct plan, python), NULL},
    {".sh", "bash", offsetof(struct plan, bash), NULL},
    {".bash", "bash", offsetof(struct plan, bash), NULL},
    {".jar", "java", offsetof(struct plan, java), "-jar"},
    {".class", "java", offsetof(struct plan, java), "-cp"},
};

const char *entry_directory(const struct plan *p)
{
    return p->entry_kind == ENTRY_ARCHIVE ? JOB_HOME "/" JOB_DECOMPRESSED : JOB_HOME;
}

static const struct interpreter *interpreter_of(const char *entry)
{
    const char *slash = strrchr(entry, '/');
    const char *name = slash != NULL ? slash + 1 : entry;
    const char *dot = strrchr(name, '.');

    /* A name that is nothing but an extension is a hidden file, not a program. */
    if (dot == NULL || dot == name)
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(INTERPRETERS); i++)
        if (strcmp(dot, INTERPRETERS[i].extension) == 0)
            return &INTERPRETERS[i];
    return NULL;
}

/* Appends '/' and each component of entry that is not "." or empty. */
static void add_path(struct strbuf *out, const char *entry)
{
    while (*entry != '\0') {
        size_t n = strcspn(entry, "/");
        if (n > 0 && !(n == 1 && entry[0] == '.')) {
            strbuf_addch(out, '/');
            strbuf_add(out, entry, n);
        }
        entry += n + (entry[n] == '/');
    }
}

/* What comes before the program: in a conda environment the shell that activates it and becomes the program. */
static int begin(const struct plan *p, struct strlist *argv)
{
    bool placed = false;
    int r;

    for (size_t i = 0; i < p->placement_count; i++)
        placed = placed || (strcmp(p->placement[i].name, CONDA_PROGRAM) == 0 &&
                            strcmp(p->placement[i].into, CONDA_PROGRAM_INTO) == 0);
    if (p->conda_prefix == NULL || p->bash == NULL || !placed)
        return 0;
    r = strlist_add(argv, p->bash);
    if (r == 0)
        r = strlist_add(argv, JOB_HOME "/" CONDA_PROGRAM_INTO "/" CONDA_PROGRAM);
    return r == 0 ? strlist_add(argv, p->conda_prefix) : r;
}

static int build(const struct plan *p, const struct interpreter *with, const char *program, const char *entry,
                 struct strlist *argv)
{
    AUTO(strbuf) struct strbuf file = STRBUF_INIT(2 * PATH_MAX);
    int r = begin(p, argv);

    if (r == 0)
        r = strlist_add(argv, program);
    strbuf_addstr(&file, entry_directory(p));
    add_path(&file, entry);
    if (file.failed < 0)
        return file.failed;
    if (r == 0 && with->option != NULL)
        r = strlist_add(argv, with->option);
    if (r == 0)
        r = strlist_add(argv, strbuf_str(&file));
    if (r == 0)
        r = strlist_addall(argv, &p->args);
    return r;
}

static void add_class_path(const struct plan *p, const char *entry, size_t root_length, struct strbuf *out)
{
    const char *landing = entry_directory(p);
    const char *more = env_value(&p->env, "CLASSPATH");
    AUTO(strbuf) struct strbuf root = STRBUF_INIT(2 * PATH_MAX);
    AUTO(strbuf) struct strbuf relative = STRBUF_INIT(2 * PATH_MAX);

    (void)strbuf_add(&relative, entry, root_length);
    (void)strbuf_addstr(&root, landing);
    add_path(&root, strbuf_str(&relative));
    (void)strbuf_addf(out, "%s:%s/lib/*", strbuf_str(&root), strbuf_str(&root));
    if (strcmp(strbuf_str(&root), landing) != 0)
        (void)strbuf_addf(out, ":%s/lib/*", landing);
    if (more != NULL && more[0] != '\0')
        (void)strbuf_addf(out, ":%s", more);
    if (root.failed < 0 || relative.failed < 0)
        out->failed = -ENOMEM;
}

/* java -cp PATH CLASS args. */
static int build_class(const struct plan *p, const char *program, const char *entry, const char *main_class,
                       struct strlist *argv)
{
    AUTO(strbuf) struct strbuf path = STRBUF_INIT(8 * PATH_MAX);
    AUTO(strbuf) struct strbuf name = STRBUF_INIT(2 * PATH_MAX);
    size_t stem = strlen(entry) - strlen(CLASS_EXTENSION);
    size_t class_length = main_class != NULL ? strlen(main_class) : stem;
    int r;

    add_class_path(p, entry, class_length <= stem ? stem - class_length : 0, &path);
    (void)strbuf_add(&name, main_class != NULL ? main_class : entry, class_length);
    if (path.failed < 0 || name.failed < 0)
        return -ENOMEM;
    for (char *slash = name.data; (slash = strchr(slash, '/')) != NULL;)
        *slash = '.';
    r = begin(p, argv);
    if (r == 0)
        r = strlist_add(argv, program);
    if (r == 0)
        r = strlist_add(argv, "-cp");
    if (r == 0)
        r = strlist_add(argv, strbuf_str(&path));
    if (r == 0)
        r = strlist_add(argv, strbuf_str(&name));
    return r == 0 ? strlist_addall(argv, &p->args) : r;
}

int entry_command(const struct plan *p, const char *entry, const char *main_class, struct strlist *ret_argv,
                  struct err *e)
{
    struct strlist argv = {0};
    const struct interpreter *with;
    const char *program;
    int r;

    if (entry == NULL || entry[0] == '\0')
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT,
                       "no entrypoint: an archive needs JOB_RUN_ENTRYPOINT, a file inside it");
    if (!plan_path_valid(entry))
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT,
                       "entrypoint '%.200s': a path inside the artifact expected, without '..'", entry);
    with = interpreter_of(entry);
    if (with == NULL)
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT,
                       "entrypoint '%.200s': its extension must be one of .py .sh .bash .jar .class", entry);
    program = *(char *const *)((const char *)p + with->path_offset);
    if (program == NULL)
        return err_set(e, -ENOENT, BLAME_NODE, "entrypoint '%.200s' needs %s, which this node does not have",
                       entry, with->name);
    r = strcmp(with->extension, CLASS_EXTENSION) == 0 ? build_class(p, program, entry, main_class, &argv)
                                                      : build(p, with, program, entry, &argv);
    if (r < 0) {
        strlist_free(&argv);
        return err_oom(e);
    }
    strlist_free(ret_argv);
    *ret_argv = argv;
    return 0;
}
