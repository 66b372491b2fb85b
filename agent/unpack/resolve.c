/*
 * resolve.c - which file of the landing folder is started.
 */
#include "unpack/resolve.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/strbuf.h"
#include "base/strlist.h"
#include "sys/fd.h"
#include "unpack/class_file.h"
#include "unpack/member.h"
#include "unpack/tree.h"

#define CANDIDATES_SHOWN 10
/* The search for candidates serves a message only: it looks at this much of a tree and no more. */
#define CANDIDATES_MAX   200
#define SEARCH_DEPTH_MAX 6
#define SEARCH_NAMES_MAX 20000

struct search {
    int root;
    struct strlist found;
    unsigned names; /* looked at so far */
};

static bool skip_name(const char *name)
{
    return name[0] == '.' || strcmp(name, "__pycache__") == 0 || strcmp(name, "node_modules") == 0 ||
           member_is_junk(name);
}

static void search_folder(struct search *s, const char *folder, unsigned depth);

static void search_name(struct search *s, int dir, const char *folder, const char *name, unsigned depth)
{
    AUTO(strbuf) struct strbuf path = STRBUF_INIT(MEMBER_PATH_MAX);
    struct stat st;

    if (skip_name(name) || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    if (strbuf_addf(&path, "%s%s%s", folder, folder[0] != '\0' ? "/" : "", name) < 0)
        return;
    if (S_ISDIR(st.st_mode) && depth < SEARCH_DEPTH_MAX)
        search_folder(s, strbuf_str(&path), depth + 1);
    else if (S_ISREG(st.st_mode) && entry_extension_known(name) && s->found.count < CANDIDATES_MAX)
        (void)strlist_add(&s->found, strbuf_str(&path));
}

static void search_folder(struct search *s, const char *folder, unsigned depth)
{
    int fd =
        openat(s->root, folder[0] != '\0' ? folder : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry = NULL;

    if (dir == NULL) {
        close_auto(&fd);
        return;
    }
    while (s->names < SEARCH_NAMES_MAX && (entry = readdir(dir)) != NULL) {
        s->names++;
        search_name(s, dirfd(dir), folder, entry->d_name, depth);
    }
    (void)closedir(dir);
}

static unsigned depth_of(const char *path)
{
    unsigned depth = 0;

    for (; *path != '\0'; path++)
        depth += *path == '/';
    return depth;
}

/* Top folders first, then by name. */
static int by_place(const void *a, const void *b)
{
    const char *x = *(char *const *)a;
    const char *y = *(char *const *)b;
    unsigned dx = depth_of(x);
    unsigned dy = depth_of(y);

    return dx != dy ? (dx > dy) - (dx < dy) : strcmp(x, y);
}

static void list_candidates(int landing, struct strbuf *out)
{
    AUTO(strlist) struct strlist none = {0};
    struct search s = {.root = landing, .found = none};
    char print[MEMBER_PRINT_MAX + 1];

    search_folder(&s, "", 0);
    if (s.found.count > 1)
        qsort(s.found.item, s.found.count, sizeof(*s.found.item), by_place);
    if (s.found.count == 0)
        (void)strbuf_addstr(out, "it holds no .py, .sh or .jar file");
    else if (s.found.count == 1)
        (void)strbuf_addf(out, "did you mean '%s', its only program?", member_print(s.found.item[0], print));
    else
        (void)strbuf_addstr(out, "it holds ");
    for (size_t i = 0; s.found.count > 1 && i < s.found.count && i < CANDIDATES_SHOWN; i++)
        (void)strbuf_addf(out, "%s'%s'", i > 0 ? ", " : "", member_print(s.found.item[i], print));
    if (s.found.count > CANDIDATES_SHOWN)
        (void)strbuf_addstr(out, " and more");
    strlist_free(&s.found);
}

static int refuse(int landing, struct err *e, const char *what)
{
    AUTO(strbuf) struct strbuf list = STRBUF_INIT(4096);

    list_candidates(landing, &list);
    return err_set(e, -ENOENT, BLAME_ASSIGNMENT, "%s; %s", what, strbuf_str(&list));
}

/* The entry file at folder/entrypoint, as a normalised path. 0, or -ENOENT, -EINVAL. */
static int try_path(int landing, const char *folder, const char *entrypoint, char **ret, struct err *e)
{
    AUTO(strbuf) struct strbuf raw = STRBUF_INIT(2 * MEMBER_PATH_MAX);
    AUTO_CLOSE int fd = -1;
    struct member_path path = {.text = ""};

    if (strbuf_addf(&raw, "%s%s%s", folder, folder[0] != '\0' ? "/" : "", entrypoint) < 0)
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "its path is too long");
    if (member_path_read(strbuf_str(&raw), &path, e) < 0)
        return -EINVAL;
    if (path.text[0] == '\0' || tree_open_file(landing, path.text, &fd) < 0)
        return err_set(e, -ENOENT, BLAME_ASSIGNMENT, "not found");
    *ret = strdup(path.text);
    return *ret != NULL ? 0 : err_oom(e);
}

int entry_resolve(int landing, const char *entrypoint, const struct jobruntime *j, char **ret, struct err *e)
{
    const char *from_yaml = entrypoint == NULL ? env_value(&j->env, "JOB_RUN_ENTRYPOINT") : NULL;
    const char *wanted = entrypoint != NULL ? entrypoint : from_yaml;
    char print[MEMBER_PRINT_MAX + 1];
    char what[MEMBER_PRINT_MAX + 128];
    int r = 0;

    if (wanted == NULL || wanted[0] == '\0')
        return refuse(landing, e,
                      "JOB_RUN_ENTRYPOINT is not set, so it is not known which file of the archive to start");
    r = try_path(landing, "", wanted, ret, e);
    if (r == -ENOENT && from_yaml != NULL && j->folder[0] != '\0')
        r = try_path(landing, j->folder, wanted, ret, e);
    if (r == -EINVAL)
        return err_context(e, "entrypoint '%s'", member_print(wanted, print));
    if (r != -ENOENT)
        return r;
    (void)snprintf(what, sizeof(what), "entrypoint '%s' is not a file of the artifact",
                   member_print(wanted, print));
    return refuse(landing, e, what);
}

/* Whether path is name, or ends in "/" and name, when it ends in .class. */
static bool lies_in_its_package(const char *path, size_t stem, const char *name)
{
    size_t n = strlen(name);

    return stem >= n && memcmp(path + stem - n, name, n) == 0 && (stem == n || path[stem - n - 1] == '/');
}

int entry_class(int landing, const char *entry_file, char **ret, struct err *e)
{
    static const char EXTENSION[] = ".class";
    size_t n = strlen(entry_file);
    size_t stem = n - (sizeof(EXTENSION) - 1);
    AUTO(strbuf) struct strbuf bytes = STRBUF_INIT(CLASS_FILE_BYTES_MAX);
    AUTO_CLOSE int fd = -1;
    char name[CLASS_NAME_MAX];
    char print[MEMBER_PRINT_MAX + 1];
    int r;

    if (n < sizeof(EXTENSION) || strcmp(entry_file + stem, EXTENSION) != 0)
        return 0;
    if (tree_open_file(landing, entry_file, &fd) < 0)
        return err_set(e, -ENOENT, BLAME_ASSIGNMENT, "not found");
    r = fd_read_all(fd, &bytes);
    if (r < 0 && r != -E2BIG)
        return err_errno(e, -r, BLAME_NODE, "read '%s'", member_print(entry_file, print));
    if (r < 0 || class_file_name((const unsigned char *)strbuf_str(&bytes), bytes.len, name) < 0)
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "entrypoint '%s' is not a compiled Java class",
                       member_print(entry_file, print));
    if (!lies_in_its_package(entry_file, stem, name))
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT,
                       "entrypoint '%s' is the class %.200s and must lie in the folders of its package, as "
                       "'%.200s.class'",
                       member_print(entry_file, print), name, name);
    *ret = strdup(name);
    return *ret != NULL ? 0 : err_oom(e);
}
