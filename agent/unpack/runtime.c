/*
 * runtime.c - jobruntime.yaml: the variables that an archive brings along.
 */
#include "unpack/runtime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/limits.h"
#include "format/read.h"
#include "sys/fd.h"
#include "unpack/member.h"
#include "unpack/tree.h"

void jobruntime_free(struct jobruntime *j)
{
    env_free(&j->env);
    free(j->folder);
    *j = (struct jobruntime){0};
}

static void read_variable(const struct node *value, struct env *env, struct diag_list *diags, size_t *chars)
{
    struct diag_where at_key = {.line = value->key_line, .column = value->key_column};
    const char *text = value->kind == NODE_NULL ? "" : value->text;

    if (!env_key_valid(value->key)) {
        diag_error(diags, at_key, "'%.80s' is not a name of a variable (letters, digits and '_')",
                   value->key);
        return;
    }
    if (value->kind == NODE_SEQ || value->kind == NODE_MAP) {
        diag_error(diags, node_where(value), "the value of %s must be a single value, found a %s", value->key,
                   node_kind_name(value->kind));
        return;
    }
    *chars += strlen(value->key) + strlen(text);
    if (*chars > JOB_ENV_CHARS_MAX) {
        diag_error(diags, at_key, "more than %d characters of variables", JOB_ENV_CHARS_MAX);
        return;
    }
    if (env_set(env, ENV_JOBRUNTIME, value->key, text) < 0)
        diag_error(diags, at_key, "out of memory");
}

static void read_map(const struct node *root, struct env *env, struct diag_list *diags)
{
    size_t chars = 0;

    if (root == NULL || root->kind == NODE_NULL)
        return;
    if (root->kind != NODE_MAP) {
        diag_error(diags, node_where(root), "expected a mapping of names to values, found a %s",
                   node_kind_name(root->kind));
        return;
    }
    for (size_t i = 0; i < root->count && diags->errors == 0; i++)
        read_variable(root->item[i], env, diags, &chars);
}

int jobruntime_parse(const char *name, const char *text, size_t n, struct env *ret_env, struct err *e)
{
    AUTO(diag) struct diag_list diags = {.file = name};
    AUTO(env) struct env env = {0};
    AUTO(strbuf) struct strbuf words = STRBUF_INIT(ERR_TEXT_MAX - 1);
    AUTO(node) struct node *root = yaml_read(text, n, &diags);

    read_map(root, &env, &diags);
    if (diags.errors > 0) {
        /* The first one: they come with positions, and the file is small. */
        diags.count = 1;
        diag_print(&diags, &words);
        const char *line = strbuf_str(&words);
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "%.*s", (int)strcspn(line, "\n"), line);
    }
    *ret_env = env;
    env = (struct env){0};
    return 0;
}

/* The only entry of the landing folder that is not litter, when it is a folder; malloc'd, or NULL. */
static char *single_folder(int landing)
{
    int fd = openat(landing, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    AUTO_FREE char *found = NULL;
    struct dirent *entry = NULL;
    struct stat st;
    unsigned count = 0;

    if (dir == NULL) {
        close_auto(&fd);
        return NULL;
    }
    while (count < 2 && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            member_is_junk(entry->d_name))
            continue;
        if (count++ == 0)
            found = strdup(entry->d_name);
    }
    (void)closedir(dir);
    if (count != 1 || found == NULL || fstatat(landing, found, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        !S_ISDIR(st.st_mode))
        return NULL;
    return take_ptr(&found);
}

static int find(int landing, struct strbuf *ret_path, char **ret_folder, int *ret_fd)
{
    AUTO_FREE char *folder = strdup("");

    (void)strbuf_addstr(ret_path, JOBRUNTIME_NAME);
    if (tree_open_file(landing, strbuf_str(ret_path), ret_fd) < 0) {
        free(folder);
        folder = single_folder(landing);
        if (folder == NULL)
            return -ENOENT;
        strbuf_reset(ret_path);
        (void)strbuf_addf(ret_path, "%s/%s", folder, JOBRUNTIME_NAME);
        if (tree_open_file(landing, strbuf_str(ret_path), ret_fd) < 0)
            return -ENOENT;
    }
    *ret_folder = take_ptr(&folder);
    return 0;
}

int jobruntime_load(int landing, struct jobruntime *ret, struct err *e)
{
    AUTO(strbuf) struct strbuf path = STRBUF_INIT(MEMBER_PATH_MAX);
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(JOBRUNTIME_BYTES_MAX);
    AUTO_FREE char *folder = NULL;
    AUTO_CLOSE int fd = -1;
    int r = 0;

    if (find(landing, &path, &folder, &fd) < 0)
        return 0;
    r = fd_read_all(fd, &text);
    if (r == -E2BIG)
        return err_set(e, r, BLAME_ASSIGNMENT, "%s: larger than %u bytes", strbuf_str(&path),
                       JOBRUNTIME_BYTES_MAX);
    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "%s", strbuf_str(&path));
    r = jobruntime_parse(strbuf_str(&path), strbuf_str(&text), text.len, &ret->env, e);
    if (r == 0)
        ret->folder = take_ptr(&folder);
    return r;
}
