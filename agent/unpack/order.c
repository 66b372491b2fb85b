/*
 * order.c - the work order: what the supervisor asks the unpacker to place, and which file it wants to start.
 */
#include "unpack/order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/fact.h"
#include "base/parse.h"

void order_free(struct order *o)
{
    for (size_t i = 0; i < o->placement_count; i++) {
        free(o->placement[i].name);
        free(o->placement[i].into);
    }
    free(o->entrypoint);
    *o = (struct order){0};
}

static int bad(struct err *e, const char *what)
{
    return err_set(e, -EBADMSG, BLAME_BUG, "%s", what);
}

static int read_placement(const struct fact *f, struct order *o, struct err *e)
{
    const char *form = fact_str(f, "place");
    const char *name = fact_str(f, "name");
    const char *into = fact_str(f, "into");
    struct member_path path = {.text = ""};
    struct placement *p = &o->placement[o->placement_count];

    if (o->placement_count == PLAN_PLACEMENTS_MAX)
        return bad(e, "too many placements");
    if (strcmp(form, "file") == 0)
        p->form = PLACE_FILE;
    else if (strcmp(form, "archive") == 0)
        p->form = PLACE_ARCHIVE;
    else
        return bad(e, "'place' is neither 'file' nor 'archive'");
    if (!file_name_valid(name))
        return bad(e, "'name' is not a plain file name");
    if (into[0] != '\0' && member_path_read(into, &path, e) < 0)
        return bad(e, "'into' is not a folder below the home");
    o->placement_count++;
    p->name = strdup(name);
    p->into = strdup(path.text);
    return p->name != NULL && p->into != NULL ? 0 : err_oom(e);
}

static int read_entry(const struct fact *f, struct order *o, struct err *e)
{
    const char *kind = fact_str(f, "entry");
    const char *entrypoint = fact_str(f, "entrypoint");

    if (strcmp(kind, "file") == 0)
        o->entry_kind = ENTRY_FILE;
    else if (strcmp(kind, "archive") == 0)
        o->entry_kind = ENTRY_ARCHIVE;
    else if (strcmp(kind, "image") == 0)
        o->entry_kind = ENTRY_IMAGE;
    else
        return bad(e, "'entry' is none of 'file', 'archive' and 'image'");
    if (entrypoint[0] == '\0')
        return o->entry_kind != ENTRY_FILE ? 0 : bad(e, "a file entry names no file");
    o->entrypoint = strdup(entrypoint);
    return o->entrypoint != NULL ? 0 : err_oom(e);
}

static int read_limit(const struct fact *f, const char *key, uint64_t *ret, struct err *e)
{
    int64_t value = 0;

    if (!fact_int(f, key, &value) || value < 1)
        return err_set(e, -EBADMSG, BLAME_BUG, "'%s' is not a positive number", key);
    *ret = (uint64_t)value;
    return 0;
}

static int read_limits(const struct fact *f, struct order *o, struct err *e)
{
    int r = read_limit(f, "max-bytes", &o->limits.max_bytes, e);
    if (r == 0)
        r = read_limit(f, "max-files", &o->limits.max_files, e);
    if (r == 0)
        r = read_limit(f, "max-ratio", &o->limits.max_ratio, e);
    return r;
}

enum order_part {
    PART_PLACEMENTS,
    PART_ENTRY,
    PART_LIMITS,
};

/* Reads one line; *part is what came last. */
static int read_line(const char *text, size_t n, enum order_part *part, struct order *o, struct err *e)
{
    AUTO(fact) struct fact f = {0};
    const char *ignored = NULL;
    int r = fact_decode(text, n, &f, e);

    if (r < 0)
        return r;
    if (*part == PART_PLACEMENTS && fact_string(&f, "place", &ignored))
        return read_placement(&f, o, e);
    if (*part == PART_PLACEMENTS && fact_string(&f, "entry", &ignored)) {
        *part = PART_ENTRY;
        return read_entry(&f, o, e);
    }
    if (*part == PART_ENTRY) {
        *part = PART_LIMITS;
        return read_limits(&f, o, e);
    }
    return bad(e, "unexpected line");
}

int order_decode(const char *text, size_t n, struct order *ret, struct err *e)
{
    enum order_part part = PART_PLACEMENTS;
    int line = 0;

    for (size_t at = 0; at < n;) {
        const char *end = memchr(text + at, '\n', n - at);
        size_t len = end != NULL ? (size_t)(end - text) - at : n - at;
        line++;
        if (read_line(text + at, len, &part, ret, e) < 0) {
            e->blame = BLAME_BUG;
            order_free(ret);
            return err_context(e, "work order, line %d", line);
        }
        at += len + 1;
    }
    if (part != PART_LIMITS) {
        order_free(ret);
        return bad(e, "work order: it ends too early");
    }
    return 0;
}
