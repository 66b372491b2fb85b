/* entry.c - see entry.h. */
#include "wire/entry.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "base/auto.h"
#include "base/strbuf.h"

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
};

const char *entry_directory(const struct plan *p)
{
    if (p->entry_kind == ENTRY_IMAGE)
        return p->directory != NULL ? p->directory : "/";
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

static int build(const struct plan *p, const struct interpreter *with, const char *program, const char *entry,
                 struct strlist *argv)
{
    AUTO(strbuf) struct strbuf file = STRBUF_INIT(2 * PATH_MAX);
    int r = strlist_add(argv, program);

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

int entry_command(const struct plan *p, const char *entry, struct strlist *ret_argv, struct err *e)
{
    struct strlist argv = {0};
    const struct interpreter *with;
    const char *program;

    if (p->entry_kind == ENTRY_IMAGE)
        return strlist_addall(ret_argv, &p->args) < 0 ? err_oom(e) : 0;
    if (entry == NULL || entry[0] == '\0')
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT,
                       "no entrypoint: an archive needs JOB_RUN_ENTRYPOINT, a file inside it");
    if (!plan_path_valid(entry))
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT,
                       "entrypoint '%.200s': a path inside the artifact expected, without '..'", entry);
    with = interpreter_of(entry);
    if (with == NULL)
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT,
                       "entrypoint '%.200s': its extension must be one of .py .sh .bash .jar", entry);
    program = *(char *const *)((const char *)p + with->path_offset);
    if (program == NULL)
        return err_set(e, -ENOENT, BLAME_NODE, "entrypoint '%.200s' needs %s, which this node does not have",
                       entry, with->name);
    if (build(p, with, program, entry, &argv) < 0) {
        strlist_free(&argv);
        return err_oom(e);
    }
    strlist_free(ret_argv);
    *ret_argv = argv;
    return 0;
}
