/* image.c - see image.h. */
#include "fetch/image.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "fetch/digest.h"
#include "fetch/fetch.h"
#include "fetch/note.h"
#include "fetch/progress.h"
#include "io/child.h"
#include "io/worker.h"
#include "job/image.h"
#include "sys/fd.h"

/* In the run's folder: the digest of its image, once that is here. */
#define DIGEST_NAME   "image"
#define MANIFEST_MAX  (1U << 20)
#define LOOK_MS       1000
#define LOCK_RETRY_MS 250

struct image_pull {
    struct run *run; /* NULL once the run has no use for it: it goes when its worker is back */
    const struct image_service *service;
    void (*done)(struct run *run, void *context);
    void *context; /* of done */
    struct image_ref ref;
    struct image_manifest manifest; /* owned */
    char digest[IMAGE_DIGEST_SIZE]; /* of the image for this machine */
    char list[IMAGE_DIGEST_SIZE];   /* of the list it was found in; "" when there was none */
    struct child *child;            /* owned */
    struct loop_timer *timer;       /* owned: looks at the progress, or asks for the lock again */
    int lock_fd;                    /* owned */
    int held_fd;                    /* owned: the layout, until it is handed over */
    bool working;                   /* a worker has the cache */
    struct progress progress;
};

static void pull_free(struct image_pull *p)
{
    child_free(p->child);
    loop_timer_free(p->timer);
    image_manifest_free(&p->manifest);
    fd_close(&p->lock_fd);
    fd_close(&p->held_fd);
    free(p);
}

bool image_wanted(const struct run *run)
{
    return run->spec != NULL && run->spec->container != NULL;
}

void image_release(struct run *run)
{
    struct image_pull *p = run->image_pull;

    run->image_pull = NULL;
    if (p == NULL)
        return;
    child_free(p->child);
    p->child = NULL;
    if (p->working) {
        p->run = NULL;
        return;
    }
    if (p->lock_fd >= 0)
        image_cache_abandon(&p->service->cache, p->digest);
    (void)unlinkat(run->dir_fd, FETCH_NOTE_NAME, 0);
    pull_free(p);
}

static void give_up(struct image_pull *p, struct err *e)
{
    struct run *run = p->run;

    (void)err_context(e, "image");
    image_release(run);
    run_fail(run, CAUSE_IMAGE_FAILED, e);
}

/* ---- it is here ---- */

static int check(const struct image_config *config, struct err *e)
{
    const char *own = image_architecture();

    if (config->architecture == NULL || strcmp(config->architecture, own) == 0)
        return 0;
    return err_set(e, -ENOEXEC, BLAME_ASSIGNMENT,
                   "it is built for %s, and this machine is %s; build it for that architecture",
                   config->architecture, own);
}

/* Takes the image from the cache: 1; 0 when it is not there; or negative with *e. */
static int take(struct run *run, const struct image_service *service, const char *digest, struct err *e)
{
    struct image_config config = {0};
    AUTO_CLOSE int fd = image_cache_open(&service->cache, digest, &config, e);

    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    if (run->spec->image == NULL)
        run->spec->image = calloc(1, sizeof(*run->spec->image));
    if (check(&config, e) < 0 || run->spec->image == NULL) {
        image_config_free(&config);
        return e->code < 0 ? e->code : err_oom(e);
    }
    image_config_free(run->spec->image);
    *run->spec->image = config;
    fd_close(&run->image_fd);
    run->image_fd = take_fd(&fd);
    return 1;
}

/* True when the image was taken, and the run goes on; or when that failed, and the run has ended. */
static bool go_on(struct image_pull *p, const char *digest)
{
    void (*done)(struct run *, void *) = p->done;
    void *context = p->context;
    struct run *run = p->run;
    struct err e = ERR_INIT;
    int r = take(run, p->service, digest, &e);
    struct fact_writer *w;

    if (r == 0)
        return false;
    if (r > 0) {
        const char *kept = run->spec->image->digest;
        int written = file_replace(run->dir_fd, DIGEST_NAME, kept, strlen(kept), 0640);
        r = written < 0 ? err_errno(&e, -written, BLAME_NODE, "note the image's digest") : r;
    }
    if (r < 0) {
        give_up(p, &e);
        return true;
    }
    w = run_note(run, FACT_IMAGE_FETCHED);
    fact_put_string(w, "image", run->spec->container->image);
    fact_put_string(w, "digest", run->spec->image->digest);
    fact_put_int(w, "bytes", (int64_t)p->progress.bytes);
    (void)run_noted(run, false);
    image_release(run);
    done(run, context);
    return true;
}

/* ---- calling skopeo ---- */

static int call(struct image_pull *p, const struct strlist *argv, child_done done, struct err *e)
{
    static const char *const PASSED[] = {"http_proxy", "https_proxy",   "no_proxy",
                                         "HTTP_PROXY", "HTTPS_PROXY",   "NO_PROXY",
                                         "ALL_PROXY",  "SSL_CERT_FILE", "SSL_CERT_DIR"};
    AUTO(strlist) struct strlist environment = {0};
    struct child_order order = {
        .argv = argv->item, .budget_ms = p->service->settings.budget_ms, .out_max = MANIFEST_MAX};

    /* Nothing of anybody's home, where it would look for credentials and settings. */
    if (strlist_add(&environment, "PATH=/usr/bin:/bin") < 0 ||
        strlist_add(&environment, "HOME=/nonexistent") < 0 ||
        strlist_add(&environment, "XDG_RUNTIME_DIR=/nonexistent") < 0)
        return err_oom(e);
    for (size_t i = 0; i < ARRAY_SIZE(PASSED); i++) {
        AUTO_FREE char *text = NULL;
        const char *value = getenv(PASSED[i]);
        if (value == NULL)
            continue;
        if (asprintf(&text, "%s=%s", PASSED[i], value) < 0 || strlist_add(&environment, text) < 0)
            return err_oom(e);
    }
    order.environment = environment.item;
    child_free(p->child);
    p->child = child_start(engine_loop(p->run->engine), &order, done, p, e);
    return p->child != NULL ? 0 : e->code;
}

/* What its end means: 0 when it did what it should. */
static int judge(const struct image_pull *p, const struct child_end *end, const char *step, struct err *e)
{
    const char *skopeo = p->service->settings.skopeo;

    if (end->too_much)
        return err_set(e, -E2BIG, BLAME_ASSIGNMENT, "the manifest of %s is too long", p->ref.name);
    if (end->late)
        return err_set(e, -ETIMEDOUT, BLAME_SERVICE, "%s the image %s from %s took too long", step,
                       p->ref.name, p->ref.registry);
    if (WIFSIGNALED(end->wait_status))
        return err_set(e, -EINTR, BLAME_NODE, "%s was ended by signal %d", skopeo,
                       WTERMSIG(end->wait_status));
    if (WEXITSTATUS(end->wait_status) == 127)
        return err_set(e, -ENOENT, BLAME_NODE, "%s, which fetches images, is not installed (images.skopeo)",
                       skopeo);
    if (WEXITSTATUS(end->wait_status) != 0)
        return image_failed(&p->service->settings, &p->ref, step, end->words, e);
    return 0;
}

/* ---- copying ---- */

static int publish(void *context)
{
    struct image_pull *p = context;
    int r = image_cache_publish(&p->service->cache, p->digest);

    /* Others make room for it; it stays at least until it was handed over. */
    if (r == 0)
        p->held_fd = image_cache_hold(&p->service->cache, p->digest);
    if (r == 0)
        (void)image_cache_evict(&p->service->cache, p->service->settings.cache_bytes);
    return r;
}

static void published(void *context, int result)
{
    struct image_pull *p = context;
    struct err e = ERR_INIT;

    p->working = false;
    fd_close(&p->lock_fd);
    if (p->run == NULL) {
        pull_free(p);
        return;
    }
    if (result < 0) {
        (void)err_errno(&e, -result, BLAME_NODE, "keep the image in %s", p->service->cache.path);
        give_up(p, &e);
    } else if (!go_on(p, p->digest)) {
        (void)err_set(&e, -EBADMSG, BLAME_SERVICE,
                      "what %s sent for %s is not the image that its manifest describes", p->ref.registry,
                      p->ref.name);
        give_up(p, &e);
    }
}

static void copied(void *context, const struct child_end *end)
{
    struct image_pull *p = context;
    struct err e = ERR_INIT;

    loop_timer_stop(p->timer);
    CRASH_POINT("image-copied");
    if (judge(p, end, "fetch", &e) < 0) {
        give_up(p, &e);
        return;
    }
    p->progress.bytes = (uint64_t)p->progress.total;
    p->working = true;
    if (worker_start(engine_loop(p->run->engine), publish, published, p) < 0) {
        p->working = false;
        (void)err_oom(&e);
        give_up(p, &e);
    }
}

static void note_progress(struct image_pull *p)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(4096);

    progress_sample(&p->progress, clock_boot());
    progress_put(&p->progress, &text);
    (void)note_write(p->run->dir_fd, FETCH_NOTE_NAME, &text);
}

static void look(void *context)
{
    struct image_pull *p = context;
    int64_t bytes = image_cache_pulled(&p->service->cache, p->digest);

    p->progress.bytes = bytes < p->progress.total ? (uint64_t)bytes : (uint64_t)p->progress.total;
    note_progress(p);
}

static int check_disk(const struct image_pull *p, int64_t missing, struct err *e)
{
    struct statvfs s;
    int64_t room;

    if (fstatvfs(p->service->cache.fd, &s) < 0)
        return 0;
    room = (int64_t)(s.f_bavail * s.f_frsize) - p->service->settings.reserve_bytes;
    if (room >= missing)
        return 0;
    return err_set(e, -ENOSPC, BLAME_NODE,
                   "%s takes %" PRId64 " bytes more, and the disk of %s has room for %" PRId64
                   " (reserve.disk kept)",
                   p->ref.name, missing, p->service->cache.path, room > 0 ? room : 0);
}

static int copy_image(struct image_pull *p, struct err *e)
{
    AUTO(strlist) struct strlist argv = {0};
    AUTO_FREE char *folder = NULL;
    int64_t missing = 0;

    if (image_cache_prepare(&p->service->cache, p->digest, &p->manifest, &missing, e) < 0)
        return e->code;
    if (check_disk(p, missing, e) < 0) {
        (void)image_cache_evict(&p->service->cache, 0);
        *e = ERR_INIT;
        if (check_disk(p, missing, e) < 0)
            return e->code;
    }
    if (asprintf(&folder, "%s/pull.%s", p->service->cache.path, image_key(p->digest)) < 0 ||
        image_copy_command(&p->service->settings, &p->ref, p->digest, image_architecture(), folder, &argv) <
            0)
        return err_oom(e);
    if (call(p, &argv, copied, e) < 0)
        return e->code;
    CRASH_POINT("image-copying");
    p->progress.waiting = false;
    loop_timer_free(p->timer);
    p->timer = loop_timer_new(engine_loop(p->run->engine), look, p);
    if (p->timer == NULL)
        return err_oom(e);
    loop_timer_start(p->timer, 0, LOOK_MS);
    return 0;
}

/* One fetches, and all others wait; what it got is theirs as well. */
static void fetch(void *context)
{
    struct image_pull *p = context;
    struct err e = ERR_INIT;

    p->lock_fd = image_cache_lock(&p->service->cache, p->digest);
    if (p->lock_fd == -EWOULDBLOCK) {
        p->progress.waiting = true;
        note_progress(p);
        loop_timer_start(p->timer, LOCK_RETRY_MS, 0);
        return;
    }
    if (p->lock_fd < 0) {
        (void)err_errno(&e, -p->lock_fd, BLAME_NODE, "lock the image in %s", p->service->cache.path);
        give_up(p, &e);
        return;
    }
    if (p->service->settings.policy_file[0] == '\0' && go_on(p, p->digest))
        return;
    if (copy_image(p, &e) < 0)
        give_up(p, &e);
}

/* ---- asking for the manifest ---- */

static void inspected(void *context, const struct child_end *end);

static int inspect(struct image_pull *p, const char *digest, struct err *e)
{
    AUTO(strlist) struct strlist argv = {0};

    if (image_inspect_command(&p->service->settings, &p->ref, digest, &argv) < 0)
        return err_oom(e);
    return call(p, &argv, inspected, e);
}

/* The digest that the job says must be this manifest's, or that of the list it came from. */
static int check_digest(const struct image_pull *p, const char *got, bool is_list, struct err *e)
{
    const char *pinned = p->run->spec->container->image_digest;
    const char *asked = p->list[0] != '\0' ? p->digest : p->ref.digest;

    if (asked[0] != '\0' && strcmp(asked, got) != 0)
        return err_set(e, -EBADMSG, BLAME_SERVICE, "%s sent %s when it was asked for %s of %s",
                       p->ref.registry, got, asked, p->ref.name);
    if (pinned == NULL || is_list || strcmp(pinned, got) == 0 || strcmp(pinned, p->list) == 0)
        return 0;
    return err_set(e, -EBADMSG, BLAME_ASSIGNMENT,
                   "%s is now %s, and the job wants %s (imageDigest): the tag was given to another image, or "
                   "the digest is wrong",
                   p->run->spec->container->image, got, pinned);
}

static int take_manifest(struct image_pull *p, const struct child_end *end, struct err *e)
{
    char hex[SHA256_HEX_BYTES], got[IMAGE_DIGEST_SIZE];

    if (judge(p, end, "look up", e) < 0)
        return e->code;
    if (memchr(end->out, '\0', end->out_size) != NULL || digest_text(end->out, hex) < 0)
        return err_set(e, -EBADMSG, BLAME_SERVICE, "%s sent a manifest that is no text", p->ref.registry);
    (void)snprintf(got, sizeof(got), "sha256:%s", hex);
    image_manifest_free(&p->manifest);
    if (image_manifest_read(end->out, end->out_size, image_architecture(), &p->manifest, e) < 0 ||
        check_digest(p, got, p->manifest.is_list, e) < 0)
        return e->code;
    if (p->manifest.is_list) {
        if (p->list[0] != '\0')
            return err_set(e, -EBADMSG, BLAME_ASSIGNMENT, "%s is a list of lists of images", p->ref.name);
        (void)snprintf(p->list, sizeof(p->list), "%s", got);
        (void)snprintf(p->digest, sizeof(p->digest), "%s", p->manifest.chosen);
        image_cache_alias(&p->service->cache, p->list, p->digest);
        return 0;
    }
    (void)snprintf(p->digest, sizeof(p->digest), "%s", got);
    if (p->manifest.bytes > p->service->settings.max_bytes)
        return err_set(e, -EFBIG, BLAME_ASSIGNMENT,
                       "%s has %" PRId64 " bytes; the limit is %" PRId64 " (images.maxSize)", p->ref.name,
                       p->manifest.bytes, p->service->settings.max_bytes);
    p->progress.total = p->manifest.bytes;
    return 0;
}

static void inspected(void *context, const struct child_end *end)
{
    struct image_pull *p = context;
    struct err e = ERR_INIT;

    if (take_manifest(p, end, &e) < 0 || (p->manifest.is_list && inspect(p, p->digest, &e) < 0)) {
        give_up(p, &e);
        return;
    }
    if (p->manifest.is_list)
        return;
    if (p->service->settings.policy_file[0] == '\0' && go_on(p, p->digest))
        return;
    fetch(p);
}

/* ---- entering ---- */

static int begin(struct image_pull *p, struct err *e)
{
    const struct container_details *c = p->run->spec->container;
    const char *problem = image_ref_parse(c->image, &p->ref);

    if (problem != NULL)
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "'%.100s' %s", c->image, problem);
    /* The supervisor would say so as well, once everything was fetched. */
    if (p->service->settings.rootless)
        return err_set(e, -EPERM, BLAME_ASSIGNMENT, "container images need runlet to be run by root");
    if (p->service->settings.ids == 0)
        return err_set(e, -EPERM, BLAME_NODE,
                       "this node has no users for container images: set images.idBase and images.idCount");
    if (c->image_signature_id != NULL && p->service->settings.policy_file[0] == '\0')
        return err_set(e, -EPERM, BLAME_NODE,
                       "the job wants a signed image (imageSignatureId), and this node does not know whose "
                       "signatures hold: "
                       "set images.policyFile");
    p->timer = loop_timer_new(engine_loop(p->run->engine), fetch, p);
    if (p->timer == NULL)
        return err_oom(e);
    (void)snprintf(p->progress.source, sizeof(p->progress.source), "%s", p->ref.registry);
    (void)snprintf(p->progress.name, sizeof(p->progress.name), "%.255s", p->ref.name);
    p->progress.total = -1;
    p->progress.attempt = 1;
    return 0;
}

void image_enter(struct run *run, const struct image_service *service,
                 void (*done)(struct run *run, void *context), void *context)
{
    struct image_pull *p = calloc(1, sizeof(*p));
    struct err e = ERR_INIT;
    const char *pinned;

    if (p == NULL) {
        (void)err_oom(&e);
        run_fail(run, CAUSE_IMAGE_FAILED, &e);
        return;
    }
    *p = (struct image_pull){
        .run = run, .service = service, .done = done, .context = context, .lock_fd = -1, .held_fd = -1};
    run->image_pull = p;
    if (begin(p, &e) < 0) {
        give_up(p, &e);
        return;
    }
    pinned = p->ref.digest[0] != '\0' ? p->ref.digest : run->spec->container->image_digest;
    /* A digest is the same image for good, and nobody has to be asked for it. */
    if (pinned != NULL && service->settings.policy_file[0] == '\0' && go_on(p, pinned))
        return;
    if (inspect(p, "", &e) < 0)
        give_up(p, &e);
}

int image_reopen(struct run *run, const struct image_service *service, struct err *e)
{
    AUTO(strbuf) struct strbuf digest = STRBUF_INIT(IMAGE_DIGEST_SIZE);
    int r;

    if (run->image_fd >= 0)
        return 0;
    r = file_read(run->dir_fd, DIGEST_NAME, &digest);
    if (r < 0 || !image_digest_valid(strbuf_str(&digest)))
        return err_set(e, -ENOENT, BLAME_NODE, "the run's image is not known");
    r = take(run, service, strbuf_str(&digest), e);
    return r == 0  ? err_set(e, -ENOENT, BLAME_NODE, "the run's image is no longer in the cache")
           : r < 0 ? r
                   : 0;
}

void image_forget(struct run *run, const struct image_service *service)
{
    if (run->spec == NULL || run->spec->image == NULL || run->spec->image->digest == NULL)
        return;
    fd_close(&run->image_fd);
    image_cache_discard(&service->cache, run->spec->image->digest);
}
