/* read.c - from one parsed configuration file to values: known keys, types and bounds. */
#include "config/read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/suggest.h"
#include "config/value.h"

#define KEY_PATH_MAX 128

/* The key of that path; CONFIG_KEY_COUNT when there is none. */
static enum config_key find_key(const char *path)
{
    for (int key = 0; key < CONFIG_KEY_COUNT; key++)
        if (strcmp(config_key_info((enum config_key)key)->path, path) == 0)
            return (enum config_key)key;
    return CONFIG_KEY_COUNT;
}

/* Whether keys exist below `path`. */
static bool is_section(const char *path)
{
    size_t n = strlen(path);

    for (int key = 0; key < CONFIG_KEY_COUNT; key++) {
        const char *known = config_key_info((enum config_key)key)->path;
        if (strncmp(known, path, n) == 0 && known[n] == '.')
            return true;
    }
    return false;
}

static struct diag_where key_where(const struct node *n)
{
    return (struct diag_where){.line = n->key_line, .column = n->key_column};
}

static void unknown_key(const struct node *n, const char *path, struct diag_list *diags)
{
    struct suggestion near = {0};

    for (int key = 0; key < CONFIG_KEY_COUNT; key++)
        suggest_offer(&near, path, config_key_info((enum config_key)key)->path);
    if (near.best != NULL)
        diag_error(diags, key_where(n), "unknown key '%s' (did you mean '%s'?)", path, near.best);
    else
        diag_error(diags, key_where(n), "unknown key '%s' (`runlet config show` lists the keys there are)",
                   path);
}

/* Whether the kind of node can hold the type at all: YAML has typed the plain scalars already. */
static bool kind_fits(enum config_type type, const struct node *n)
{
    switch (type) {
    case CONFIG_TYPE_INTEGER: return n->kind == NODE_INT;
    case CONFIG_TYPE_BOOLEAN: return n->kind == NODE_BOOL;
    case CONFIG_TYPE_DURATION:
    case CONFIG_TYPE_SIZE: return n->kind == NODE_STRING || n->kind == NODE_INT;
    default: return n->kind == NODE_STRING;
    }
}

static int remember_origin(struct config *c, enum config_key key, const char *file, int line)
{
    char *copy = strdup(file);

    if (copy == NULL)
        return -ENOMEM;
    free(c->origin[key].file);
    c->origin[key].file = copy;
    c->origin[key].line = line;
    return 0;
}

int config_set(struct config *c, enum config_key key, const char *text, const char *origin)
{
    int r = config_value_set(c, key, text);

    return r < 0 ? r : remember_origin(c, key, origin, 0);
}

static int read_value(struct config *c, enum config_key key, const struct node *n, struct diag_list *diags)
{
    const struct config_key_info *info = config_key_info(key);
    int r;

    if (!kind_fits(info->type, n)) {
        diag_error(diags, node_where(n), "%s: expected %s, found %s", info->path,
                   config_type_text(info->type), node_kind_name(n->kind));
        return 0;
    }
    r = config_value_set(c, key, n->text);
    if (r == -ENOMEM)
        return r;
    if (r == -ERANGE) {
        AUTO(strbuf) struct strbuf bounds = STRBUF_INIT(128);
        config_value_bounds(key, &bounds);
        diag_error(diags, node_where(n), "%s: %s is out of bounds: expected %s", info->path, n->text,
                   strbuf_str(&bounds));
        return 0;
    }
    if (r < 0) {
        diag_error(diags, node_where(n), "%s: expected %s, found '%s'", info->path,
                   config_type_text(info->type), n->text);
        return 0;
    }
    return remember_origin(c, key, diags->file, n->line);
}

/* One level of the document; `prefix` is the section's path, "" at the top. Sections do not nest deeper than
 * the table. */
static int read_map(struct config *c, const char *prefix, const struct node *map, struct diag_list *diags)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct node *n = map->item[i];
        char path[KEY_PATH_MAX];
        enum config_key key;
        int r = 0;

        if (snprintf(path, sizeof(path), "%s%s%s", prefix, prefix[0] != '\0' ? "." : "", n->key) >=
            (int)sizeof(path)) {
            diag_error(diags, key_where(n), "unknown key (it is too long)");
            continue;
        }
        key = find_key(path);
        if (key != CONFIG_KEY_COUNT)
            r = read_value(c, key, n, diags);
        else if (!is_section(path))
            unknown_key(n, path, diags);
        else if (n->kind == NODE_MAP)
            r = read_map(c, path, n, diags);
        else if (n->kind != NODE_NULL)
            diag_error(diags, node_where(n), "%s: expected a mapping, found %s", path,
                       node_kind_name(n->kind));
        if (r < 0)
            return r;
    }
    return 0;
}

int config_read(struct config *c, const struct node *root, struct diag_list *diags)
{
    if (root->kind == NODE_NULL)
        return 0;
    if (root->kind != NODE_MAP) {
        diag_error(diags, node_where(root), "expected a mapping of keys, found %s",
                   node_kind_name(root->kind));
        return 0;
    }
    return read_map(c, "", root, diags);
}
