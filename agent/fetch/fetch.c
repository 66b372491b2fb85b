/* fetch.c - see fetch.h. */
#include "fetch/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/base64.h"
#include "base/uri.h"
#include "fetch/note.h"
#include "sys/fd.h"

#define PARTS_NAME  "parts"
#define TICK_MS     1000
#define GIVES_MAX   3 /* how often an object may be evicted between its coming and our link */
#define PART_NAME_N 16

struct run_fetch {
    struct run *run;         /* borrowed */
    struct fetcher *fetcher; /* borrowed */
    struct download *download;
    struct loop_timer *tick; /* owned */
    size_t part;             /* being fetched */
    boot_ms_t begun;
    int gives;
};

static void go_on(struct run_fetch *f);

/* ---- what is here already ---- */

static void part_name(size_t i, char ret[PART_NAME_N])
{
    (void)snprintf(ret, PART_NAME_N, "%zu", i);
}

/* The name in parts/ of what was handed in; NULL when the path leads elsewhere: it was written by whoever submits. */
static const char *handed_in(const struct artifact_part *part)
{
    const char *name = part->path;

    if (strncmp(name, PARTS_NAME "/", sizeof(PARTS_NAME)) != 0)
        return NULL;
    name += sizeof(PARTS_NAME);
    return strchr(name, '/') == NULL && strcmp(name, "..") != 0 ? name : NULL;
}

static int open_in(int parts_fd, const char *file, const char *name, struct err *e)
{
    AUTO_CLOSE int fd = openat(parts_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;

    if (fd < 0)
        return err_errno(e, errno, BLAME_NODE, "open the artifact %s", name);
    if (fstat(fd, &st) < 0)
        return err_errno(e, errno, BLAME_NODE, "look at the artifact %s", name);
    if (!S_ISREG(st.st_mode))
        return err_set(e, -EINVAL, BLAME_NODE, "the artifact %s is not a regular file", name);
    return take_fd(&fd);
}

/* What was handed in lies in the run's folder; of one node of several, in that of the whole, which outlives its nodes. */
static int open_parts(const struct run *run, const struct artifact_part *part)
{
    char path[RUN_ID_BYTES + 16], whole[RUN_ID_BYTES];
    struct run_name name;

    if (part->path == NULL || run->history.origin != ORIGIN_MEMBER || !run_name_parse(run->id, &name))
        return dir_open(run->dir_fd, PARTS_NAME);
    name.rank = -1;
    run_name_format(&name, whole);
    (void)snprintf(path, sizeof(path), "../%s/" PARTS_NAME, whole);
    return dir_open(run->dir_fd, path);
}

static int open_part(const struct run *run, size_t i, struct err *e)
{
    const struct artifact_part *part = &run->request->artifact.part[i];
    AUTO_CLOSE int parts = open_parts(run, part);
    char own[PART_NAME_N];
    const char *file = own;

    part_name(i, own);
    if (part->path != NULL)
        file = handed_in(part);
    if (file == NULL)
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "the artifact %s does not lie in the run's own folder",
                       part->name);
    if (parts < 0)
        return err_errno(e, -parts, BLAME_NODE, "open the artifact %s", part->name);
    return open_in(parts, file, part->name, e);
}

int fetch_open(struct run *run, struct err *e)
{
    const struct artifact *artifact = &run->request->artifact;

    for (size_t i = 0; i < artifact->count && i < RUN_PLACEMENTS_MAX; i++) {
        int fd;
        if (run->placement_fd[i] >= 0)
            continue;
        fd = open_part(run, i, e);
        if (fd < 0)
            return fd;
        run->placement_fd[i] = fd;
    }
    return 0;
}

static int parts_folder(const struct run *run, struct err *e)
{
    int fd;

    if (mkdirat(run->dir_fd, PARTS_NAME, 0770) < 0 && errno != EEXIST)
        return err_errno(e, errno, BLAME_NODE, "make the folder for the artifact");
    fd = dir_open(run->dir_fd, PARTS_NAME);
    return fd < 0 ? err_errno(e, -fd, BLAME_NODE, "open the folder for the artifact") : fd;
}

/* ---- what stands in the assignment ---- */

static bool digest_fits(const struct part_source *source, const char *sha256, const char *md5)
{
    return (source->sha256 == NULL || strcasecmp(source->sha256, sha256) == 0) &&
           (source->md5 == NULL || strcasecmp(source->md5, md5) == 0);
}

static int check_content(const struct artifact_part *part, const struct strbuf *bytes, struct err *e)
{
    struct digest *d = digest_new();
    char sha256[SHA256_HEX_BYTES] = "", md5[MD5_HEX_BYTES] = "";
    bool ok =
        d != NULL && digest_add(d, strbuf_str(bytes), bytes->len) == 0 && digest_end(d, sha256, md5) == 0;

    digest_free(d);
    if (!ok)
        return err_set(e, -EIO, BLAME_NODE, "compute the digest of the artifact %s", part->name);
    if (!digest_fits(&part->source, sha256, md5))
        return err_set(e, -EBADMSG, BLAME_ASSIGNMENT,
                       "the artifact %s in the assignment is not the expected one: its SHA-256 is %s",
                       part->name, sha256);
    return 0;
}

static int write_content(const struct run *run, size_t i, struct err *e)
{
    const struct artifact_part *part = &run->request->artifact.part[i];
    AUTO(strbuf) struct strbuf bytes = STRBUF_INIT(INLINE_BYTES_MAX);
    AUTO_CLOSE int parts = parts_folder(run, e);
    char name[PART_NAME_N];
    int r;

    if (parts < 0)
        return parts;
    r = base64_decode(part->source.content, strlen(part->source.content), &bytes);
    if (r < 0)
        return err_set(e, r, BLAME_ASSIGNMENT, "the artifact %s in the assignment cannot be read",
                       part->name);
    if (check_content(part, &bytes, e) < 0)
        return e->code;
    part_name(i, name);
    r = file_replace(parts, name, strbuf_str(&bytes), bytes.len, 0640);
    return r < 0 ? err_errno(e, -r, BLAME_NODE, "write the artifact %s", part->name) : 0;
}

/* ---- what is told ---- */

static const struct artifact_part *current(const struct run_fetch *f)
{
    return &f->run->request->artifact.part[f->part];
}

static void write_note(struct run_fetch *f)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(FACT_LINE_MAX);
    struct progress *p = download_progress(f->download);

    progress_sample(p, clock_boot());
    progress_put(p, &text);
    if (text.failed == 0)
        (void)note_write(f->run->dir_fd, FETCH_NOTE_NAME, &text);
}

static void on_tick(void *context)
{
    write_note(context);
}

static void note_begun(struct run_fetch *f)
{
    struct fact_writer *w = run_note(f->run, FACT_FETCH_BEGUN);
    char shown[URI_DISPLAY_MAX];

    uri_display(current(f)->source.uri, shown);
    fact_put_string(w, "name", current(f)->name);
    fact_put_string(w, "source", shown);
    (void)run_noted(f->run, false);
}

static void note_done(struct run_fetch *f, const struct cache_object *object, enum download_from from)
{
    struct fact_writer *w = run_note(f->run, FACT_FETCH_DONE);

    fact_put_string(w, "name", current(f)->name);
    fact_put_string(w, "from", from == DOWNLOAD_CACHED ? "cache" : "source");
    fact_put_int(w, "bytes", (int64_t)object->bytes);
    fact_put_int(w, "ms", clock_boot().ms - f->begun.ms);
    fact_put_string(w, "sha256", object->sha256);
    (void)run_noted(f->run, false);
}

static void on_resumed(void *context, int64_t attempt, int64_t offset, const char *reason)
{
    struct run_fetch *f = context;
    struct fact_writer *w = run_note(f->run, FACT_FETCH_RESUMED);

    fact_put_string(w, "name", current(f)->name);
    fact_put_int(w, "attempt", attempt);
    fact_put_int(w, "offset", offset);
    fact_put_string(w, "reason", reason);
    (void)run_noted(f->run, false);
}

/* ---- the phase ---- */

static void fail(struct run_fetch *f, const struct err *why)
{
    run_fail(f->run, CAUSE_ARTIFACT_FETCH_FAILED, why);
}

static void on_done(void *context, const struct cache_object *object, enum download_from from,
                    const struct err *why)
{
    struct run_fetch *f = context;
    AUTO_CLOSE int parts = -1;
    char name[PART_NAME_N], shown[URI_DISPLAY_MAX];
    struct err e = *why;
    int r;

    f->download = NULL;
    loop_timer_stop(f->tick);
    uri_display(current(f)->source.uri, shown);
    if (object == NULL) {
        (void)err_context(&e, "fetch %s from %s", current(f)->name, shown);
        fail(f, &e);
        return;
    }
    parts = parts_folder(f->run, &e);
    if (parts < 0) {
        fail(f, &e);
        return;
    }
    part_name(f->part, name);
    r = cache_give(&f->fetcher->cache, object, parts, name);
    if (r == -ENOENT && ++f->gives < GIVES_MAX) {
        go_on(f);
        return;
    }
    if (r < 0) {
        (void)err_errno(&e, -r, BLAME_NODE, "take %s from the cache", current(f)->name);
        fail(f, &e);
        return;
    }
    note_done(f, object, from);
    fetcher_evict(f->fetcher);
    f->gives = 0;
    f->part++;
    go_on(f);
}

/* The part is there when it has its name: it gets it last. */
static bool there(const struct run_fetch *f)
{
    char path[32];

    (void)snprintf(path, sizeof(path), PARTS_NAME "/%zu", f->part);
    return faccessat(f->run->dir_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void start(struct run_fetch *f)
{
    const struct artifact_part *part = current(f);
    const struct download_want want = {part->source.uri, part->source.sha256, part->source.md5,
                                       part->source.bearer};
    const struct download_hooks hooks = {on_resumed, on_done, f};
    struct progress *p;
    struct err e = ERR_INIT;

    f->begun = clock_boot();
    f->download = download_start(f->fetcher, &want, &hooks, &e);
    if (f->download == NULL) {
        (void)err_context(&e, "fetch %s", part->name);
        fail(f, &e);
        return;
    }
    p = download_progress(f->download);
    (void)snprintf(p->name, sizeof(p->name), "%.255s", part->name);
    note_begun(f);
    write_note(f);
    loop_timer_start(f->tick, TICK_MS, TICK_MS);
}

/* The next part that is missing; all of them there is the end. */
static void go_on(struct run_fetch *f)
{
    const struct artifact *artifact = &f->run->request->artifact;
    struct err e = ERR_INIT;

    for (; f->part < artifact->count && f->part < RUN_PLACEMENTS_MAX; f->part++) {
        const struct artifact_part *part = current(f);
        if (part->path != NULL || there(f))
            continue;
        if (part->source.uri != NULL) {
            start(f);
            return;
        }
        if (write_content(f->run, f->part, &e) < 0) {
            fail(f, &e);
            return;
        }
    }
    if (fetch_open(f->run, &e) < 0)
        fail(f, &e);
    else
        run_post(f->run, RUN_EVENT_DONE);
}

void fetch_enter(struct run *run, struct fetcher *fetcher)
{
    struct run_fetch *f = calloc(1, sizeof(*f));
    struct err e = ERR_INIT;

    if (f != NULL) {
        *f = (struct run_fetch){.run = run, .fetcher = fetcher};
        f->tick = loop_timer_new(engine_loop(run->engine), on_tick, f);
    }
    if (f == NULL || f->tick == NULL) {
        free(f);
        (void)err_oom(&e);
        run_fail(run, CAUSE_ARTIFACT_FETCH_FAILED, &e);
        return;
    }
    run->fetch = f;
    go_on(f);
}

void fetch_leave(struct run *run)
{
    struct run_fetch *f = run->fetch;

    run->fetch = NULL;
    if (f == NULL)
        return;
    download_stop(f->download);
    loop_timer_free(f->tick);
    (void)unlinkat(run->dir_fd, FETCH_NOTE_NAME, 0);
    free(f);
}
