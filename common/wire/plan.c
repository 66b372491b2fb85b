/* plan.c - a plan's parts: what may stand in them, their names, and their release. See plan.h. */
#include "wire/plan.h"

#include <arpa/inet.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "wire/plan_fields.h"

/* ---- what may stand in a plan ---- */

static bool component_valid(const char *s, size_t n)
{
    char name[NAME_MAX + 1];

    if (n == 0 || (n == 1 && s[0] == '.'))
        return true;
    if (n > NAME_MAX)
        return false;
    memcpy(name, s, n);
    name[n] = '\0';
    return file_name_valid(name);
}

/* Every component is a name, "." or nothing. */
static bool components_valid(const char *path)
{
    if (strlen(path) >= PATH_MAX)
        return false;
    for (;;) {
        size_t n = strcspn(path, "/");
        if (!component_valid(path, n))
            return false;
        if (path[n] == '\0')
            return true;
        path += n + 1;
    }
}

bool plan_path_valid(const char *path)
{
    return path[0] != '\0' && path[0] != '/' && components_valid(path);
}

static bool absolute_valid(const char *path)
{
    return path[0] == '/' && components_valid(path);
}

/* What an image's configuration may say in one word. */
static bool word_valid(const char *s)
{
    size_t n = strlen(s);

    for (const char *p = s; *p != '\0'; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7F)
            return false;
    return n > 0 && n < IMAGE_WORD_MAX;
}

static bool digest_valid(const char *s)
{
    return strncmp(s, "sha256:", 7) == 0 && strlen(s + 7) == 64 && strspn(s + 7, "0123456789abcdef") == 64;
}

bool plan_has_image(const struct plan *p)
{
    return p->entry_kind == ENTRY_IMAGE;
}

bool nfs_source_valid(const char *source)
{
    const char *colon = strchr(source, ':');
    char address[INET_ADDRSTRLEN];
    struct in_addr ip;

    if (colon == NULL || (size_t)(colon - source) >= sizeof(address))
        return false;
    memcpy(address, source, (size_t)(colon - source));
    address[colon - source] = '\0';
    return inet_pton(AF_INET, address, &ip) == 1 && absolute_valid(colon + 1);
}

static bool job_name_valid(const char *name)
{
    size_t chars = 0;

    for (const char *p = name; *p != '\0'; p++)
        chars += ((unsigned char)*p & 0xC0) != 0x80;
    return chars <= JOB_NAME_CHARS_MAX;
}

/* ---- the tables ---- */

#define STRING(member, check)                                                                                \
    {                                                                                                        \
#member, FIELD_STRING, offsetof(struct plan, member), 0, 0, check                                    \
    }
#define OPTION(member, check)                                                                                \
    {                                                                                                        \
#member, FIELD_STRING_OR_NULL, offsetof(struct plan, member), 0, 0, check                            \
    }
#define NUMBER(member, kind, min, max)                                                                       \
    {                                                                                                        \
#member, kind, offsetof(struct plan, member), min, max, NULL                                         \
    }
#define INNER(key, member, max)                                                                              \
    {                                                                                                        \
        key, FIELD_I64, offsetof(struct plan, member), 0, max, NULL                                          \
    }
#define FLAG(key, member)                                                                                    \
    {                                                                                                        \
        key, FIELD_BOOL, offsetof(struct plan, member), 0, 1, NULL                                           \
    }

const struct plan_field PLAN_FIELDS[PLAN_FIELD_COUNT] = {
    STRING(run_id, run_name_valid),
    STRING(job_name, job_name_valid),
    NUMBER(epoch, FIELD_I64, 0, INT64_MAX),
    NUMBER(as_root, FIELD_BOOL, 0, 1),
    OPTION(entrypoint, plan_path_valid),
    OPTION(python, absolute_valid),
    OPTION(bash, absolute_valid),
    OPTION(java, absolute_valid),
    OPTION(conda_prefix, absolute_valid),
    OPTION(image, word_valid),
    OPTION(image_digest, digest_valid),
    OPTION(image_user, word_valid),
    OPTION(directory, absolute_valid),
    NUMBER(maximum_runtime_ms, FIELD_I64, 1, JOB_RUNTIME_MS_MAX),
    NUMBER(lease_until_ms, FIELD_I64, 0, INT64_MAX),
    NUMBER(stop_grace_ms, FIELD_I64, 0, STOP_GRACE_MS_MAX),
    NUMBER(stop_signal, FIELD_INT, 1, _NSIG - 1),
    NUMBER(stop_whole_tree, FIELD_BOOL, 0, 1),
    NUMBER(nice, FIELD_INT, -20, 19),
    NUMBER(oom_score_adj, FIELD_INT, -1000, 1000),
    NUMBER(umask_bits, FIELD_UNSIGNED, 0, 0777),
    NUMBER(notice_before_ms, FIELD_I64, 0, NOTICE_BEFORE_MS_MAX),
    NUMBER(notice_signal, FIELD_INT, 0, _NSIG - 1),
    NUMBER(volume_bytes, FIELD_I64, 0, INT64_MAX),
    FLAG("network_off", sandbox.network_off),
    FLAG("user_namespace", sandbox.user_namespace),
    FLAG("learn", sandbox.learn),
    INNER("probe_delay_s", probe.initial_delay_s, PROBE_DELAY_S_MAX),
    INNER("probe_period_s", probe.period_s, PROBE_PERIOD_S_MAX),
    INNER("probe_failures", probe.failure_threshold, PROBE_FAILURES_MAX),
};

const char *const ENTRY_KIND_NAMES[ENTRY_KIND_COUNT] = {
    [ENTRY_FILE] = "file", [ENTRY_ARCHIVE] = "archive", [ENTRY_IMAGE] = "image"};
const char *const PLACEMENT_FORM_NAMES[PLACEMENT_FORM_COUNT] = {
    [PLACE_FILE] = "file", [PLACE_ARCHIVE] = "archive"};
const char *const MOUNT_KIND_NAMES[MOUNT_KIND_COUNT] = {[MOUNT_NFS] = "nfs", [MOUNT_OBJECTS] = "objects"};

const char *const PLAN_COUNT_KEYS[COUNT_KINDS] = {[COUNT_PLACEMENTS] = "placements",
                                                  [COUNT_ARGS] = "args",
                                                  [COUNT_VARS] = "vars",
                                                  [COUNT_LIMITS] = "limits",
                                                  [COUNT_DEVICES] = "devices",
                                                  [COUNT_SYSTEM_CALLS] = "system_calls",
                                                  [COUNT_STOP_SIGNALS] = "stop_signals",
                                                  [COUNT_MOUNTS] = "mounts",
                                                  [COUNT_OUTPUTS] = "outputs",
                                                  [COUNT_NODES] = "nodes",
                                                  [COUNT_PROBE_WORDS] = "probe_words"};
const int64_t PLAN_COUNT_MAX[COUNT_KINDS] = {[COUNT_PLACEMENTS] = PLAN_PLACEMENTS_MAX,
                                             [COUNT_ARGS] = PLAN_ARGS_MAX,
                                             [COUNT_VARS] = PLAN_VARS_MAX,
                                             [COUNT_LIMITS] = LIMIT_COUNT + 1, /* the cpuset beside them */
                                             [COUNT_DEVICES] = SANDBOX_DEVICES_MAX,
                                             [COUNT_SYSTEM_CALLS] = SANDBOX_SYSTEM_CALLS_MAX,
                                             [COUNT_STOP_SIGNALS] = STOP_SIGNALS_MAX,
                                             [COUNT_MOUNTS] = JOB_MOUNTS_MAX,
                                             [COUNT_OUTPUTS] = RUN_OUTPUTS_MAX,
                                             [COUNT_NODES] = CLUSTER_NODES_MAX,
                                             [COUNT_PROBE_WORDS] = PROBE_COMMAND_WORDS_MAX};

void plan_init(struct plan *p)
{
    *p = (struct plan){0};
    run_limits_init(&p->limits);
}

void plan_counts(const struct plan *p, size_t ret[COUNT_KINDS])
{
    ret[COUNT_PLACEMENTS] = p->placement_count;
    ret[COUNT_ARGS] = p->args.count;
    ret[COUNT_VARS] = p->env.count;
    ret[COUNT_LIMITS] = p->limits.cpuset[0] != '\0';
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        ret[COUNT_LIMITS] += p->limits.value[i] != LIMIT_UNSET;
    ret[COUNT_DEVICES] = p->sandbox.devices.count;
    ret[COUNT_SYSTEM_CALLS] = p->sandbox.system_calls.count;
    ret[COUNT_STOP_SIGNALS] = p->stop_then.count;
    ret[COUNT_MOUNTS] = p->mount_count;
    ret[COUNT_OUTPUTS] = p->outputs.count;
    ret[COUNT_NODES] = p->cluster.count;
    ret[COUNT_PROBE_WORDS] = p->probe.command.count;
}

void plan_free(struct plan *p)
{
    for (size_t i = 0; i < p->placement_count; i++) {
        free(p->placement[i].name);
        free(p->placement[i].into);
    }
    for (size_t i = 0; i < p->mount_count; i++) {
        free(p->mount[i].source);
        free(p->mount[i].target);
    }
    free(p->run_id);
    free(p->job_name);
    free(p->entrypoint);
    free(p->python);
    free(p->bash);
    free(p->java);
    free(p->conda_prefix);
    free(p->image);
    free(p->image_digest);
    free(p->image_user);
    free(p->directory);
    strlist_free(&p->args);
    env_free(&p->env);
    run_sandbox_free(&p->sandbox);
    run_outputs_free(&p->outputs);
    cluster_free(&p->cluster);
    strlist_free(&p->probe.command);
    *p = (struct plan){0};
}
