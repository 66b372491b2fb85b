/* cache_notes.c - see cache.h: what is known of URIs and of partial files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/base64.h"
#include "base/crash_point.h"
#include "base/fact.h"
#include "fetch/cache.h"
#include "fetch/note.h"
#include "sys/fd.h"
#include "sys/process.h"

static int read_fact(int dir_fd, const char *name, struct fact *f)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(FACT_LINE_MAX);
    struct err e = ERR_INIT;

    if (file_read(dir_fd, name, &text) < 0)
        return -ENOENT;
    return fact_decode(strbuf_str(&text), text.len, f, &e) < 0 ? -ENOENT : 0;
}

static void take(const struct fact *f, const char *key, char *to, size_t size)
{
    const char *text = fact_str(f, key);

    (void)snprintf(to, size, "%s", strlen(text) < size ? text : "");
}

static void take_validator(const struct fact *f, struct validator *v)
{
    take(f, "etag", v->etag, sizeof(v->etag));
    take(f, "last-modified", v->last_modified, sizeof(v->last_modified));
}

static void put_validator(struct fact_writer *w, const struct validator *v)
{
    if (v->etag[0] != '\0')
        fact_put_string(w, "etag", v->etag);
    if (v->last_modified[0] != '\0')
        fact_put_string(w, "last-modified", v->last_modified);
}

int cache_known_peek(const struct cache *c, const char *key, struct cache_known *ret)
{
    AUTO(fact) struct fact f = {0};
    struct cache_known known = {0};

    if (read_fact(c->index_fd, key, &f) < 0)
        return -ENOENT;
    take(&f, "sha256", known.object.sha256, sizeof(known.object.sha256));
    take_validator(&f, &known.validator);
    (void)fact_int(&f, "at-ms", &known.at.ms);
    if (!hex_valid(known.object.sha256, SHA256_HEX_BYTES - 1) ||
        cache_peek(c, known.object.sha256, &known.object) < 0)
        return -ENOENT;
    *ret = known;
    return 0;
}

int cache_known_read(const struct cache *c, const char *key, struct cache_known *ret)
{
    struct cache_known known;
    int r = cache_known_peek(c, key, &known);

    if (r == 0)
        r = cache_find(c, known.object.sha256, &known.object);
    if (r == 0)
        *ret = known;
    return r;
}

int cache_known_write(const struct cache *c, const char *key, const struct cache_known *known)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(FACT_LINE_MAX);
    struct fact_writer w = fact_begin(&text);

    fact_put_string(&w, "sha256", known->object.sha256);
    put_validator(&w, &known->validator);
    fact_put_int(&w, "at-ms", known->at.ms);
    if (fact_end(&w) < 0)
        return text.failed;
    CRASH_POINT("cache-index");
    return note_write(c->index_fd, key, &text);
}

static void about_name(const char *key, char ret[96])
{
    (void)snprintf(ret, 96, "%.64s.about", key);
}

int cache_partial_read(const struct cache *c, const char *key, struct partial *ret)
{
    AUTO(fact) struct fact f = {0};
    char name[96], boot[BOOT_ID_MAX];
    struct partial p = {.total = -1};

    about_name(key, name);
    boot_id_read(boot);
    if (read_fact(c->partial_fd, name, &f) < 0 || strcmp(fact_str(&f, "boot"), boot) != 0)
        return -ENOENT;
    take_validator(&f, &p.validator);
    take(&f, "md5", p.md5, sizeof(p.md5));
    (void)fact_int(&f, "total", &p.total);
    *ret = p;
    return 0;
}

int cache_partial_write(const struct cache *c, const char *key, const struct partial *about)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(FACT_LINE_MAX);
    struct fact_writer w = fact_begin(&text);
    char name[96], boot[BOOT_ID_MAX];

    about_name(key, name);
    boot_id_read(boot);
    fact_put_string(&w, "boot", boot);
    put_validator(&w, &about->validator);
    if (about->md5[0] != '\0')
        fact_put_string(&w, "md5", about->md5);
    if (about->total >= 0)
        fact_put_int(&w, "total", about->total);
    if (fact_end(&w) < 0)
        return text.failed;
    CRASH_POINT("cache-about");
    return note_write(c->partial_fd, name, &text);
}
