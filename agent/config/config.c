/* config.c - see config.h: finding the files and laying them over the defaults. */
#include "config/config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/strlist.h"
#include "config/read.h"
#include "config/value.h"
#include "format/read.h"
#include "sys/fd.h"

/* More drop-ins than this is a mistake. */
#define DROP_INS_MAX 256

static int set_defaults(struct config *c)
{
    for (int key = 0; key < CONFIG_KEY_COUNT; key++) {
        const char *text = config_key_info((enum config_key)key)->default_text;
        int r = config_value_set(c, (enum config_key)key, strcmp(text, "\"\"") == 0 ? "" : text);
        if (r < 0)
            return r;
    }
    return 0;
}

static void cannot_read(const char *path, int code, struct diag_list *diags)
{
    char text[128];

    diags->file = path;
    if (code == -E2BIG)
        diag_error(diags, (struct diag_where){0}, "is larger than %u bytes", DOCUMENT_BYTES_MAX);
    else
        diag_error(diags, (struct diag_where){0}, "cannot be read: %s",
                   strerror_r(-code, text, sizeof(text)));
}

/* Lays one file over *c. 0 or -ENOMEM; everything else is a diagnostic. */
static int load_file(const char *path, bool may_be_missing, struct config *c, struct diag_list *diags)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(DOCUMENT_BYTES_MAX);
    AUTO(node) struct node *root = NULL;
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    size_t errors = diags->errors;
    int r;

    if (fd < 0) {
        if (errno != ENOENT || !may_be_missing)
            cannot_read(path, -errno, diags);
        return 0;
    }
    r = fd_read_all(fd, &text);
    if (r < 0) {
        cannot_read(path, r, diags);
        return r == -ENOMEM ? r : 0;
    }
    diags->file = path;
    root = yaml_read(strbuf_str(&text), text.len, diags);
    if (root == NULL)
        return diags->errors > errors ? 0 : -ENOMEM;
    return config_read(c, root, diags);
}

static int is_drop_in(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);

    return entry->d_name[0] != '.' && n > 5 && strcmp(entry->d_name + n - 5, ".yaml") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_names(const char *directory, struct dirent **names, int count, struct config *c,
                      struct diag_list *diags)
{
    if (count > DROP_INS_MAX) {
        diags->file = directory;
        diag_error(diags, (struct diag_where){0}, "holds more than %d files", DROP_INS_MAX);
        return 0;
    }
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];
        int r;

        if (snprintf(path, sizeof(path), "%s/%s", directory, names[i]->d_name) >= (int)sizeof(path)) {
            cannot_read(directory, -ENAMETOOLONG, diags);
            continue;
        }
        r = load_file(path, false, c, diags);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The drop-ins of /x/runlet.yaml are /x/runlet.d, files *.yaml. */
static int load_drop_ins(const char *path, struct config *c, struct diag_list *diags)
{
    size_t n = strlen(path);
    char directory[PATH_MAX];
    struct dirent **names = NULL;
    int count, r;

    if (n > 5 && strcmp(path + n - 5, ".yaml") == 0)
        n -= 5;
    if (snprintf(directory, sizeof(directory), "%.*s.d", (int)n, path) >= (int)sizeof(directory)) {
        cannot_read(path, -ENAMETOOLONG, diags);
        return 0;
    }
    count = scandir(directory, &names, is_drop_in, by_name);
    if (count < 0) {
        if (errno == ENOMEM)
            return -ENOMEM;
        if (errno != ENOENT && errno != ENOTDIR)
            cannot_read(directory, -errno, diags);
        return 0;
    }
    r = load_names(directory, names, count, c, diags);
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
    return r;
}

/* What no single value shows: root for jobs has to be said twice, and a command has to be named. */
static void check_together(const struct config *c, struct diag_list *diags)
{
    const struct config_origin *origin = &c->origin[CONFIG_JOB_UID];

    if (c->job_uid == 0 && !c->job_allow_root) {
        diags->file = origin->file;
        diag_error(diags, (struct diag_where){.line = origin->line},
                   "job.uid: jobs as root (0) need job.allowRoot: true as well");
    }
    for (int i = 0; i < 2 && c->leave_command[0] == '\0'; i++) {
        if (strcmp(i == 0 ? c->after_run : c->idle_action, "command") != 0)
            continue;
        origin = &c->origin[i == 0 ? CONFIG_AFTER_RUN : CONFIG_IDLE_ACTION];
        diags->file = origin->file;
        diag_error(diags, (struct diag_where){.line = origin->line},
                   "%s: command needs leave.command as well", i == 0 ? "afterRun" : "idle.action");
    }
}

int config_load(const char *path, struct config *ret, struct diag_list *diags)
{
    bool asked_for = path != NULL;
    size_t errors = diags->errors;
    const char *file = diags->file;
    int r = set_defaults(ret);

    if (!asked_for)
        path = CONFIG_PATH_DEFAULT;
    if (r == 0)
        r = load_file(path, !asked_for, ret, diags);
    if (r == 0)
        r = load_drop_ins(path, ret, diags);
    if (r == 0)
        check_together(ret, diags);
    diags->file = file;
    if (r < 0)
        return r;
    return diags->errors > errors ? -EINVAL : 0;
}
