/*
 * fleet_bench.c - how a fleet on one etcd grows: N agents' sources in one process, each with connections of its own, as runletd has
 * them. The engine is left out: a run that is assigned is executing at the next turn of the loop and at its end at the one after. So what is
 * seen is the way of a run through etcd, and nothing else.
 *
 *   bench-fleet ENDPOINT FOLDER N...      FOLDER: where agents keep their folders of runs; best in memory
 *
 * For each N, a line: how long N agents take to stand in the line; what they ask of etcd while nothing happens; the time
 * from handing a run in to its claim, with runs coming one by one; and with a burst, how many are claimed a second and what each costs.
 * By tests/bench/fleet_bench.py, which starts the etcd.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "assignment/etcd/etcd.h"
#include "assignment/etcd/moves.h"
#include "base/auto.h"
#include "base/log.h"
#include "base/parse.h"
#include "io/exchange.h"
#include "record/verdict.h"
#include "sys/fd.h"

#define LEASE_MS      30000
#define PHASE_LIMIT_S 300.0
#define IDLE_S        10.0
#define SINGLE_RUNS   300
#define SINGLE_GAP_S  0.025
#define BURST_RUNS    2000
#define SUBMITTERS    8
#define RUNS_MAX      (SINGLE_RUNS + BURST_RUNS)
#define METRICS_MAX   (4U << 20)
#define DOCUMENT      1200 /* bytes of an assignment: a small script and its job */

struct bench;

struct agent {
    struct bench *bench;
    struct source *source;
    struct node_facts node;
    struct loop_timer *turn;
    int fd;          /* its folder of runs */
    struct run *run; /* the one that it has; NULL: none */
    bool over;       /* its end was taken */
};

/* What is reported of the run; the slot of the real outbox. */
struct outbox {
    struct agent *agent;
    int64_t sequence;
    bool under_way;
};

/* One who hands runs in. */
struct submitter {
    struct bench *bench;
    struct etcd_client *client;
    struct etcd_state state;
    bool busy;
};

struct times {
    double handed_in, claimed;
};

struct metrics {
    double txns, ranges, events, sent, watchers, slow, cpu;
    bool known;
};

struct bench {
    struct loop *loop;
    struct transfers *transfers;
    struct strlist endpoints;
    struct etcd_settings settings;
    struct etcd_keys keys;
    struct agent *agent;
    size_t count;
    struct submitter submitter[SUBMITTERS];
    struct etcd_client *looker;
    struct times run[RUNS_MAX];
    size_t next, last; /* runs to be handed in: next, up to last */
    double gap, due;   /* seconds between two of them */
    size_t claimed, ended, lost;
    size_t standing; /* nodes in the line, when last looked */
    bool looking;
    double begun; /* of the present wait */
    bool (*done)(struct bench *b);
    struct metrics metrics;
};

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what, const struct err *e)
{
    (void)fprintf(stderr, "bench-fleet: %s: %s\n", what, e->text);
    exit(1);
}

/* ---- agents ---- */

static void report(struct run *run);

static void answered(struct run *run, int64_t sequence, enum report_answer answer, const char *why,
                     int64_t after_ms)
{
    struct outbox *o = run->outbox;

    (void)after_ms;
    o->under_way = false;
    if (answer == REPORT_REFUSED)
        (void)fprintf(stderr, "bench-fleet: %s is refused: %s\n", run->id, why);
    if (answer == REPORT_ACKNOWLEDGED && sequence < 2)
        o->sequence++;
    else if (answer != REPORT_AGAIN)
        o->agent->over = true;
    loop_timer_start(o->agent->turn, answer == REPORT_AGAIN ? 100 : 0, 0);
}

static void report(struct run *run)
{
    struct outbox *o = run->outbox;
    const struct exit_record record = {.main_end = MAIN_EXITED, .tree_gone = true, .ended_at = clock_wall()};
    const struct verdict verdict = verdict_of(&record);
    struct run_name name = {.attempt = 1};
    bool final = o->sequence == 2;
    struct status_report r = {.epoch = run->history.epoch,
                              .sequence = o->sequence,
                              .state = final ? verdict.state : STATE_IN_PROGRESS,
                              .details = final ? verdict.details : "Job run artifact execution in progress.",
                              .cause = cause_name(final ? verdict.cause : CAUSE_NONE),
                              .time = clock_wall(),
                              .record = final ? &record : NULL,
                              .verdict = final ? &verdict : NULL,
                              .answered = answered};

    (void)run_name_parse(run->id, &name);
    r.run_id = name.id;
    r.attempt = name.attempt;
    o->under_way = true;
    o->agent->source->ops->report(o->agent->source, run, &r);
}

static void drop(struct agent *a)
{
    struct run *run = a->run;

    a->source->ops->leave(a->source, run);
    (void)tree_remove(a->fd, run->id);
    free(run->outbox);
    run->outbox = NULL;
    run_close(run);
    a->run = NULL;
    a->over = false;
    a->bench->ended++;
    a->source->ops->room(a->source, 1, "");
}

static void turn(void *context)
{
    struct agent *a = context;

    if (a->run == NULL)
        return;
    if (a->over)
        drop(a);
    else if (!a->run->outbox->under_way)
        report(a->run);
}

static void assigned(struct source *s, const char *name, void *context)
{
    struct agent *a = context;
    struct err e = ERR_INIT;
    uint64_t number = RUNS_MAX;

    if (run_open(a->fd, name, -1, &a->run, &e) < 0)
        die(name, &e);
    if (parse_u64(name + 1, RUNS_MAX - 1, &number) == 0)
        a->bench->run[number].claimed = now();
    a->bench->claimed++;
    a->run->outbox = calloc(1, sizeof(*a->run->outbox));
    *a->run->outbox = (struct outbox){.agent = a, .sequence = 1};
    s->ops->attend(s, a->run);
    s->ops->room(s, 0, "all places are taken");
    loop_timer_start(a->turn, 0, 0);
}

static void no_directive(struct run *run, const struct directive *d, void *context)
{
    (void)run;
    (void)d;
    (void)context;
}

static void no_node_directive(const struct node_directive *d, void *context)
{
    (void)d;
    (void)context;
}

static void held(struct run *run, boot_ms_t until, void *context)
{
    (void)run;
    (void)until;
    (void)context;
}

static void lost(struct run *run, const char *why, void *context)
{
    struct agent *a = context;

    (void)fprintf(stderr, "bench-fleet: %s is lost: %s\n", run->id, why);
    a->bench->lost++;
}

static void make_agent(struct bench *b, size_t i, int folder_fd)
{
    struct agent *a = &b->agent[i];
    const struct source_hooks hooks = {.assigned = assigned,
                                       .directive = no_directive,
                                       .node_directive = no_node_directive,
                                       .lease_held = held,
                                       .lease_lost = lost,
                                       .context = a};
    const struct source_wiring wiring = {.loop = b->loop, .node = &a->node, .hooks = &hooks};
    const struct etcd_source_settings settings = {.endpoints = b->endpoints.item[0],
                                                  .prefix = b->keys.prefix,
                                                  .user = "",
                                                  .password_file = "",
                                                  .ca_file = "",
                                                  .cert_file = "",
                                                  .key_file = "",
                                                  .lease_ms = LEASE_MS};
    struct source_wiring own = wiring;
    struct err e = ERR_INIT;

    a->bench = b;
    (void)snprintf(a->node.id, sizeof(a->node.id), "node-%04zu", i);
    (void)snprintf(a->node.version, sizeof(a->node.version), "%s", RUNLET_VERSION);
    a->node.concurrency = 1;
    (void)mkdirat(folder_fd, a->node.id, 0700);
    a->fd = dir_open(folder_fd, a->node.id);
    own.agent_fd = a->fd;
    a->turn = loop_timer_new(b->loop, turn, a);
    a->source = etcd_source_new(&own, &settings, &e);
    if (a->source == NULL || a->fd < 0 || a->turn == NULL)
        die("an agent", &e);
    a->source->ops->begin(a->source);
    a->source->ops->room(a->source, 1, "");
}

static void free_agents(struct bench *b, int folder_fd)
{
    for (size_t i = 0; i < b->count; i++) {
        struct agent *a = &b->agent[i];
        if (a->run != NULL)
            drop(a);
        a->source->ops->free(a->source);
        loop_timer_free(a->turn);
        fd_close(&a->fd);
        (void)tree_remove(folder_fd, a->node.id);
    }
    free(b->agent);
    b->agent = NULL;
}

/* ---- handing runs in ---- */

static void submit_next(struct submitter *s);

static void handed_in(void *context, const struct etcd_answer *a)
{
    struct submitter *s = context;

    if (a->outcome != ETCD_ANSWERED || !a->reply->succeeded)
        (void)fprintf(stderr, "bench-fleet: %s is not handed in: %s\n", s->state.run,
                      a->why != NULL ? a->why : "?");
    s->busy = false;
    submit_next(s);
}

static void submit_next(struct submitter *s)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(ETCD_BODY_MAX);
    struct bench *b = s->bench;
    char document[DOCUMENT];
    struct err e = ERR_INIT;

    if (s->busy || b->next == b->last || (b->gap > 0 && now() < b->due))
        return;
    memset(document, 'x', sizeof(document));
    document[0] = document[DOCUMENT - 1] = '"';
    s->state = (struct etcd_state){.attempts = 1, .state = STATE_ACCEPTED, .submitted_at = clock_wall()};
    (void)snprintf(s->state.run, sizeof(s->state.run), "r%06zu", b->next);
    (void)snprintf(s->state.pool, sizeof(s->state.pool), "%s", ETCD_POOL_DEFAULT);
    etcd_move_submit(&b->keys, &s->state, document, sizeof(document), &body);
    b->run[b->next++].handed_in = now();
    b->due += b->gap;
    s->busy = true;
    if (etcd_ask(s->client, ETCD_PATH_TXN, &body, false, handed_in, s, &e) == NULL)
        die("hand in", &e);
}

/* ---- waiting ---- */

static void looked(void *context, const struct etcd_answer *a)
{
    AUTO(etcd_kvs) struct etcd_kvs found = {0};
    struct bench *b = context;
    struct err e = ERR_INIT;

    b->looking = false;
    if (a->outcome == ETCD_ANSWERED && etcd_reply_kvs(a->reply, -1, &found, &e) == 0)
        b->standing = found.count;
}

static bool all_stand(struct bench *b)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(ETCD_RECORD_MAX);
    char folder[ETCD_KEY_MAX];
    struct err e = ERR_INIT;

    etcd_key_line(&b->keys, ETCD_POOL_DEFAULT, folder);
    etcd_write_range(&(struct etcd_range){.key = folder, .below = true, .keys_only = true}, &body);
    if (!b->looking) {
        b->looking = true;
        (void)etcd_ask(b->looker, ETCD_PATH_RANGE, &body, false, looked, b, &e);
    }
    return b->standing == b->count;
}

static bool all_ended(struct bench *b)
{
    for (size_t i = 0; i < SUBMITTERS; i++)
        submit_next(&b->submitter[i]);
    return b->ended == b->last;
}

static bool rested(struct bench *b)
{
    return now() - b->begun >= IDLE_S;
}

static bool measured(struct bench *b)
{
    return b->metrics.known;
}

static void check(void *context)
{
    struct bench *b = context;

    if (b->done(b))
        loop_stop(b->loop);
    if (now() - b->begun > PHASE_LIMIT_S) {
        (void)fprintf(stderr, "bench-fleet: %zu agents, %zu of %zu runs: no end of it\n", b->count, b->ended,
                      b->last);
        exit(1);
    }
}

static double wait_for(struct bench *b, bool (*done)(struct bench *b), uint64_t look_ms)
{
    struct loop_timer *timer = loop_timer_new(b->loop, check, b);

    b->done = done;
    b->begun = now();
    loop_timer_start(timer, 0, look_ms);
    loop_run(b->loop);
    loop_timer_free(timer);
    return now() - b->begun;
}

/* ---- what etcd says of itself ---- */

/* The sum of all lines that begin so and have the word. */
static double sum(const char *text, const char *name, const char *word)
{
    size_t n = strlen(name);
    double total = 0;

    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        char copy[512];
        const char *value;
        line += *line == '\n';
        (void)snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(line, "\n"), line);
        value = strrchr(copy, ' ');
        if (strncmp(copy, name, n) == 0 && strchr("{ ", copy[n]) != NULL && strstr(copy, word) != NULL &&
            value != NULL)
            total += strtod(value + 1, NULL);
    }
    return total;
}

static void told(void *context, const struct exchange_answer *a)
{
    struct bench *b = context;

    if (a->end != TRANSFER_COMPLETE || a->status != 200) {
        (void)fprintf(stderr, "bench-fleet: etcd says nothing of itself\n");
        exit(1);
    }
    b->metrics = (struct metrics){
        .txns = sum(a->body, "grpc_server_handled_total", "grpc_method=\"Txn\""),
        .ranges = sum(a->body, "grpc_server_handled_total", "grpc_method=\"Range\""),
        .events = sum(a->body, "etcd_debugging_mvcc_events_total", ""),
        .sent = sum(a->body, "etcd_network_client_grpc_sent_bytes_total", ""),
        .watchers = sum(a->body, "etcd_debugging_mvcc_watcher_total", ""),
        .slow = sum(a->body, "etcd_debugging_mvcc_slow_watcher_total", ""),
        .cpu = sum(a->body, "process_cpu_seconds_total", ""),
        .known = true,
    };
}

static struct metrics measure(struct bench *b)
{
    struct transfer_request request = {.connect_ms = 5000, .total_ms = 60000};
    char url[512];
    struct err e = ERR_INIT;

    (void)snprintf(url, sizeof(url), "%s/metrics", b->endpoints.item[0]);
    request.url = url;
    b->metrics.known = false;
    if (exchange_start(b->transfers, &request, METRICS_MAX, told, b, &e) == NULL)
        die("metrics", &e);
    (void)wait_for(b, measured, 1);
    return b->metrics;
}

/* ---- one size ---- */

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static double own_cpu(void)
{
    struct rusage u;

    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void hand_in(struct bench *b, size_t count, double gap)
{
    b->gap = gap;
    b->due = now();
    b->last = b->next + count;
}

/* From submission to claim, in ms, of the runs from .. to. */
static void latencies(const struct bench *b, size_t from, size_t to, double *p50, double *p99, double *most)
{
    double ms[RUNS_MAX];
    size_t n = to - from;

    for (size_t i = 0; i < n; i++)
        ms[i] = (b->run[from + i].claimed - b->run[from + i].handed_in) * 1000;
    qsort(ms, n, sizeof(*ms), compare);
    *p50 = ms[n / 2];
    *p99 = ms[n * 99 / 100];
    *most = ms[n - 1];
}

static void measure_size(struct bench *b, size_t count, int folder_fd)
{
    double standing, burst, p50, p99, most, cpu;
    struct metrics before, idle, single, after;
    size_t lost_before = b->lost;

    (void)snprintf(b->keys.prefix, sizeof(b->keys.prefix), "/bench/%d-%zu", (int)getpid(), count);
    b->count = count;
    b->agent = calloc(count, sizeof(*b->agent));
    b->next = b->last = b->claimed = b->ended = b->standing = 0;
    for (size_t i = 0; i < count; i++)
        make_agent(b, i, folder_fd);
    standing = wait_for(b, all_stand, 50);
    before = measure(b);
    (void)wait_for(b, rested, 100);
    idle = measure(b);
    hand_in(b, SINGLE_RUNS, SINGLE_GAP_S);
    (void)wait_for(b, all_ended, 1);
    single = measure(b);
    latencies(b, 0, SINGLE_RUNS, &p50, &p99, &most);
    cpu = own_cpu();
    hand_in(b, BURST_RUNS, 0);
    burst = wait_for(b, all_ended, 1);
    cpu = own_cpu() - cpu;
    after = measure(b);
    (void)printf("| %zu | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f | %.0f | %.1f | %.1f | %.1f | %.1f | %.0f "
                 "| %.0f%% | %.0f%% |\n",
                 count, standing, (idle.txns - before.txns + idle.ranges - before.ranges) / IDLE_S,
                 (idle.sent - before.sent) / IDLE_S / 1024, p50, p99, most, BURST_RUNS / burst,
                 (single.txns - idle.txns) / SINGLE_RUNS, (single.ranges - idle.ranges) / SINGLE_RUNS,
                 (single.events - idle.events) / SINGLE_RUNS, (single.sent - idle.sent) / SINGLE_RUNS / 1024,
                 after.watchers, (after.cpu - single.cpu) / burst * 100, cpu / burst * 100);
    (void)fflush(stdout);
    if (b->lost > lost_before || after.slow > 0)
        (void)printf("(%zu leases lost, %.0f slow watchers)\n", b->lost - lost_before, after.slow);
    free_agents(b, folder_fd);
}

static void open_submitters(struct bench *b)
{
    struct err e = ERR_INIT;

    for (size_t i = 0; i < SUBMITTERS; i++) {
        b->submitter[i].bench = b;
        b->submitter[i].client = etcd_client_new(b->loop, b->transfers, &b->settings, &e);
        if (b->submitter[i].client == NULL)
            die("a submitter", &e);
    }
    b->looker = etcd_client_new(b->loop, b->transfers, &b->settings, &e);
}

int main(int argc, char **argv)
{
    static struct bench b;
    struct rlimit files;
    struct err e = ERR_INIT;
    int folder_fd;

    if (argc < 4) {
        (void)fprintf(stderr, "bench-fleet: ENDPOINT FOLDER N...\n");
        return 2;
    }
    log_set_level(LOG_LEVEL_ERROR);
    (void)getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    folder_fd = dir_open(AT_FDCWD, argv[2]);
    b.loop = loop_new(&e);
    b.transfers = b.loop != NULL ? transfers_new(b.loop, &e) : NULL;
    if (folder_fd < 0 || b.transfers == NULL || strlist_add(&b.endpoints, argv[1]) < 0)
        die(argv[2], &e);
    b.settings = (struct etcd_settings){.endpoints = &b.endpoints,
                                        .user = "",
                                        .password_file = "",
                                        .ca_file = "",
                                        .cert_file = "",
                                        .key_file = "",
                                        .connect_ms = 5000,
                                        .answer_ms = 10000};
    open_submitters(&b);
    for (int i = 3; i < argc; i++) {
        uint64_t count;
        if (parse_u64(argv[i], 4000, &count) < 0 || count == 0)
            return 2;
        measure_size(&b, (size_t)count, folder_fd);
    }
    for (size_t i = 0; i < SUBMITTERS; i++)
        etcd_client_free(b.submitter[i].client);
    etcd_client_free(b.looker);
    transfers_free(b.transfers);
    loop_free(b.loop);
    strlist_free(&b.endpoints);
    (void)close(folder_fd);
    return 0;
}
