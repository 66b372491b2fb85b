/* policy.c - see policy.h. */
#include "supervisor/policy.h"

#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "base/auto.h"
#include "base/parse.h"

#define DEVICE_PATTERN_MAX 256

enum option_id {
    OPT_AGENT_UID = 1,
    OPT_AGENT_GID,
    OPT_JOB_UID,
    OPT_JOB_GID,
    OPT_JOB_USER,
    OPT_ALLOW_ROOT,
    OPT_RUNS_DIR,
    OPT_SOCKETS_DIR,
    OPT_STATE_DIR,
    OPT_RUNTIME_DIR,
    OPT_HELPER_DIR,
    OPT_MAX_RUNTIME,
    OPT_PLACE_BUDGET,
    OPT_UNPACK_BYTES,
    OPT_UNPACK_FILES,
    OPT_UNPACK_RATIO,
    OPT_MEMORY_RESERVE,
    OPT_DISK_RESERVE,
    OPT_HELPER_MEMORY,
    OPT_HELPER_PIDS,
    OPT_IMAGES_MAX_BYTES,
    OPT_PIDS_DEFAULT,
    OPT_BEST_EFFORT,
    OPT_ALLOW_LEARN,
    OPT_ROOTLESS,
    OPT_ALLOW_METADATA,
    OPT_DEVICES,
    OPT_SHARED_DEVICES,
    OPT_IMAGES_DIR,
    OPT_UMOCI,
    OPT_IMAGE_FIRST_ID,
    OPT_IMAGE_IDS,
    OPT_CONNECTION_FD,
    OPT_STARTER_FD,
};

static const struct option OPTIONS[] = {
    {"agent-uid", required_argument, NULL, OPT_AGENT_UID},
    {"agent-gid", required_argument, NULL, OPT_AGENT_GID},
    {"job-uid", required_argument, NULL, OPT_JOB_UID},
    {"job-gid", required_argument, NULL, OPT_JOB_GID},
    {"job-user", required_argument, NULL, OPT_JOB_USER},
    {"allow-root", no_argument, NULL, OPT_ALLOW_ROOT},
    {"runs-directory", required_argument, NULL, OPT_RUNS_DIR},
    {"sockets-directory", required_argument, NULL, OPT_SOCKETS_DIR},
    {"state-directory", required_argument, NULL, OPT_STATE_DIR},
    {"runtime-directory", required_argument, NULL, OPT_RUNTIME_DIR},
    {"helper-directory", required_argument, NULL, OPT_HELPER_DIR},
    {"maximum-runtime", required_argument, NULL, OPT_MAX_RUNTIME},
    {"place-budget", required_argument, NULL, OPT_PLACE_BUDGET},
    {"unpack-max-bytes", required_argument, NULL, OPT_UNPACK_BYTES},
    {"unpack-max-files", required_argument, NULL, OPT_UNPACK_FILES},
    {"unpack-max-ratio", required_argument, NULL, OPT_UNPACK_RATIO},
    {"memory-reserve", required_argument, NULL, OPT_MEMORY_RESERVE},
    {"disk-reserve", required_argument, NULL, OPT_DISK_RESERVE},
    {"pids-default", required_argument, NULL, OPT_PIDS_DEFAULT},
    {"helper-memory", required_argument, NULL, OPT_HELPER_MEMORY},
    {"helper-pids", required_argument, NULL, OPT_HELPER_PIDS},
    {"best-effort-limits", no_argument, NULL, OPT_BEST_EFFORT},
    {"rootless", no_argument, NULL, OPT_ROOTLESS},
    {"allow-learn", no_argument, NULL, OPT_ALLOW_LEARN},
    {"allow-metadata", no_argument, NULL, OPT_ALLOW_METADATA},
    {"devices", required_argument, NULL, OPT_DEVICES},
    {"shared-devices", required_argument, NULL, OPT_SHARED_DEVICES},
    {"images-directory", required_argument, NULL, OPT_IMAGES_DIR},
    {"images-max-bytes", required_argument, NULL, OPT_IMAGES_MAX_BYTES},
    {"image-first-id", required_argument, NULL, OPT_IMAGE_FIRST_ID},
    {"image-ids", required_argument, NULL, OPT_IMAGE_IDS},
    {"umoci", required_argument, NULL, OPT_UMOCI},
    {"connection-fd", required_argument, NULL, OPT_CONNECTION_FD},
    {"starter-fd", required_argument, NULL, OPT_STARTER_FD},
    {NULL, 0, NULL, 0},
};

static int number(const char *text, uint64_t max, uint64_t *ret, const char *option, struct err *e)
{
    if (parse_u64(text, max, ret) < 0)
        return err_set(e, -EINVAL, BLAME_NODE, "--%s: a number up to %" PRIu64 " expected, not '%s'", option,
                       max, text);
    return 0;
}

static int duration(const char *text, int64_t *ret, const char *option, struct err *e)
{
    if (parse_duration_ms(text, ret) < 0)
        return err_set(e, -EINVAL, BLAME_NODE, "--%s: a length of time like 30d expected, not '%s'", option,
                       text);
    return 0;
}

/* Options whose value is a number. */
static int take_number(int id, const char *option, struct policy *p, struct service_fds *fds, struct err *e)
{
    uint64_t n;
    int r = number(optarg, id >= OPT_UNPACK_BYTES && id <= OPT_PIDS_DEFAULT ? INT64_MAX : INT32_MAX, &n,
                   option, e);

    if (r < 0)
        return r;
    switch (id) {
    case OPT_AGENT_UID: p->agent_uid = (uid_t)n; break;
    case OPT_AGENT_GID: p->agent_gid = (gid_t)n; break;
    case OPT_JOB_UID: p->job_uid = (uid_t)n; break;
    case OPT_JOB_GID: p->job_gid = (gid_t)n; break;
    case OPT_UNPACK_BYTES: p->unpack_max_bytes = n; break;
    case OPT_UNPACK_FILES: p->unpack_max_files = n; break;
    case OPT_UNPACK_RATIO: p->unpack_max_ratio = n; break;
    case OPT_MEMORY_RESERVE: p->memory_reserve_bytes = (int64_t)n; break;
    case OPT_DISK_RESERVE: p->disk_reserve_bytes = (int64_t)n; break;
    case OPT_HELPER_MEMORY: p->helper_memory_bytes = (int64_t)n; break;
    case OPT_HELPER_PIDS: p->helper_pids = (int64_t)n; break;
    case OPT_IMAGES_MAX_BYTES: p->images_max_bytes = n; break;
    case OPT_IMAGE_FIRST_ID: p->image_first_id = (uid_t)n; break;
    case OPT_IMAGE_IDS: p->image_ids = (uid_t)n; break;
    case OPT_PIDS_DEFAULT: p->pids_default = (int64_t)n; break;
    case OPT_CONNECTION_FD: fds->connection = (int)n; break;
    default: fds->starter = (int)n; break;
    }
    return 0;
}

static int take_option(int id, const char *option, struct policy *p, struct service_fds *fds, struct err *e)
{
    switch (id) {
    case OPT_JOB_USER: p->job_user = optarg; return 0;
    case OPT_ALLOW_ROOT: p->allow_root = true; return 0;
    case OPT_BEST_EFFORT: p->limits_best_effort = true; return 0;
    case OPT_ROOTLESS: p->rootless = true; return 0;
    case OPT_ALLOW_LEARN: p->allow_learn = true; return 0;
    case OPT_ALLOW_METADATA: p->allow_metadata = true; return 0;
    case OPT_DEVICES: p->devices = optarg; return 0;
    case OPT_SHARED_DEVICES: p->shared_devices = optarg; return 0;
    case OPT_IMAGES_DIR: p->images_dir = optarg; return 0;
    case OPT_UMOCI: p->umoci = optarg; return 0;
    case OPT_RUNS_DIR: p->runs_dir = optarg; return 0;
    case OPT_SOCKETS_DIR: p->sockets_dir = optarg; return 0;
    case OPT_STATE_DIR: p->hidden_dirs[0] = optarg; return 0;
    case OPT_RUNTIME_DIR: p->hidden_dirs[1] = optarg; return 0;
    case OPT_HELPER_DIR: p->helper_dir = optarg; return 0;
    case OPT_MAX_RUNTIME: return duration(optarg, &p->maximum_runtime_ms, option, e);
    case OPT_PLACE_BUDGET: return duration(optarg, &p->place_budget_ms, option, e);
    default: return take_number(id, option, p, fds, e);
    }
}

static int check_policy(const struct policy *p, const struct service_fds *fds, struct err *e)
{
    if ((fds->connection >= 0) == (fds->starter >= 0))
        return err_set(e, -EINVAL, BLAME_NODE, "exactly one of --connection-fd and --starter-fd is needed");
    if (p->job_uid == 0 && !p->allow_root)
        return err_set(e, -EINVAL, BLAME_NODE, "--job-uid 0 needs --allow-root");
    if (p->image_ids > 0 && (p->image_first_id == 0 || p->image_first_id > UINT32_MAX - 1 - p->image_ids))
        return err_set(e, -EINVAL, BLAME_NODE,
                       "--image-first-id and --image-ids: not a range of users without root");
    if (p->runs_dir[0] != '/' || p->sockets_dir[0] != '/' || p->helper_dir[0] != '/' ||
        p->images_dir[0] != '/' || p->umoci[0] != '/')
        return err_set(e, -EINVAL, BLAME_NODE, "directories must be absolute paths");
    if (!file_name_valid(p->job_user) || strchr(p->job_user, ':') != NULL)
        return err_set(e, -EINVAL, BLAME_NODE, "--job-user: '%s' is not a user name", p->job_user);
    return 0;
}

int policy_from_arguments(int argc, char **argv, struct policy *ret, struct service_fds *ret_fds,
                          struct err *e)
{
    struct policy p = {
        .job_uid = 1000,
        .job_gid = 100,
        .job_user = "datascience",
        .runs_dir = "/var/lib/runlet/runs",
        .sockets_dir = "/run/runlet/runs",
        .hidden_dirs = {"/var/lib/runlet", "/run/runlet"},
        .helper_dir = "/usr/libexec/runlet",
        .maximum_runtime_ms = JOB_RUNTIME_MS_MAX,
        .place_budget_ms = 3600 * 1000,
        .devices = "",
        .shared_devices = "",
        .images_dir = "/var/lib/runlet/images",
        .images_max_bytes = 100ULL << 30,
        .umoci = "/usr/bin/umoci",
        .memory_reserve_bytes = 256LL << 20,
        .disk_reserve_bytes = 512LL << 20,
        .pids_default = 16384,
        .helper_memory_bytes = 1LL << 30,
        .helper_pids = 256,
        .unpack_max_bytes = 50ULL << 30,
        .unpack_max_files = 1000000,
        .unpack_max_ratio = 200,
    };
    struct service_fds fds = {-1, -1};
    int index = 0, id, r;

    optind = 1;
    opterr = 0;
    while ((id = getopt_long(argc, argv, "", OPTIONS, &index)) != -1) {
        if (id == '?')
            return err_set(e, -EINVAL, BLAME_NODE, "unknown option or missing value: %s", argv[optind - 1]);
        r = take_option(id, OPTIONS[index].name, &p, &fds, e);
        if (r < 0)
            return r;
    }
    if (optind != argc)
        return err_set(e, -EINVAL, BLAME_NODE, "unexpected argument: %s", argv[optind]);
    r = check_policy(&p, &fds, e);
    if (r < 0)
        return r;
    *ret = p;
    *ret_fds = fds;
    return 0;
}

int policy_check(const struct policy *policy, const struct plan *plan, struct err *e)
{
    if (plan->as_root && !policy->allow_root)
        return err_set(e, -EPERM, BLAME_ASSIGNMENT,
                       "the run asks to be root, which this node's policy forbids (job.allowRoot)");
    if (plan->maximum_runtime_ms > policy->maximum_runtime_ms)
        return err_set(e, -EPERM, BLAME_ASSIGNMENT,
                       "the maximum runtime of %lld ms is over this node's limit of %lld ms",
                       (long long)plan->maximum_runtime_ms, (long long)policy->maximum_runtime_ms);
    if (plan->sandbox.learn && !policy->allow_learn)
        return err_set(
            e, -EPERM, BLAME_ASSIGNMENT,
            "the run asks to learn its system calls, which this node's policy forbids (sandbox.allowLearn)");
    if (plan_has_image(plan) && policy->rootless)
        return err_set(e, -EPERM, BLAME_ASSIGNMENT, "container images need runlet to be run by root");
    if (plan_has_image(plan) && policy->image_ids == 0)
        return err_set(e, -EPERM, BLAME_NODE,
                       "this node has no users for container images: set images.idBase and images.idCount");
    for (size_t i = 0; i < plan->sandbox.devices.count; i++)
        if (!policy_grants_device(policy, plan->sandbox.devices.item[i]))
            return err_set(e, -EPERM, BLAME_ASSIGNMENT,
                           "the run asks for the device %s, which this node's policy does not grant "
                           "(sandbox.devices, sandbox.sharedDevices)",
                           plan->sandbox.devices.item[i]);
    return 0;
}

/* Whether one of the patterns, between colons, is the path's. */
static bool patterns_match(const char *at, const char *path)
{
    while (*(at += strspn(at, ":")) != '\0') {
        char pattern[DEVICE_PATTERN_MAX];
        size_t n = strcspn(at, ":");
        if (n < sizeof(pattern)) {
            memcpy(pattern, at, n);
            pattern[n] = '\0';
            if (fnmatch(pattern, path, FNM_PATHNAME | FNM_PERIOD) == 0)
                return true;
        }
        at += n;
    }
    return false;
}

bool policy_grants_device(const struct policy *policy, const char *path)
{
    return patterns_match(policy->devices, path) || policy_shares_device(policy, path);
}

bool policy_shares_device(const struct policy *policy, const char *path)
{
    return patterns_match(policy->shared_devices, path);
}

uid_t policy_uid(const struct policy *policy, const struct plan *plan)
{
    if (plan_has_image(plan))
        return policy->image_first_id + plan->image_uid;
    return plan->as_root || policy->rootless ? 0 : policy->job_uid;
}

gid_t policy_gid(const struct policy *policy, const struct plan *plan)
{
    if (plan_has_image(plan))
        return policy->image_first_id + plan->image_gid;
    return plan->as_root || policy->rootless ? 0 : policy->job_gid;
}

struct user_ids policy_own_ids(const struct policy *policy, const struct plan *plan)
{
    if (plan_has_image(plan))
        return (struct user_ids){plan->image_uid, plan->image_gid};
    if (plan->as_root)
        return (struct user_ids){0, 0};
    return (struct user_ids){policy->job_uid, policy->job_gid};
}

bool policy_user_namespace(const struct policy *policy, const struct plan *plan)
{
    return plan->sandbox.user_namespace || plan_has_image(plan) || policy->rootless;
}
