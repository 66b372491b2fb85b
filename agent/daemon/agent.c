/* agent.c - see agent.h. */
#include "daemon/agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/parse.h"
#include "daemon/leave.h"
#include "daemon/group_run.h"
#include "daemon/readiness.h"
#include "daemon/request.h"
#include "daemon/sources.h"
#include "fetch/fetch.h"
#include "record/run_retry.h"
#include "report/outbox.h"
#include "run/admission.h"
#include "sys/fd.h"
#include "wire/run_socket.h"

#define FINISHED_NAME "finished"
/* A node that takes up no run looks this often whether it can again. */
#define ADMIT_AGAIN_MS 1000
/* One call of skopeo: what it says is heard before the phase's own time is over. */
#define IMAGE_BUDGET_MS (55LL * 60 * 1000)

/* ---- phases ---- */

static void image_is_here(struct run *run, void *context)
{
    struct agent *a = context;

    fetch_enter(run, &a->fetcher);
}

static void enter_preparing(struct run *run, void *context)
{
    struct agent *a = context;

    if (run->group != NULL)
        group_prepare(run);
    else if (image_wanted(run))
        image_enter(run, &a->images, image_is_here, a);
    else
        fetch_enter(run, &a->fetcher);
}

static void enter_launching(struct run *run, void *context)
{
    const struct agent *a = context;
    struct err e = ERR_INIT;

    if (run->group != NULL) {
        group_launch(run);
        return;
    }
    /* A run that a former agent left may still have to be started: its artifact is opened again. */
    if (fetch_open(run, &e) < 0 || (image_wanted(run) && image_reopen(run, &a->images, &e) < 0))
        log_warning("run=%s %s", run->id, e.text);
    launch_enter(run, &a->launcher);
}

static void enter_stopping(struct run *run, void *context)
{
    (void)context;
    if (run->group != NULL)
        group_stop(run);
    else
        launch_stop(run);
}

static void told_stopping(struct run *run, enum run_event event, void *context)
{
    (void)event;
    enter_stopping(run, context);
}

static void follow(struct run *run, const struct agent *a)
{
    struct log_sink sink;

    if (a->sink_of != NULL && a->sink_of(run, &sink, a->context))
        follower_start(run, a->launcher.runs_fd, &sink);
}

static void enter_shipping(struct run *run, void *context)
{
    const struct agent *a = context;

    if (run->group != NULL) {
        group_ship(run);
        return;
    }
    launch_release(run);
    if (run->has_record && run->record.stop_cause == CAUSE_IMAGE_FAILED &&
        run->record.blame == BLAME_ASSIGNMENT)
        image_forget(run, &a->images);
    if (run->has_record)
        follow(run, a);
    follower_ship(run);
}

static void enter_reporting(struct run *run, void *context)
{
    const struct reporter reporter = {.deliver = sources_deliver, .context = context};

    report_final(run, &reporter);
    /* It holds no place any more: how long the other end is away is nothing to the next run. */
    agent_admit(context);
}

static void enter_finished(struct run *run, void *context)
{
    struct agent *a = context;
    AUTO_CLOSE int marker = -1;

    /* Before the mark: nobody looks at a finished run again. */
    agent_note_attention(a, run);
    leave_note_served(a);
    (void)tree_remove(run->dir_fd, "parts");
    marker = openat(run->dir_fd, FINISHED_NAME, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    CRASH_POINT("finished-marked");
    if (marker < 0)
        log_warning("run=%s mark it finished: %d", run->id, errno);
    if (a->finished != NULL)
        a->finished(run, a->context);
    loop_timer_start(a->sweep, 0, 0);
}

static void changed(struct run *run, enum phase from, int64_t spent_ms, void *context)
{
    struct agent *a = context;
    const struct reporter reporter = {.deliver = sources_deliver, .context = a};

    if (spent_ms >= 0)
        tally_phase(&a->tally, from, spent_ms);
    if (from == PHASE_PREPARING) {
        image_release(run);
        fetch_leave(run);
    }
    if (run->phase == PHASE_RUNNING)
        follow(run, a);
    if (run->phase < PHASE_SHIPPING)
        report_phase(run, &reporter);
    group_member_changed(a, run);
    if (run->phase == PHASE_RUNNING && run->group == NULL)
        log_info("run=%s running pid=%lld", run->id, (long long)run->main_pid);
    if (run->phase != PHASE_FINISHED)
        return;
    tally_end(&a->tally, run->verdict.cause, run->verdict.state);
    log_info("run=%s %s cause=%s %s", run->id, state_name(run->verdict.state), cause_name(run->verdict.cause),
             run->verdict.details);
}

static void became_ready(struct run *run, void *context)
{
    struct agent *a = context;
    const struct reporter reporter = {.deliver = sources_deliver, .context = a};

    log_info("run=%s ready", run->id);
    /* The others of its run are elsewhere, and may wait for it. */
    if (run->history.origin == ORIGIN_ETCD && run->group == NULL)
        report_ready(run, &reporter);
    group_member_changed(a, run);
}

static bool load_record(struct run *run, void *context)
{
    const struct agent *a = context;

    return run->group != NULL ? group_load_record(run) : launch_load_record(run, &a->launcher);
}

static void release(struct run *run, void *context)
{
    sources_leave(context, run);
    image_release(run);
    fetch_leave(run);
    launch_release(run);
    follower_release(run);
    report_release(run);
    group_release(run);
    request_release(run);
}

/* ---- the table of runs ---- */

static void sweep(void *context)
{
    struct agent *a = context;
    struct run *next;

    for (struct run *run = engine_first(a->engine); run != NULL; run = next) {
        next = run->next;
        if (run->phase == PHASE_FINISHED)
            engine_remove(a->engine, run);
    }
    agent_admit(a);
}

int agent_open_starter(const struct config *config, const struct layout *layout, bool silent,
                       struct gate *ret, struct err *e)
{
    AUTO(strlist) struct strlist options = {0};
    char supervisor[LAYOUT_PATH_MAX + 32];

    if (layout_policy_options(config, layout, &options) < 0)
        return err_oom(e);
    (void)snprintf(supervisor, sizeof(supervisor), "%s/runlet-supervisor", layout->libexec);
    return gate_open_starter(supervisor, &options, silent, ret, e);
}

static int open_fetcher(struct agent *a, struct err *e)
{
    const struct config *c = a->config;
    const struct fetch_settings settings = {
        .max_bytes = c->fetch_bytes,
        .retry = {c->fetch_attempts, c->fetch_retry_ms, c->fetch_delay_ms},
        .connect_ms = c->fetch_connect_ms,
        .stall_ms = c->fetch_stall_ms,
        .ca_file = c->fetch_ca_file,
        .file_roots = c->fetch_file_roots,
        .oci_config = c->oci_config,
        .oci_profile = c->oci_profile,
        .oci_endpoint = c->oci_endpoint,
        .s3_credentials = c->s3_credentials,
        .s3_profile = c->s3_profile,
        .s3_endpoint = c->s3_endpoint,
        .s3_region = c->s3_region,
        .cache_bytes = c->cache_bytes,
        .cache_verify = c->cache_verify,
        .metadata = c->sandbox_allow_metadata,
    };

    return fetcher_open(&a->fetcher, a->loop, &settings, a->layout->cache, e);
}

int agent_open(struct agent *a, const struct config *config, const struct layout *layout, struct err *e)
{
    const struct engine_hooks hooks = {
        .ops =
            {
                [PHASE_PREPARING] = {.enter = enter_preparing},
                [PHASE_LAUNCHING] = {.enter = enter_launching},
                [PHASE_STOPPING] = {.enter = enter_stopping, .told = told_stopping},
                [PHASE_CLEANING] = {.told = told_stopping},
                [PHASE_SHIPPING] = {.enter = enter_shipping},
                [PHASE_REPORTING] = {.enter = enter_reporting},
                [PHASE_FINISHED] = {.enter = enter_finished},
            },
        .changed = changed,
        .ready = became_ready,
        .load_record = load_record,
        .release = release,
        .context = a,
    };

    a->config = config;
    a->layout = layout;
    a->agent_fd = dir_open(AT_FDCWD, layout->agent);
    if (a->agent_fd < 0)
        return err_errno(e, -a->agent_fd, BLAME_NODE, "open %s", layout->agent);
    a->launcher.runs_fd = dir_open(AT_FDCWD, layout->runs);
    if (a->launcher.runs_fd < 0)
        return err_errno(e, -a->launcher.runs_fd, BLAME_NODE, "open %s", layout->runs);
    a->images.cache =
        (struct image_cache){.fd = dir_open(AT_FDCWD, layout->image_cache), .path = layout->image_cache};
    if (a->images.cache.fd < 0)
        return err_errno(e, -a->images.cache.fd, BLAME_NODE, "open %s", layout->image_cache);
    a->images.settings = (struct image_settings){.skopeo = config->images_skopeo,
                                                 .auth_file = config->images_auth_file,
                                                 .policy_file = config->images_policy_file,
                                                 .insecure_registries = config->images_insecure,
                                                 .max_bytes = config->images_max_bytes,
                                                 .cache_bytes = config->images_cache_bytes,
                                                 .reserve_bytes = config->reserve_disk_bytes,
                                                 .budget_ms = IMAGE_BUDGET_MS,
                                                 .rootless = config->rootless,
                                                 .ids = config->images_id_count};
    a->launcher.gate = &a->gate;
    a->launcher.sockets_dir = layout->sockets;
    a->launcher.drain = layout->drain;
    a->launcher.settings = (struct launch_settings){.python = config->python,
                                                    .bash = config->bash,
                                                    .java = config->java,
                                                    .job_user = config->job_user,
                                                    .as_root = config->job_uid == 0,
                                                    .exports = config->nfs_exports};
    a->loop = loop_new(e);
    if (a->loop == NULL)
        return e->code;
    if (open_fetcher(a, e) < 0)
        return e->code;
    a->engine = engine_new(a->loop, &hooks, e);
    a->sweep = loop_timer_new(a->loop, sweep, a);
    if (a->engine == NULL || a->sweep == NULL)
        return err_oom(e);
    return 0;
}

void agent_close(struct agent *a)
{
    engine_free(a->engine);
    sources_close(a);
    loop_timer_free(a->sweep);
    fetcher_stop(&a->fetcher);
    loop_free(a->loop);
    fetcher_close(&a->fetcher);
    gate_close(&a->gate);
    fd_close(&a->images.cache.fd);
    fd_close(&a->launcher.runs_fd);
    fd_close(&a->agent_fd);
    fd_close(&a->queue_fd);
    node_facts_free(&a->node);
}

/* ---- taking runs up ---- */

bool agent_run_finished(int agent_fd, const char *id)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "%.215s/" FINISHED_NAME, id);
    return faccessat(agent_fd, path, F_OK, 0) == 0;
}

/* The journal's first word, unless a former agent (or `runlet run`) wrote it. */
static void note_accepted(struct run *run, int64_t epoch)
{
    struct fact_writer *w;

    if (run->history.epoch > 0)
        return;
    run->history.epoch = epoch;
    run->history.accepted_at = clock_wall();
    w = run_note(run, FACT_ACCEPTED);
    fact_put_int(w, "epoch", epoch);
    fact_put_string(w, "origin", run_origin_name(run->history.origin));
    (void)run_noted(run, true);
}

/* A node of one of several has the lease of the whole, which takes it up. */
static void note_lease(const struct agent *a, struct run *run)
{
    struct run_name name;
    char whole[RUN_ID_BYTES];
    const struct run *leader;

    run->leased = run->history.origin == ORIGIN_HTTP || run->history.origin == ORIGIN_ETCD;
    if (run->history.origin != ORIGIN_MEMBER || !run_name_parse(run->id, &name))
        return;
    name.rank = -1;
    run_name_format(&name, whole);
    leader = engine_find(a->engine, whole);
    if (leader == NULL)
        return;
    run->leased = leader->leased;
    run->lease_until = leader->lease_until;
}

/* Reads the assignment of an opened run and hands the run to the engine. */
static void add(struct agent *a, struct run *run)
{
    struct err bad = ERR_INIT;
    int64_t epoch = 1;
    int r = request_load(run, a->config, a->layout, &epoch, &bad);

    if (r == 0 && group_attach(a, run) < 0)
        r = err_oom(&bad);
    if (run->history.origin == ORIGIN_MEMBER)
        run->places = 0;
    note_accepted(run, epoch);
    note_lease(a, run);
    engine_add(a->engine, run);
    sources_attend(a, run);
    if (r < 0 && run->phase < PHASE_LAUNCHING)
        run_fail(run, CAUSE_ASSIGNMENT_INVALID, &bad);
    if (faccessat(run->dir_fd, AGENT_CANCEL_NAME, F_OK, 0) == 0 && run->phase < PHASE_CLEANING)
        (void)run_cancel(run, false);
}

struct run *agent_take(struct agent *a, const char *id, int lock_fd, struct err *e)
{
    struct run *run;

    if (run_open(a->agent_fd, id, lock_fd, &run, e) < 0)
        return NULL;
    run->wanted = lock_fd >= 0;
    add(a, run);
    return run;
}

/* Whether the run's supervisor answers at its socket. */
static bool alive(const struct agent *a, const char *id)
{
    AUTO_CLOSE int fd = run_socket_connect(a->layout->sockets, id);

    return fd >= 0;
}

static bool needs_no_waiting(const struct agent *a, const struct run *run)
{
    switch (adoption_of(&run->history)) {
    case ADOPT_DELIVER:
    case ADOPT_ABANDON: return true;
    case ADOPT_JOIN: return !alive(a, run->id);
    case ADOPT_START:
    default: return false;
    }
}

/* 1 when it was taken up, -EBUSY when another process has it. */
static int adopt(struct agent *a, const char *id, bool ended_only)
{
    struct run *run;
    struct err e = ERR_INIT;

    if (run_open(a->agent_fd, id, -1, &run, &e) < 0) {
        if (e.code != -EBUSY)
            log_error("run=%s %s", id, e.text);
        return e.code;
    }
    if (ended_only && !needs_no_waiting(a, run)) {
        run_close(run);
        return 0;
    }
    log_info("run=%s taken up again in phase %s", id, phase_name(run->history.phase));
    add(a, run);
    return 1;
}

static size_t adopt_each(struct agent *a, bool ended_only, size_t *ret_held)
{
    int copy = openat(a->agent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;
    size_t count = 0, held = 0;

    if (dir == NULL && copy >= 0)
        (void)close(copy);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        int r;
        if (!run_name_valid(entry->d_name) || engine_find(a->engine, entry->d_name) != NULL ||
            agent_run_finished(a->agent_fd, entry->d_name) || group_keeps(a->agent_fd, entry->d_name))
            continue;
        r = adopt(a, entry->d_name, ended_only);
        count += r == 1;
        held += r == -EBUSY;
    }
    if (dir != NULL)
        (void)closedir(dir);
    if (ret_held != NULL)
        *ret_held = held;
    return count;
}

size_t agent_adopt_all(struct agent *a, size_t *ret_held)
{
    return adopt_each(a, false, ret_held);
}

size_t agent_adopt_ended(struct agent *a)
{
    return adopt_each(a, true, NULL);
}

/* How long a further attempt still has to wait. A clock that was set back does not make that longer than any delay may be. */
static int64_t early_by(const struct run *run, wall_ms_t now)
{
    int64_t ms = run->history.not_before.ms - now.ms;

    return ms > 0 && ms <= RETRY_DELAY_MS_MAX ? ms : 0;
}

/* What still waits here comes before what sources have. */
static void tell_room(struct agent *a, struct admission state)
{
    char why[AGENT_NOT_READY_MAX];
    size_t waiting = 0;

    for (const struct run *run = engine_first(a->engine); run != NULL; run = run->next)
        waiting += run->phase == PHASE_ACCEPTED && run->pending_count == 0 && early_by(run, clock_wall()) == 0
                       ? run->places
                       : 0;
    state.places = 1;
    if (admission_decide(&state) == ADMIT && state.active + waiting < state.concurrency) {
        sources_room(a, state.concurrency - state.active - waiting, "");
        return;
    }
    agent_not_ready(a, why, sizeof(why));
    sources_room(a, 0, why);
}

/* It would wait for ever. */
static void refuse_size(struct run *run, size_t concurrency)
{
    struct err why = ERR_INIT;

    (void)err_set(&why, -E2BIG, BLAME_ASSIGNMENT,
                  "the run has %zu nodes, and this node executes %zu at a time: 'concurrency' in its "
                  "configuration must be at least %zu",
                  run->places, concurrency, run->places);
    run_fail(run, CAUSE_ASSIGNMENT_INVALID, &why);
}

void agent_admit(struct agent *a)
{
    struct admission state = agent_admission(a);
    int64_t early;

    for (struct run *run = engine_first(a->engine); run != NULL; run = run->next) {
        if (run->phase != PHASE_ACCEPTED || run->pending_count > 0 || run->places == 0)
            continue;
        early = early_by(run, clock_wall());
        if (early > 0) {
            loop_timer_start(a->sweep, (uint64_t)(early < ADMIT_AGAIN_MS ? early : ADMIT_AGAIN_MS), 0);
            continue;
        }
        if (run->places > state.concurrency) {
            refuse_size(run, state.concurrency);
            continue;
        }
        state.places = run->places;
        if (admission_decide(&state) != ADMIT) {
            /* Space is freed, and a drain called off, without a word to us. */
            if (!state.stopping)
                loop_timer_start(a->sweep, ADMIT_AGAIN_MS, 0);
            break;
        }
        run_post(run, RUN_EVENT_START);
        state.active += run->places;
    }
    tell_room(a, state);
}
