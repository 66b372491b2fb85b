/* fields.c - see fields.h. */
#include "job/fields.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/parse.h"
#include "format/known.h"

#define KEY_MAX 64

struct reader reader_begin(struct diag_list *diags, enum key_style style)
{
    return (struct reader){.diags = diags, .style = style, .errors_before = diags->errors};
}

int reader_end(const struct reader *rd)
{
    if (rd->no_memory)
        return -ENOMEM;
    return rd->diags->errors > rd->errors_before ? -EINVAL : 0;
}

/* shapeName -> shape_name, memoryInGBs -> memory_in_gbs. */
static void snake(const char *key, char out[KEY_MAX])
{
    size_t n = 0;
    bool last_upper = true;

    for (; *key != '\0' && n < KEY_MAX - 2; key++) {
        bool upper = isupper((unsigned char)*key) != 0;
        if (upper && !last_upper)
            out[n++] = '_';
        out[n++] = (char)tolower((unsigned char)*key);
        last_upper = upper;
    }
    out[n] = '\0';
}

const struct node *field(const struct reader *rd, const struct node *map, const char *key)
{
    const struct node *n = rd->style == KEYS_API ? node_get_loose(map, key) : node_get(map, key);

    if (n == NULL && rd->style == KEYS_SNAKE) {
        char other[KEY_MAX];
        snake(key, other);
        n = node_get(map, other);
    }
    return n != NULL && n->kind != NODE_NULL ? n : NULL;
}

void wrong_kind(struct reader *rd, const struct node *n, const char *what)
{
    if (n->key != NULL)
        diag_error(rd->diags, node_where(n), "'%.60s': expected %s, found %s", n->key, what,
                   node_kind_name(n->kind));
    else
        diag_error(rd->diags, node_where(n), "expected %s, found %s", what, node_kind_name(n->kind));
}

static const struct node *field_of(struct reader *rd, const struct node *map, const char *key,
                                   enum node_kind kind)
{
    const struct node *n = field(rd, map, key);

    if (n != NULL && n->kind != kind) {
        wrong_kind(rd, n, kind == NODE_MAP ? "a mapping" : "a list");
        return NULL;
    }
    return n;
}

const struct node *field_map(struct reader *rd, const struct node *map, const char *key)
{
    return field_of(rd, map, key, NODE_MAP);
}

const struct node *field_list(struct reader *rd, const struct node *map, const char *key)
{
    return field_of(rd, map, key, NODE_SEQ);
}

void assign(struct reader *rd, char **ret, const char *value)
{
    char *copy = strdup(value);

    if (copy == NULL) {
        rd->no_memory = true;
        return;
    }
    free(*ret);
    *ret = copy;
}

static bool is_text(const struct node *n)
{
    return n->kind == NODE_STRING || n->kind == NODE_INT || n->kind == NODE_REAL;
}

void field_string(struct reader *rd, const struct node *map, const char *key, char **ret)
{
    const struct node *n = field(rd, map, key);

    if (n == NULL)
        return;
    if (n->kind != NODE_STRING)
        wrong_kind(rd, n, "a string");
    else
        assign(rd, ret, n->text);
}

void field_text(struct reader *rd, const struct node *map, const char *key, char **ret)
{
    const struct node *n = field(rd, map, key);

    if (n == NULL)
        return;
    if (!is_text(n))
        wrong_kind(rd, n, "a string");
    else
        assign(rd, ret, n->text);
}

static bool whole_number(const struct node *n, int64_t *ret)
{
    if (n->kind == NODE_INT) {
        *ret = n->integer;
        return true;
    }
    if (n->kind == NODE_REAL && fabs(n->real) < 1e15 && n->real == floor(n->real)) {
        *ret = (int64_t)n->real;
        return true;
    }
    return n->kind == NODE_STRING && parse_i64(n->text, INT64_MIN, INT64_MAX, ret) == 0;
}

void field_int(struct reader *rd, const struct node *map, const char *key, int64_t min, int64_t max,
               int64_t *ret)
{
    const struct node *n = field(rd, map, key);
    int64_t value;

    if (n == NULL)
        return;
    if (!whole_number(n, &value))
        wrong_kind(rd, n, "a whole number");
    else if (value < min || value > max)
        diag_error(rd->diags, node_where(n), "'%.60s': %lld is out of range: expected %lld to %lld", n->key,
                   (long long)value, (long long)min, (long long)max);
    else
        *ret = value;
}

void field_real(struct reader *rd, const struct node *map, const char *key, double *ret)
{
    const struct node *n = field(rd, map, key);
    double value = -1;
    char *end = NULL;

    if (n == NULL)
        return;
    if (n->kind == NODE_INT || n->kind == NODE_REAL)
        value = n->real;
    else if (n->kind == NODE_STRING && isdigit((unsigned char)n->text[0])) {
        value = strtod(n->text, &end);
        if (*end != '\0')
            value = -1;
    }
    if (!isfinite(value) || value <= 0)
        diag_error(rd->diags, node_where(n), "'%.60s': expected a number above 0", n->key);
    else
        *ret = value;
}

void field_bool(struct reader *rd, const struct node *map, const char *key, bool *ret)
{
    const struct node *n = field(rd, map, key);

    if (n == NULL)
        return;
    if (n->kind == NODE_BOOL)
        *ret = n->integer != 0;
    else if (n->kind != NODE_STRING || parse_bool(n->text, ret) < 0)
        wrong_kind(rd, n, "true or false");
}

void field_strings(struct reader *rd, const struct node *map, const char *key, struct strlist *ret)
{
    const struct node *n = field_list(rd, map, key);

    for (size_t i = 0; n != NULL && i < n->count; i++) {
        if (!is_text(n->item[i]))
            wrong_kind(rd, n->item[i], "a string");
        else if (strlist_add(ret, n->item[i]->text) < 0)
            rd->no_memory = true;
    }
}

int item_choice(struct reader *rd, const struct node *n, const char *key, const char *const *words,
                size_t count)
{
    AUTO(strbuf) struct strbuf list = STRBUF_INIT(1024);

    for (size_t i = 0; i < count; i++)
        if (n->kind == NODE_STRING && strcmp(n->text, words[i]) == 0)
            return (int)i;
    for (size_t i = 0; i < count; i++)
        strbuf_addf(&list, "%s%s", i > 0 ? ", " : "", words[i]);
    if (n->kind == NODE_STRING)
        diag_error(rd->diags, node_where(n), "'%.60s': '%.60s' is not one of %s", key, n->text,
                   strbuf_str(&list));
    else
        wrong_kind(rd, n, strbuf_str(&list));
    return -1;
}

int field_choice(struct reader *rd, const struct node *map, const char *key, const char *const *words,
                 size_t count)
{
    const struct node *n = field(rd, map, key);

    return n != NULL ? item_choice(rd, n, n->key, words, count) : -1;
}

static bool key_matches(const struct reader *rd, const char *key, const char *known)
{
    char other[KEY_MAX];

    if (strcmp(key, known) == 0)
        return true;
    if (rd->style == KEYS_API)
        return tolower((unsigned char)key[0]) == tolower((unsigned char)known[0]) && key[0] != '\0' &&
               strcmp(key + 1, known + 1) == 0;
    if (rd->style != KEYS_SNAKE)
        return false;
    snake(known, other);
    return strcmp(key, other) == 0;
}

void check_keys(struct reader *rd, const struct node *map, const char *const *known, size_t count)
{
    for (size_t i = 0; map != NULL && map->kind == NODE_MAP && i < map->count; i++) {
        size_t k = 0;
        while (k < count && !key_matches(rd, map->item[i]->key, known[k]))
            k++;
        if (k == count)
            known_report(map->item[i], known, count, rd->style == KEYS_EXACT ? DIAG_ERROR : DIAG_WARNING,
                         rd->diags);
    }
}

size_t characters(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}
