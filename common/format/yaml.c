/* yaml.c - see read.h: YAML by libyaml's events, turned into the node tree within the caps. */
#include "format/read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/parse.h"
#include "format/build.h"
#include "format/scalar.h"

#define ANCHORS_MAX    256
#define MERGE_KEYS_MAX 1000
#define TAG_PREFIX     "tag:yaml.org,2002:"

struct anchor {
    char *name;              /* owned */
    const struct node *node; /* borrowed from the tree; NULL while the node is being read */
};

struct yaml_walk {
    yaml_parser_t parser;
    struct diag_list *diags;
    size_t nodes;
    struct anchor anchor[ANCHORS_MAX];
    size_t anchor_count;
    struct node
        *merged; /* owned list: values of `<<`, out of the tree, but an anchor may still point into them */
};

static inline void yaml_event_t_auto(yaml_event_t *event)
{
    yaml_event_delete(event);
}

static struct diag_where at_mark(yaml_mark_t mark)
{
    return (struct diag_where){.line = (int)mark.line + 1, .column = (int)mark.column + 1};
}

static struct node *refuse(struct yaml_walk *w, yaml_mark_t mark, const char *why)
{
    diag_error(w->diags, at_mark(mark), "%s", why);
    return NULL;
}

/* Reads the next event. false: a syntax error, already reported. */
static bool next_event(struct yaml_walk *w, yaml_event_t *event)
{
    const yaml_parser_t *p = &w->parser;

    if (yaml_parser_parse(&w->parser, event))
        return true;
    if (p->error == YAML_MEMORY_ERROR)
        diag_error(w->diags, (struct diag_where){0}, "out of memory");
    else if (p->error == YAML_READER_ERROR)
        diag_error(w->diags, at_mark(p->mark), "not valid YAML: %s", p->problem);
    else
        diag_error(w->diags, at_mark(p->problem_mark), "not valid YAML: %s%s%s",
                   p->problem != NULL ? p->problem : "unreadable", p->context != NULL ? " " : "",
                   p->context != NULL ? p->context : "");
    return false;
}

/* Counts one more node at `depth` and makes it. */
static struct node *make_node(struct yaml_walk *w, enum node_kind kind, yaml_mark_t mark, unsigned depth)
{
    struct node *n;

    if (depth > DOCUMENT_DEPTH_MAX)
        return refuse(w, mark, "nested too deep");
    if (++w->nodes > DOCUMENT_NODES_MAX)
        return refuse(w, mark, "too many values in the document (aliases count each time)");
    n = node_new(kind, (int)mark.line + 1, (int)mark.column + 1);
    return n != NULL ? n : refuse(w, mark, "out of memory");
}

/* ---- anchors and aliases ---- */

/* Registers the name before its node is read. *ret is its slot, or ANCHORS_MAX when there is no anchor. */
static int anchor_begin(struct yaml_walk *w, const yaml_char_t *name, yaml_mark_t mark, size_t *ret)
{
    *ret = ANCHORS_MAX;
    if (name == NULL)
        return 0;
    if (w->anchor_count == ANCHORS_MAX) {
        (void)refuse(w, mark, "too many anchors");
        return -EINVAL;
    }
    w->anchor[w->anchor_count] = (struct anchor){.name = strdup((const char *)name)};
    if (w->anchor[w->anchor_count].name == NULL) {
        (void)refuse(w, mark, "out of memory");
        return -ENOMEM;
    }
    *ret = w->anchor_count++;
    return 0;
}

static void anchor_end(struct yaml_walk *w, size_t slot, const struct node *n)
{
    if (slot < ANCHORS_MAX)
        w->anchor[slot].node = n;
}

static struct node *copy_node(struct yaml_walk *w, const struct node *from, yaml_mark_t mark, unsigned depth)
{
    AUTO(node) struct node *n = make_node(w, from->kind, mark, depth);

    if (n == NULL)
        return NULL;
    n->line = from->line;
    n->column = from->column;
    n->quoted = from->quoted;
    n->integer = from->integer;
    n->real = from->real;
    if (from->text != NULL && (n->text = strdup(from->text)) == NULL)
        return refuse(w, mark, "out of memory");
    for (size_t i = 0; i < from->count; i++) {
        const struct node *c = from->item[i];
        struct node *copy = copy_node(w, c, mark, depth + 1);
        int r;
        if (copy == NULL)
            return NULL;
        r = c->key == NULL ? node_append(n, copy)
                           : node_append_keyed(n, c->key, c->key_line, c->key_column, copy);
        if (r < 0)
            return refuse(w, mark, "out of memory");
    }
    return take_ptr(&n);
}

static struct node *read_alias(struct yaml_walk *w, const yaml_event_t *event, unsigned depth)
{
    const char *name = (const char *)event->data.alias.anchor;

    /* The last anchor of a name counts. */
    for (size_t i = w->anchor_count; i-- > 0;) {
        if (strcmp(w->anchor[i].name, name) != 0)
            continue;
        if (w->anchor[i].node == NULL)
            return refuse(w, event->start_mark, "an alias inside the value it stands for");
        return copy_node(w, w->anchor[i].node, event->start_mark, depth);
    }
    diag_error(w->diags, at_mark(event->start_mark), "alias '*%.60s' has no anchor before it", name);
    return NULL;
}

/* ---- scalars ---- */

static bool apply_tag(struct yaml_walk *w, struct node *n, const yaml_event_t *event)
{
    static const struct {
        const char *name;
        enum node_kind kind;
    } TAGS[] = {{"str", NODE_STRING},
                {"int", NODE_INT},
                {"float", NODE_REAL},
                {"bool", NODE_BOOL},
                {"null", NODE_NULL}};
    const char *tag = (const char *)event->data.scalar.tag;

    if (strcmp(tag, "!") == 0) {
        n->kind = NODE_STRING;
        return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(TAGS); i++) {
        if (strncmp(tag, TAG_PREFIX, strlen(TAG_PREFIX)) != 0 ||
            strcmp(tag + strlen(TAG_PREFIX), TAGS[i].name) != 0)
            continue;
        scalar_resolve(n);
        if (TAGS[i].kind == NODE_STRING || (TAGS[i].kind == NODE_REAL && n->kind == NODE_INT))
            n->kind = TAGS[i].kind;
        if (n->kind == TAGS[i].kind)
            return true;
        diag_error(w->diags, at_mark(event->start_mark), "'%.60s' is not of type %s", n->text,
                   node_kind_name(TAGS[i].kind));
        return false;
    }
    diag_error(w->diags, at_mark(event->start_mark), "tag '%.60s' is not supported", tag);
    return false;
}

static struct node *read_scalar(struct yaml_walk *w, const yaml_event_t *event, unsigned depth)
{
    AUTO(node) struct node *n = make_node(w, NODE_STRING, event->start_mark, depth);
    const char *value = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;

    if (n == NULL)
        return NULL;
    if (memchr(value, '\0', length) != NULL)
        return refuse(w, event->start_mark, "a string must not hold a NUL character");
    n->text = strndup(value, length);
    if (n->text == NULL)
        return refuse(w, event->start_mark, "out of memory");
    n->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (event->data.scalar.tag != NULL) {
        if (!apply_tag(w, n, event))
            return NULL;
    } else if (!n->quoted) {
        scalar_resolve(n);
    }
    return take_ptr(&n);
}

/* ---- lists and maps ---- */

static struct node *read_node(struct yaml_walk *w, const yaml_event_t *event, unsigned depth);

static bool read_items(struct yaml_walk *w, struct node *seq, unsigned depth)
{
    for (;;) {
        AUTO(yaml_event_t) yaml_event_t event = {0};
        struct node *child;

        if (!next_event(w, &event))
            return false;
        if (event.type == YAML_SEQUENCE_END_EVENT)
            return true;
        child = read_node(w, &event, depth + 1);
        if (child == NULL)
            return false;
        if (node_append(seq, child) < 0)
            return refuse(w, event.start_mark, "out of memory") != NULL;
    }
}

static bool key_usable(struct yaml_walk *w, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;

    if (event->type != YAML_SCALAR_EVENT)
        return refuse(w, event->start_mark, "a key must be a plain word or a string") != NULL;
    if (event->data.scalar.length == 0)
        return refuse(w, event->start_mark, "a key is missing before ':'") != NULL;
    if (memchr(text, '\0', event->data.scalar.length) != NULL)
        return refuse(w, event->start_mark, "a key must not hold a NUL character") != NULL;
    return true;
}

static bool read_members(struct yaml_walk *w, struct node *map, unsigned depth)
{
    for (;;) {
        AUTO(yaml_event_t) yaml_event_t key = {0};
        AUTO(yaml_event_t) yaml_event_t value = {0};
        struct node *child;

        if (!next_event(w, &key))
            return false;
        if (key.type == YAML_MAPPING_END_EVENT)
            return true;
        if (!key_usable(w, &key) || !next_event(w, &value))
            return false;
        child = read_node(w, &value, depth + 1);
        if (child == NULL)
            return false;
        if (node_append_keyed(map, (const char *)key.data.scalar.value, (int)key.start_mark.line + 1,
                              (int)key.start_mark.column + 1, child) < 0)
            return refuse(w, key.start_mark, "out of memory") != NULL;
    }
}

static bool keys_differ(struct yaml_walk *w, const struct node *map)
{
    const struct node *twice = NULL;

    if (node_find_duplicate(map, &twice) < 0)
        diag_error(w->diags, node_where(map), "out of memory");
    else if (twice != NULL)
        diag_error(w->diags, node_key_where(twice), "key '%.100s' appears twice", twice->key);
    else
        return true;
    return false;
}

/* Adds the members of `from` that the map does not have; copies, so that every node has one parent. */
static bool merge_from(struct yaml_walk *w, struct node *map, const struct node *from, yaml_mark_t mark,
                       unsigned depth)
{
    if (map->count > MERGE_KEYS_MAX || from->count > MERGE_KEYS_MAX)
        return refuse(w, mark, "too many keys to merge by '<<'") != NULL;
    for (size_t i = 0; i < from->count; i++) {
        const struct node *c = from->item[i];
        struct node *copy;

        if (node_get(map, c->key) != NULL)
            continue;
        copy = copy_node(w, c, mark, depth + 1);
        if (copy == NULL)
            return false;
        if (node_append_keyed(map, c->key, c->key_line, c->key_column, copy) < 0)
            return refuse(w, mark, "out of memory") != NULL;
    }
    return true;
}

/* Takes the value of `<<` out of the map. NULL: there is none, or (with a diagnostic) no memory. */
static const struct node *detach_merge(struct yaml_walk *w, struct node *map)
{
    struct node *source = (struct node *)node_get(map, "<<");

    if (source == NULL)
        return NULL;
    for (size_t i = source->index + 1; i < map->count; i++) {
        map->item[i - 1] = map->item[i];
        map->item[i - 1]->index = i - 1;
    }
    map->count--;
    if (w->merged == NULL)
        w->merged = node_new(NODE_SEQ, 0, 0);
    if (w->merged == NULL) {
        node_free(source);
        source = NULL;
    } else if (node_append(w->merged, source) < 0) {
        source = NULL;
    }
    if (source == NULL)
        diag_error(w->diags, node_where(map), "out of memory");
    return source;
}

/* YAML 1.1's merge key, which Python's reader follows too: `<<: *defaults`, or a list of maps, the first
 * wins. */
static bool merge(struct yaml_walk *w, struct node *map, yaml_mark_t mark, unsigned depth)
{
    const struct node *source;
    size_t maps = 0;

    if (node_get(map, "<<") == NULL)
        return true;
    source = detach_merge(w, map);
    if (source == NULL)
        return false;
    if (source->kind == NODE_MAP)
        return merge_from(w, map, source, mark, depth);
    while (source->kind == NODE_SEQ && maps < source->count && source->item[maps]->kind == NODE_MAP)
        maps++;
    if (source->kind != NODE_SEQ || maps < source->count) {
        diag_error(w->diags, node_where(source), "'<<' takes a mapping or a list of mappings, found %s",
                   node_kind_name(source->kind));
        return false;
    }
    for (size_t i = 0; i < source->count; i++)
        if (!merge_from(w, map, source->item[i], mark, depth))
            return false;
    return true;
}

static struct node *read_collection(struct yaml_walk *w, const yaml_event_t *event, unsigned depth)
{
    bool is_map = event->type == YAML_MAPPING_START_EVENT;
    const char *tag = (const char *)(is_map ? event->data.mapping_start.tag : event->data.sequence_start.tag);
    AUTO(node) struct node *n = NULL;

    if (tag != NULL && strcmp(tag, "!") != 0 &&
        strcmp(tag, is_map ? TAG_PREFIX "map" : TAG_PREFIX "seq") != 0) {
        diag_error(w->diags, at_mark(event->start_mark), "tag '%.60s' is not supported", tag);
        return NULL;
    }
    n = make_node(w, is_map ? NODE_MAP : NODE_SEQ, event->start_mark, depth);
    if (n == NULL)
        return NULL;
    if (is_map ? !read_members(w, n, depth) || !keys_differ(w, n) || !merge(w, n, event->start_mark, depth)
               : !read_items(w, n, depth))
        return NULL;
    return take_ptr(&n);
}

static const yaml_char_t *anchor_of(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT: return event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT: return event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT: return event->data.mapping_start.anchor;
    default: return NULL;
    }
}

static struct node *read_node(struct yaml_walk *w, const yaml_event_t *event, unsigned depth)
{
    struct node *n;
    size_t slot;

    if (event->type == YAML_ALIAS_EVENT)
        return read_alias(w, event, depth);
    if (anchor_begin(w, anchor_of(event), event->start_mark, &slot) < 0)
        return NULL;
    n = event->type == YAML_SCALAR_EVENT ? read_scalar(w, event, depth) : read_collection(w, event, depth);
    anchor_end(w, slot, n);
    return n;
}

/* ---- the document ---- */

/* Stream start, document start, the root, document end, stream end; an empty stream is a null. */
static struct node *read_stream(struct yaml_walk *w)
{
    AUTO(node) struct node *root = NULL;
    bool started = false;

    for (;;) {
        AUTO(yaml_event_t) yaml_event_t event = {0};

        if (!next_event(w, &event))
            return NULL;
        switch (event.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT: break;
        case YAML_DOCUMENT_START_EVENT:
            if (started)
                return refuse(w, event.start_mark, "a second document; one is expected");
            started = true;
            break;
        case YAML_STREAM_END_EVENT:
            if (root == NULL && (root = make_node(w, NODE_NULL, event.start_mark, 1)) != NULL)
                root->text = strdup("");
            return root != NULL && (root->text != NULL || root->kind == NODE_MAP || root->kind == NODE_SEQ)
                       ? take_ptr(&root)
                       : refuse(w, event.start_mark, "out of memory");
        default:
            root = read_node(w, &event, 1);
            if (root == NULL)
                return NULL;
        }
    }
}

/* The first byte that is not UTF-8 (or is NUL), found line by line so that it can be named. */
static bool text_usable(const char *text, size_t n, struct diag_list *diags)
{
    int line = 1;

    if (n > DOCUMENT_BYTES_MAX) {
        diag_error(diags, (struct diag_where){0}, "a document of %zu bytes is over the limit of %u", n,
                   DOCUMENT_BYTES_MAX);
        return false;
    }
    while (n > 0) {
        const char *newline = memchr(text, '\n', n);
        size_t length = newline != NULL ? (size_t)(newline - text) + 1 : n;
        if (memchr(text, '\0', length) != NULL || !utf8_valid(text, length)) {
            diag_error(diags, (struct diag_where){.line = line, .column = 1}, "the line is not UTF-8 text");
            return false;
        }
        text += length;
        n -= length;
        line++;
    }
    return true;
}

struct node *yaml_read(const char *text, size_t n, struct diag_list *diags)
{
    AUTO_FREE struct yaml_walk *walk = NULL;
    struct node *root;

    if (!text_usable(text, n, diags))
        return NULL;
    walk = calloc(1, sizeof(*walk));
    if (walk == NULL || !yaml_parser_initialize(&walk->parser)) {
        diag_error(diags, (struct diag_where){0}, "out of memory");
        return NULL;
    }
    walk->diags = diags;
    yaml_parser_set_encoding(&walk->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&walk->parser, (const unsigned char *)text, n);
    root = read_stream(walk);
    yaml_parser_delete(&walk->parser);
    for (size_t i = 0; i < walk->anchor_count; i++)
        free(walk->anchor[i].name);
    node_free(walk->merged);
    return root;
}
