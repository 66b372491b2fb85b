/* x_runlet.c - see parts.h: the `x-runlet` block, in which nothing unknown passes. */
#include "job/parts.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/object_location.h"
#include "base/parse.h"

static const struct {
    const char *name;
    int number;
} SIGNALS[] = {{"TERM", SIGTERM}, {"INT", SIGINT},   {"HUP", SIGHUP},
               {"QUIT", SIGQUIT}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}};

const char *stop_signal_name(int signal)
{
    for (size_t i = 0; i < ARRAY_SIZE(SIGNALS); i++)
        if (SIGNALS[i].number == signal)
            return SIGNALS[i].name;
    return NULL;
}

static const char *const LEASE_LOST_NAMES[LEASE_LOST_COUNT] = {
    [LEASE_LOST_FINISH_AND_HOLD] = "finish-and-hold",
    [LEASE_LOST_STOP] = "stop",
};

const char *lease_lost_policy_name(enum lease_lost_policy policy)
{
    return (unsigned)policy < LEASE_LOST_COUNT ? LEASE_LOST_NAMES[policy] : "unknown";
}

void x_runlet_duration(struct reader *rd, const struct node *block, const char *key, int64_t min, int64_t max,
                       const char *range, int64_t *ret)
{
    const struct node *n = field(rd, block, key);
    int64_t value;

    if (n == NULL)
        return;
    if ((n->kind != NODE_STRING && n->kind != NODE_INT) || parse_duration_ms(n->text, &value) < 0)
        diag_error(rd->diags, node_where(n), "'%s': expected a length of time such as 90s, 5m, 2h or 30d",
                   key);
    else if (value < min || value > max)
        diag_error(rd->diags, node_where(n), "'%s': %.40s is out of range: expected %s", key, n->text, range);
    else
        *ret = value;
}

void x_runlet_init(struct x_runlet *x)
{
    *x = (struct x_runlet){
        .maximum_runtime_ms = -1,
        .stop_grace_ms = -1,
        .stop_whole_tree = -1,
        .sandbox = {.network_off = -1, .user_namespace = -1, .learn = -1},
        .notice_before_ms = -1,
        .notice_signal = -1,
        .on_lease_lost = -1,
    };
    run_limits_init(&x->limits);
    run_retry_init(&x->retry);
}

static int read_signal(struct reader *rd, const struct node *block, const char *key)
{
    const char *names[ARRAY_SIZE(SIGNALS)];
    int choice;

    for (size_t i = 0; i < ARRAY_SIZE(SIGNALS); i++)
        names[i] = SIGNALS[i].name;
    choice = field_choice(rd, block, key, names, ARRAY_SIZE(names));
    return choice < 0 ? -1 : SIGNALS[choice].number;
}

/* Further signals on the way to SIGKILL, each later than the one before. */
static void read_stop_then(struct reader *rd, const struct node *list, struct stop_signals *ret)
{
    static const char *const KNOWN[] = {"signal", "after"};
    struct stop_signals read = {.count = 0};
    int64_t before = 0;

    if (list == NULL)
        return;
    if (list->count > STOP_SIGNALS_MAX)
        diag_error(rd->diags, node_where(list), "'stopThen': more than %d entries", STOP_SIGNALS_MAX);
    for (size_t i = 0; i < list->count && i < STOP_SIGNALS_MAX; i++) {
        const struct node *entry = list->item[i];
        int64_t after = -1;
        int signal;
        if (entry->kind != NODE_MAP) {
            diag_error(rd->diags, node_where(entry), "'stopThen': expected {signal: TERM, after: 20s}");
            continue;
        }
        check_keys(rd, entry, KNOWN, ARRAY_SIZE(KNOWN));
        signal = read_signal(rd, entry, "signal");
        x_runlet_duration(rd, entry, "after", 1, STOP_GRACE_MS_MAX, "1ms to 1h", &after);
        if (field(rd, entry, "signal") == NULL || field(rd, entry, "after") == NULL)
            diag_error(rd->diags, node_where(entry), "'stopThen': an entry needs a 'signal' and an 'after'");
        if (signal < 0 || after < 0)
            continue;
        if (after <= before)
            diag_error(rd->diags, node_where(entry),
                       "'stopThen': each 'after' must be longer than the one before");
        before = after;
        read.item[read.count].signal = signal;
        read.item[read.count++].after_ms = after;
    }
    *ret = read;
}

static void read_switch(struct reader *rd, const struct node *block, const char *key, int *ret)
{
    bool value = *ret == 1;

    field_bool(rd, block, key, &value);
    if (field(rd, block, key) != NULL)
        *ret = value;
}

/* ---- limits ---- */

static const char *unit_example(enum limit_unit unit)
{
    switch (unit) {
    case LIMIT_UNIT_BYTES: return "a size such as 512M, 4G or 1T";
    case LIMIT_UNIT_MILLI_CPU: return "a number of hardware threads such as 2 or 0.5";
    default: return "a whole number";
    }
}

static void read_limit(struct reader *rd, const struct node *block, enum run_limit limit, int64_t *ret)
{
    const struct run_limit_info *info = run_limit_info(limit);
    const struct node *n = field(rd, block, info->name);
    char min[LIMIT_TEXT_MAX], max[LIMIT_TEXT_MAX];
    int r;

    if (n == NULL)
        return;
    r = n->kind == NODE_STRING || n->kind == NODE_INT || n->kind == NODE_REAL
            ? run_limit_parse(limit, n->text, ret)
            : -EINVAL;
    run_limit_format(limit, info->min, min);
    run_limit_format(limit, info->max, max);
    if (r == -ERANGE)
        diag_error(rd->diags, node_where(n), "'%s': %.40s is out of range: expected %s to %s", info->name,
                   n->text, min, max);
    else if (r < 0)
        diag_error(rd->diags, node_where(n), "'%s': expected %s", info->name, unit_example(info->unit));
}

static void read_cpuset(struct reader *rd, const struct node *block, struct run_limits *limits)
{
    const struct node *n = field(rd, block, "cpuset");

    if (n == NULL)
        return;
    if ((n->kind == NODE_STRING || n->kind == NODE_INT) && cpuset_valid(n->text))
        (void)snprintf(limits->cpuset, sizeof(limits->cpuset), "%s", n->text);
    else
        diag_error(rd->diags, node_where(n), "'cpuset': expected a list of CPUs such as 0-3,8");
}

static void read_limits(struct reader *rd, const struct node *block, struct run_limits *limits)
{
    const char *known[LIMIT_COUNT + 1] = {"cpuset"};

    if (block == NULL)
        return;
    for (unsigned i = 0; i < LIMIT_COUNT; i++)
        known[i + 1] = run_limit_info((enum run_limit)i)->name;
    check_keys(rd, block, known, ARRAY_SIZE(known));
    for (unsigned i = 0; i < LIMIT_COUNT; i++)
        read_limit(rd, block, (enum run_limit)i, &limits->value[i]);
    read_cpuset(rd, block, limits);
}

/* ---- sandbox ---- */

/* A list of names, each checked; a given list replaces the one that was there. */
static void read_names(struct reader *rd, const struct node *block, const char *key,
                       bool (*valid)(const char *), size_t max, const char *expected, struct strlist *ret)
{
    const struct node *list = field_list(rd, block, key);

    if (list == NULL)
        return;
    strlist_free(ret);
    *ret = (struct strlist){0};
    field_strings(rd, block, key, ret);
    if (list->count > max)
        diag_error(rd->diags, node_where(list), "'%s': more than %zu entries", key, max);
    for (size_t i = 0; i < list->count; i++)
        if (list->item[i]->kind == NODE_STRING && !valid(list->item[i]->text))
            diag_error(rd->diags, node_where(list->item[i]), "'%s': '%.60s' is not %s", key,
                       list->item[i]->text, expected);
}

static void read_sandbox(struct reader *rd, const struct node *block, struct x_sandbox *sandbox)
{
    static const char *const KNOWN[] = {"network", "userNamespace", "learn", "systemCalls", "devices"};
    static const char *const NETWORKS[] = {"host", "none"};
    int network;

    if (block == NULL)
        return;
    check_keys(rd, block, KNOWN, ARRAY_SIZE(KNOWN));
    network = field_choice(rd, block, "network", NETWORKS, ARRAY_SIZE(NETWORKS));
    if (network >= 0)
        sandbox->network_off = network;
    read_switch(rd, block, "userNamespace", &sandbox->user_namespace);
    read_switch(rd, block, "learn", &sandbox->learn);
    read_names(rd, block, "systemCalls", system_call_name_valid, SANDBOX_SYSTEM_CALLS_MAX,
               "the name of a system call", &sandbox->system_calls);
    read_names(rd, block, "devices", device_path_valid, SANDBOX_DEVICES_MAX, "a device below /dev",
               &sandbox->devices);
}

/* ---- notice ---- */

static void read_notice(struct reader *rd, const struct node *block, struct x_runlet *x)
{
    static const char *const KNOWN[] = {"before", "signal"};
    int signal;

    if (block == NULL)
        return;
    check_keys(rd, block, KNOWN, ARRAY_SIZE(KNOWN));
    x_runlet_duration(rd, block, "before", 0, NOTICE_BEFORE_MS_MAX, "0 to 1d", &x->notice_before_ms);
    signal = read_signal(rd, block, "signal");
    if (signal > 0)
        x->notice_signal = signal;
}

/* ---- outputs ---- */

/* As people write a path: in the home, or beginning with it. */
static const char *below_home(char *path)
{
    static const char HOME[] = "/home/datascience";
    const char *from = path;
    size_t n = strlen(path);

    while (n > 1 && path[n - 1] == '/')
        path[--n] = '\0';
    if (strncmp(from, HOME, sizeof(HOME) - 1) == 0 && strchr("/", from[sizeof(HOME) - 1]) != NULL)
        from += from[sizeof(HOME) - 1] == '/' ? sizeof(HOME) : sizeof(HOME) - 1;
    while (strncmp(from, "./", 2) == 0)
        from += 2;
    return from[0] == '\0' ? "." : from;
}

static void read_output(struct reader *rd, const struct node *entry, struct run_outputs *ret)
{
    static const char *const KNOWN[] = {"from", "to", "when"};
    static const char *const WHEN[] = {"success", "always"};
    AUTO_FREE char *from = NULL;
    AUTO_FREE char *to = NULL;
    int when;

    check_keys(rd, entry, KNOWN, ARRAY_SIZE(KNOWN));
    field_string(rd, entry, "from", &from);
    field_string(rd, entry, "to", &to);
    when = field_choice(rd, entry, "when", WHEN, ARRAY_SIZE(WHEN));
    if (from == NULL || to == NULL) {
        diag_error(rd->diags, node_where(entry), "'outputs': an entry needs a 'from' and a 'to'");
        return;
    }
    if (!run_output_from_valid(below_home(from)))
        diag_error(rd->diags, node_where(field(rd, entry, "from")),
                   "'%.60s': expected a path in the job's home", from);
    else if (!object_location_valid(to))
        diag_error(rd->diags, node_where(field(rd, entry, "to")),
                   "'%.80s': expected oci://bucket@namespace/prefix or s3://bucket/prefix", to);
    else if (run_outputs_add(ret, below_home(from), to, when == 1) == -ENOMEM)
        rd->no_memory = true;
}

static void read_outputs(struct reader *rd, const struct node *list, struct run_outputs *ret)
{
    if (list == NULL)
        return;
    run_outputs_free(ret);
    if (list->count > RUN_OUTPUTS_MAX)
        diag_error(rd->diags, node_where(list), "'outputs': more than %d entries", RUN_OUTPUTS_MAX);
    for (size_t i = 0; i < list->count; i++) {
        if (list->item[i]->kind == NODE_MAP)
            read_output(rd, list->item[i], ret);
        else
            diag_error(
                rd->diags, node_where(list->item[i]),
                "'outputs': expected {from: results, to: oci://bucket@namespace/prefix, when: success}");
    }
}

void x_runlet_read(struct reader *rd, const struct node *map, struct x_runlet *x)
{
    static const char *const KNOWN[] = {
        "maximumRuntime", "stopGrace", "stopSignal", "stopWholeTree", "stopThen",    "limits", "sandbox",
        "notice",         "artifact",  "inputs",     "outputs",       "onLeaseLost", "retry"};
    enum key_style outer = rd->style;
    const struct node *block = field_map(rd, map, "x-runlet");
    int signal, policy;

    if (block == NULL)
        return;
    rd->style = KEYS_EXACT;
    check_keys(rd, block, KNOWN, ARRAY_SIZE(KNOWN));
    x_runlet_duration(rd, block, "maximumRuntime", 1000, JOB_RUNTIME_MS_MAX, "1s to 30d",
                      &x->maximum_runtime_ms);
    x_runlet_duration(rd, block, "stopGrace", 0, STOP_GRACE_MS_MAX, "0 to 1h", &x->stop_grace_ms);
    signal = read_signal(rd, block, "stopSignal");
    if (signal > 0)
        x->stop_signal = signal;
    read_switch(rd, block, "stopWholeTree", &x->stop_whole_tree);
    read_stop_then(rd, field_list(rd, block, "stopThen"), &x->stop_then);
    read_limits(rd, field_map(rd, block, "limits"), &x->limits);
    read_sandbox(rd, field_map(rd, block, "sandbox"), &x->sandbox);
    read_notice(rd, field_map(rd, block, "notice"), x);
    read_outputs(rd, field_list(rd, block, "outputs"), &x->outputs);
    policy = field_choice(rd, block, "onLeaseLost", LEASE_LOST_NAMES, LEASE_LOST_COUNT);
    if (policy >= 0)
        x->on_lease_lost = policy;
    retry_read(rd, field_map(rd, block, "retry"), &x->retry);
    rd->style = outer;
}
