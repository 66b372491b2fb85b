/* show.c - config_show: the configuration in effect as YAML. */
#include "config/config.h"

#include <string.h>

#include "base/auto.h"

#define COMMENT_COLUMN 40

/* The section of a key, "stop" of "stop.grace"; length 0 at the top. */
static size_t section_length(const char *path)
{
    const char *dot = strchr(path, '.');

    return dot != NULL ? (size_t)(dot - path) : 0;
}

static void put_origin(const struct config_origin *origin, size_t used, struct strbuf *out)
{
    (void)strbuf_addf(out, "%*s# ", used < COMMENT_COLUMN ? (int)(COMMENT_COLUMN - used) : 1, "");
    if (origin->file == NULL)
        (void)strbuf_addstr(out, "default");
    else
        (void)strbuf_addf(out, "from %s:%d", origin->file, origin->line);
}

static int show(const struct config *c, bool origin, bool named_only, struct strbuf *out)
{
    const char *section = "";
    size_t section_len = 0;

    for (int key = 0; key < CONFIG_KEY_COUNT; key++) {
        const char *path = config_key_info((enum config_key)key)->path;
        size_t n = section_length(path);
        size_t start;

        if (named_only && c->origin[key].file == NULL)
            continue;
        if (n != 0 && (n != section_len || strncmp(section, path, n) != 0))
            (void)strbuf_addf(out, "%.*s:\n", (int)n, path);
        section = path;
        section_len = n;
        start = out->len;
        (void)strbuf_addf(out, "%s%s: ", n != 0 ? "  " : "", n != 0 ? path + n + 1 : path);
        config_put_value(c, (enum config_key)key, out);
        if (origin)
            put_origin(&c->origin[key], out->len - start, out);
        (void)strbuf_addch(out, '\n');
    }
    return out->failed;
}

int config_show(const struct config *c, bool origin, struct strbuf *out)
{
    return show(c, origin, false, out);
}

int config_show_named(const struct config *c, struct strbuf *out)
{
    return show(c, false, true, out);
}
