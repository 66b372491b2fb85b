/* fact.c - see fact.h. */
#include "base/fact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/parse.h"

/* ---- reading ---- */

struct cursor {
    const char *start;
    const char *p;
    const char *end;
};

void fact_free(struct fact *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->member[i].key);
        free(f->member[i].string);
    }
    f->count = 0;
}

static int bad(const struct cursor *c, struct err *e, const char *what)
{
    return err_set(e, -EBADMSG, BLAME_BUG, "byte %zu: %s", (size_t)(c->p - c->start) + 1, what);
}

static void skip_blanks(struct cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
        c->p++;
}

static bool take(struct cursor *c, char ch)
{
    skip_blanks(c);
    if (c->p < c->end && *c->p == ch) {
        c->p++;
        return true;
    }
    return false;
}

/* Reads the four hex digits after "\u". */
static int hex4(struct cursor *c, unsigned *ret)
{
    unsigned value = 0;

    if (c->end - c->p < 4)
        return -EBADMSG;
    for (int i = 0; i < 4; i++, c->p++) {
        char ch = *c->p;
        value <<= 4;
        if (ch >= '0' && ch <= '9')
            value |= (unsigned)(ch - '0');
        else if (ch >= 'a' && ch <= 'f')
            value |= (unsigned)(ch - 'a' + 10);
        else if (ch >= 'A' && ch <= 'F')
            value |= (unsigned)(ch - 'A' + 10);
        else
            return -EBADMSG;
    }
    *ret = value;
    return 0;
}

static void put_utf8(struct strbuf *out, unsigned cp)
{
    if (cp < 0x80) {
        strbuf_addch(out, (char)cp);
    } else if (cp < 0x800) {
        strbuf_addch(out, (char)(0xC0 | (cp >> 6)));
        strbuf_addch(out, (char)(0x80 | (cp & 0x3F)));
    } else if (cp < 0x10000) {
        strbuf_addch(out, (char)(0xE0 | (cp >> 12)));
        strbuf_addch(out, (char)(0x80 | ((cp >> 6) & 0x3F)));
        strbuf_addch(out, (char)(0x80 | (cp & 0x3F)));
    } else {
        strbuf_addch(out, (char)(0xF0 | (cp >> 18)));
        strbuf_addch(out, (char)(0x80 | ((cp >> 12) & 0x3F)));
        strbuf_addch(out, (char)(0x80 | ((cp >> 6) & 0x3F)));
        strbuf_addch(out, (char)(0x80 | (cp & 0x3F)));
    }
}

/* The code point of a \uXXXX escape, joining surrogate pairs. U+0000 is refused: values are C strings. */
static int unicode_escape(struct cursor *c, struct strbuf *out, struct err *e)
{
    unsigned cp, low;

    if (hex4(c, &cp) < 0)
        return bad(c, e, "four hexadecimal digits expected after \\u");
    if (cp >= 0xD800 && cp <= 0xDBFF) {
        if (c->end - c->p < 2 || c->p[0] != '\\' || c->p[1] != 'u')
            return bad(c, e, "half a surrogate pair");
        c->p += 2;
        if (hex4(c, &low) < 0 || low < 0xDC00 || low > 0xDFFF)
            return bad(c, e, "half a surrogate pair");
        cp = 0x10000 + ((cp - 0xD800) << 10) + (low - 0xDC00);
    } else if (cp >= 0xDC00 && cp <= 0xDFFF) {
        return bad(c, e, "half a surrogate pair");
    }
    if (cp == 0)
        return bad(c, e, "NUL in a string");
    put_utf8(out, cp);
    return 0;
}

static int escape(struct cursor *c, struct strbuf *out, struct err *e)
{
    static const char FROM[] = "\"\\/bfnrt";
    static const char TO[] = "\"\\/\b\f\n\r\t";
    const char *at;

    if (c->p == c->end)
        return bad(c, e, "unfinished string");
    if (*c->p == 'u') {
        c->p++;
        return unicode_escape(c, out, e);
    }
    at = strchr(FROM, *c->p);
    if (at == NULL || *c->p == '\0')
        return bad(c, e, "unknown escape");
    c->p++;
    strbuf_addch(out, TO[at - FROM]);
    return 0;
}

static int read_string(struct cursor *c, char **ret, struct err *e)
{
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(FACT_LINE_MAX);
    int r;

    if (!take(c, '"'))
        return bad(c, e, "a string expected");
    while (c->p < c->end && *c->p != '"') {
        const char *run = c->p;
        while (c->p < c->end && *c->p != '"' && *c->p != '\\' && (unsigned char)*c->p >= 0x20)
            c->p++;
        strbuf_add(&out, run, (size_t)(c->p - run));
        if (c->p == c->end || *c->p == '"')
            continue;
        if (*c->p != '\\')
            return bad(c, e, "control character in a string");
        c->p++;
        r = escape(c, &out, e);
        if (r < 0)
            return r;
    }
    if (c->p == c->end)
        return bad(c, e, "unfinished string");
    if (!utf8_valid(strbuf_str(&out), out.len))
        return bad(c, e, "string is not UTF-8");
    c->p++;
    if (out.failed == -E2BIG)
        return err_set(e, -E2BIG, BLAME_BUG, "string is too long");
    *ret = strbuf_take(&out);
    return *ret != NULL ? 0 : err_oom(e);
}

static int read_int(struct cursor *c, int64_t *ret, struct err *e)
{
    char digits[24];
    size_t n = 0;

    while (c->p < c->end && n < sizeof(digits) - 1 && ((*c->p >= '0' && *c->p <= '9') || *c->p == '-'))
        digits[n++] = *c->p++;
    digits[n] = '\0';
    if (parse_i64(digits, INT64_MIN + 1, INT64_MAX, ret) < 0)
        return bad(c, e, "a whole number of 64 bits expected");
    return 0;
}

static bool take_word(struct cursor *c, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n) != 0)
        return false;
    c->p += n;
    return true;
}

static int read_value(struct cursor *c, struct fact_member *m, struct err *e)
{
    skip_blanks(c);
    if (c->p < c->end && *c->p == '"') {
        m->type = FACT_STRING;
        return read_string(c, &m->string, e);
    }
    if (take_word(c, "true") || take_word(c, "false")) {
        m->type = FACT_BOOL;
        m->value = c->p[-2] == 'u';
        return 0;
    }
    m->type = FACT_INT;
    return read_int(c, &m->value, e);
}

static const struct fact_member *find(const struct fact *f, const char *key)
{
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->member[i].key, key) == 0)
            return &f->member[i];
    return NULL;
}

static int read_member(struct cursor *c, struct fact *f, struct err *e)
{
    struct fact_member m = {0};
    int r = read_string(c, &m.key, e);

    if (r < 0)
        return r;
    if (find(f, m.key) != NULL)
        r = bad(c, e, "duplicate key");
    else if (f->count == FACT_MEMBERS_MAX)
        r = err_set(e, -E2BIG, BLAME_BUG, "more than %d members", FACT_MEMBERS_MAX);
    else if (!take(c, ':'))
        r = bad(c, e, "':' expected");
    else
        r = read_value(c, &m, e);
    if (r < 0) {
        free(m.key);
        return r;
    }
    f->member[f->count++] = m;
    return 0;
}

static int read_object(struct cursor *c, struct fact *f, struct err *e)
{
    if (!take(c, '{'))
        return bad(c, e, "'{' expected");
    if (take(c, '}'))
        return 0;
    do {
        int r = read_member(c, f, e);
        if (r < 0)
            return r;
    } while (take(c, ','));
    return take(c, '}') ? 0 : bad(c, e, "',' or '}' expected");
}

int fact_decode(const char *text, size_t n, struct fact *f, struct err *e)
{
    struct cursor c = {text, text, text + n};
    int r;

    f->count = 0;
    if (n > FACT_LINE_MAX)
        return err_set(e, -E2BIG, BLAME_BUG, "a fact of %zu bytes is over the limit of %u", n, FACT_LINE_MAX);
    r = read_object(&c, f, e);
    if (r == 0) {
        (void)take(&c, '\n');
        if (c.p != c.end)
            r = bad(&c, e, "text after the object");
    }
    if (r < 0)
        fact_free(f);
    return r;
}

bool fact_string(const struct fact *f, const char *key, const char **ret)
{
    const struct fact_member *m = find(f, key);

    if (m == NULL || m->type != FACT_STRING)
        return false;
    *ret = m->string;
    return true;
}

bool fact_int(const struct fact *f, const char *key, int64_t *ret)
{
    const struct fact_member *m = find(f, key);

    if (m == NULL || m->type != FACT_INT)
        return false;
    *ret = m->value;
    return true;
}

bool fact_bool(const struct fact *f, const char *key, bool *ret)
{
    const struct fact_member *m = find(f, key);

    if (m == NULL || m->type != FACT_BOOL)
        return false;
    *ret = m->value != 0;
    return true;
}

const char *fact_str(const struct fact *f, const char *key)
{
    const char *s = "";
    (void)fact_string(f, key, &s);
    return s;
}

/* ---- writing ---- */

static void put_char(struct strbuf *out, unsigned char ch)
{
    static const char NAMED_FROM[] = "\"\\\b\f\n\r\t";
    static const char NAMED_TO[] = "\"\\bfnrt";
    const char *at = ch != 0 ? strchr(NAMED_FROM, ch) : NULL;

    if (at != NULL) {
        strbuf_addch(out, '\\');
        strbuf_addch(out, NAMED_TO[at - NAMED_FROM]);
    } else if (ch < 0x20 || ch == 0x7F) {
        strbuf_addf(out, "\\u%04x", ch);
    } else {
        strbuf_addch(out, (char)ch);
    }
}

void json_put_string(struct strbuf *out, const char *value, size_t n)
{
    static const char REPLACEMENT[] = "\xEF\xBF\xBD";

    strbuf_addch(out, '"');
    for (size_t i = 0; i < n;) {
        size_t len = 1;
        while (len <= 4 && i + len <= n && !utf8_valid(value + i, len))
            len++;
        if (len > 4 || i + len > n) {
            strbuf_addstr(out, REPLACEMENT);
            i++;
        } else if (len == 1) {
            put_char(out, (unsigned char)value[i++]);
        } else {
            strbuf_add(out, value + i, len);
            i += len;
        }
    }
    strbuf_addch(out, '"');
}

struct fact_writer fact_begin(struct strbuf *out)
{
    strbuf_addch(out, '{');
    return (struct fact_writer){.out = out, .first = true};
}

static void put_key(struct fact_writer *w, const char *key)
{
    if (!w->first)
        strbuf_addch(w->out, ',');
    w->first = false;
    json_put_string(w->out, key, strlen(key));
    strbuf_addch(w->out, ':');
}

void fact_put_string(struct fact_writer *w, const char *key, const char *value)
{
    put_key(w, key);
    json_put_string(w->out, value, strlen(value));
}

void fact_put_int(struct fact_writer *w, const char *key, int64_t value)
{
    put_key(w, key);
    strbuf_addf(w->out, "%lld", (long long)value);
}

void fact_put_bool(struct fact_writer *w, const char *key, bool value)
{
    put_key(w, key);
    strbuf_addstr(w->out, value ? "true" : "false");
}

int fact_end(struct fact_writer *w)
{
    strbuf_addstr(w->out, "}\n");
    return w->out->failed;
}
