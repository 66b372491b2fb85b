/* policy.c - see policy.h. */
#include "supervisor/policy.h"

#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "base/auto.h"
#include "base/object_location.h"
#include "base/parse.h"

#define PATTERN_MAX 256

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
    OPT_VOLUME_SIZE,
    OPT_OBJECTS_CACHE,
    OPT_VOLUME,
    OPT_VOLUME_DEVICE,
    OPT_VOLUME_FILE_SYSTEM,
    OPT_VOLUME_FSCK,
    OPT_VOLUME_GROW,
    OPT_VOLUME_WAIT,
    OPT_ALLOW_NFS,
    OPT_NFS_OPTIONS,
    OPT_NFS_TIMEOUT,
    OPT_NFS_ON_FAILURE,
    OPT_NFS_ON_LOST,
    OPT_OBJECTS_CREDENTIALS,
    OPT_OBJECTS_PROFILE,
    OPT_OBJECTS_ENDPOINT,
    OPT_OBJECTS_REGION,
    OPT_OBJECTS_CA_FILE,
    OPT_OBJECTS_BUCKETS,
    OPT_OBJECTS_TIMEOUT,
    OPT_OBJECTS_UPLOAD_TIME,
    OPT_OBJECTS_ON_FAILURE,
    OPT_OBJECTS_ON_LOST,
    OPT_OBJECTS_UID,
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

static const char *const VOLUME_KINDS[VOLUME_KIND_COUNT] = {
    [VOLUME_DIRECTORY] = "directory", [VOLUME_IMAGE] = "image", [VOLUME_BLOCK] = "block"};
static const char *const FILE_SYSTEMS[VOLUME_FILE_SYSTEM_COUNT] = {
    [VOLUME_EXT4] = "ext4", [VOLUME_XFS] = "xfs"};
static const char *const CHECKS[FSCK_COUNT] = {
    [FSCK_AUTO] = "auto", [FSCK_ALWAYS] = "always", [FSCK_NEVER] = "never"};

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
    {"volume", required_argument, NULL, OPT_VOLUME},
    {"volume-device", required_argument, NULL, OPT_VOLUME_DEVICE},
    {"volume-file-system", required_argument, NULL, OPT_VOLUME_FILE_SYSTEM},
    {"volume-fsck", required_argument, NULL, OPT_VOLUME_FSCK},
    {"volume-grow", no_argument, NULL, OPT_VOLUME_GROW},
    {"volume-size", required_argument, NULL, OPT_VOLUME_SIZE},
    {"volume-wait", required_argument, NULL, OPT_VOLUME_WAIT},
    {"allow-nfs", no_argument, NULL, OPT_ALLOW_NFS},
    {"nfs-options", required_argument, NULL, OPT_NFS_OPTIONS},
    {"nfs-timeout", required_argument, NULL, OPT_NFS_TIMEOUT},
    {"nfs-on-failure", required_argument, NULL, OPT_NFS_ON_FAILURE},
    {"nfs-on-lost", required_argument, NULL, OPT_NFS_ON_LOST},
    {"objects-credentials", required_argument, NULL, OPT_OBJECTS_CREDENTIALS},
    {"objects-profile", required_argument, NULL, OPT_OBJECTS_PROFILE},
    {"objects-endpoint", required_argument, NULL, OPT_OBJECTS_ENDPOINT},
    {"objects-region", required_argument, NULL, OPT_OBJECTS_REGION},
    {"objects-ca-file", required_argument, NULL, OPT_OBJECTS_CA_FILE},
    {"objects-buckets", required_argument, NULL, OPT_OBJECTS_BUCKETS},
    {"objects-uid", required_argument, NULL, OPT_OBJECTS_UID},
    {"objects-cache", required_argument, NULL, OPT_OBJECTS_CACHE},
    {"objects-timeout", required_argument, NULL, OPT_OBJECTS_TIMEOUT},
    {"objects-upload-time", required_argument, NULL, OPT_OBJECTS_UPLOAD_TIME},
    {"objects-on-failure", required_argument, NULL, OPT_OBJECTS_ON_FAILURE},
    {"objects-on-lost", required_argument, NULL, OPT_OBJECTS_ON_LOST},
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
    int r = number(optarg,
                   id >= OPT_UNPACK_BYTES && id <= OPT_OBJECTS_CACHE ? INT64_MAX
                   : id == OPT_OBJECTS_UID                           ? UINT32_MAX - 2
                                                                     : INT32_MAX,
                   &n, option, e);

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
    case OPT_VOLUME_SIZE: p->storage.size = (int64_t)n; break;
    case OPT_OBJECTS_CACHE: p->objects.cache_bytes = (int64_t)n; break;
    case OPT_OBJECTS_UID: p->objects.uid = (uid_t)n; break;
    case OPT_PIDS_DEFAULT: p->pids_default = (int64_t)n; break;
    case OPT_CONNECTION_FD: fds->connection = (int)n; break;
    default: fds->starter = (int)n; break;
    }
    return 0;
}

/* The index of the value among the words. */
static int choice(const char *text, const char *const *words, unsigned count, unsigned *ret,
                  const char *option, struct err *e)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(words[i], text) == 0) {
            *ret = i;
            return 0;
        }
    }
    return err_set(e, -EINVAL, BLAME_NODE, "--%s: unknown value '%s'", option, text);
}

/* -ENOENT: it is none of those of storage. */
static int take_storage_option(int id, const char *option, struct storage_policy *s, struct err *e)
{
    static const char *const ON_FAILURE[] = {"fail", "ignore"};
    static const char *const ON_LOST[] = {"wait", "fail"};
    unsigned n = 0;
    int r;

    switch (id) {
    case OPT_VOLUME:
        r = choice(optarg, VOLUME_KINDS, ARRAY_SIZE(VOLUME_KINDS), &n, option, e);
        s->volume = (enum volume_kind)n;
        return r;
    case OPT_VOLUME_FILE_SYSTEM:
        r = choice(optarg, FILE_SYSTEMS, ARRAY_SIZE(FILE_SYSTEMS), &n, option, e);
        s->file_system = (enum volume_file_system)n;
        return r;
    case OPT_VOLUME_FSCK:
        r = choice(optarg, CHECKS, ARRAY_SIZE(CHECKS), &n, option, e);
        s->fsck = (enum volume_fsck)n;
        return r;
    case OPT_NFS_ON_FAILURE:
        r = choice(optarg, ON_FAILURE, ARRAY_SIZE(ON_FAILURE), &n, option, e);
        s->ignore_failure = n == 1;
        return r;
    case OPT_NFS_ON_LOST:
        r = choice(optarg, ON_LOST, ARRAY_SIZE(ON_LOST), &n, option, e);
        s->lost_ends = n == 1;
        return r;
    case OPT_VOLUME_DEVICE: s->device = optarg; return 0;
    case OPT_VOLUME_GROW: s->grow = true; return 0;
    case OPT_VOLUME_WAIT: return duration(optarg, &s->wait_ms, option, e);
    case OPT_ALLOW_NFS: s->allow_nfs = true; return 0;
    case OPT_NFS_OPTIONS: s->nfs_options = optarg; return 0;
    case OPT_NFS_TIMEOUT: return duration(optarg, &s->nfs_timeout_ms, option, e);
    default: return -ENOENT;
    }
}

/* -ENOENT: it is none of those of buckets. */
static int take_objects_option(int id, const char *option, struct objects_policy *o, struct err *e)
{
    static const char *const ON_FAILURE[] = {"fail", "ignore"};
    static const char *const ON_LOST[] = {"wait", "fail"};
    unsigned n = 0;
    int r;

    switch (id) {
    case OPT_OBJECTS_CREDENTIALS: o->credentials = optarg; return 0;
    case OPT_OBJECTS_PROFILE: o->profile = optarg; return 0;
    case OPT_OBJECTS_ENDPOINT: o->endpoint = optarg; return 0;
    case OPT_OBJECTS_REGION: o->region = optarg; return 0;
    case OPT_OBJECTS_CA_FILE: o->ca_file = optarg; return 0;
    case OPT_OBJECTS_BUCKETS: o->buckets = optarg; return 0;
    case OPT_OBJECTS_TIMEOUT: return duration(optarg, &o->timeout_ms, option, e);
    case OPT_OBJECTS_UPLOAD_TIME: return duration(optarg, &o->upload_ms, option, e);
    case OPT_OBJECTS_ON_FAILURE:
        r = choice(optarg, ON_FAILURE, ARRAY_SIZE(ON_FAILURE), &n, option, e);
        o->ignore_failure = n == 1;
        return r;
    case OPT_OBJECTS_ON_LOST:
        r = choice(optarg, ON_LOST, ARRAY_SIZE(ON_LOST), &n, option, e);
        o->lost_ends = n == 1;
        return r;
    default: return -ENOENT;
    }
}

static int take_option(int id, const char *option, struct policy *p, struct service_fds *fds, struct err *e)
{
    int r = take_storage_option(id, option, &p->storage, e);

    if (r == -ENOENT)
        r = take_objects_option(id, option, &p->objects, e);
    if (r != -ENOENT)
        return r;
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
    if (p->storage.volume == VOLUME_BLOCK && p->storage.device[0] == '\0')
        return err_set(e, -EINVAL, BLAME_NODE, "--volume block needs --volume-device (volume.device)");
    if (p->rootless && p->storage.volume != VOLUME_DIRECTORY)
        return err_set(e, -EINVAL, BLAME_NODE, "without root a home can only be a directory (volume.kind)");
    if (p->objects.credentials[0] == '\0')
        return 0;
    if (p->objects.uid == 0 || p->objects.uid == p->job_uid || p->objects.uid == p->agent_uid)
        return err_set(e, -EINVAL, BLAME_NODE, "--objects-uid must be nobody else's (objects.uid)");
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
        .storage = {.device = "",
                    .size = 50LL << 30,
                    .wait_ms = 120 * 1000,
                    .nfs_options = "",
                    .nfs_timeout_ms = 90 * 1000},
        .objects = {.credentials = "",
                    .profile = "default",
                    .endpoint = "",
                    .region = "",
                    .ca_file = "",
                    .buckets = "*",
                    .uid = 65530,
                    .cache_bytes = 10LL << 30,
                    .timeout_ms = 90 * 1000,
                    .upload_ms = 30LL * 60 * 1000},
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

static int check_bucket(const struct policy *policy, const char *location, const char *what, struct err *e)
{
    struct object_location l;

    if (policy->rootless)
        return err_set(e, -EPERM, BLAME_ASSIGNMENT, "the run asks for %s (%s), which needs root", location,
                       what);
    if (policy->objects.credentials[0] == '\0')
        return err_set(e, -EPERM, BLAME_ASSIGNMENT,
                       "the run asks for %s (%s), and this node has no key for buckets (objects.credentials)",
                       location, what);
    if (!object_location_parse(location, &l) || !policy_grants_bucket(policy, l.bucket))
        return err_set(
            e, -EPERM, BLAME_ASSIGNMENT,
            "the run asks for %s (%s), a bucket which this node's policy does not grant (objects.buckets)",
            location, what);
    if (l.namespace_name[0] != '\0' && policy->objects.endpoint[0] == '\0' &&
        policy->objects.region[0] == '\0')
        return err_set(
            e, -EPERM, BLAME_ASSIGNMENT,
            "the run asks for %s (%s), and this node does not say in which region that is (objects.region)",
            location, what);
    return 0;
}

static int check_mounts(const struct policy *policy, const struct plan *plan, struct err *e)
{
    for (size_t i = 0; i < plan->mount_count; i++) {
        const struct plan_mount *m = &plan->mount[i];
        if (policy->rootless)
            return err_set(e, -EPERM, BLAME_ASSIGNMENT,
                           "the run asks for %s at %s, which only root can mount", m->source, m->target);
        if (m->kind == MOUNT_NFS && !policy->storage.allow_nfs)
            return err_set(e, -EPERM, BLAME_ASSIGNMENT,
                           "the run asks for %s at %s, and this node mounts no file storage (nfs.allow)",
                           m->source, m->target);
        if (m->kind == MOUNT_OBJECTS && check_bucket(policy, m->source, m->target, e) < 0)
            return e->code;
    }
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
    for (size_t i = 0; i < plan->outputs.count; i++)
        if (check_bucket(policy, plan->outputs.item[i].to, plan->outputs.item[i].from, e) < 0)
            return e->code;
    if (check_mounts(policy, plan, e) < 0)
        return e->code;
    for (size_t i = 0; i < plan->sandbox.devices.count; i++)
        if (!policy_grants_device(policy, plan->sandbox.devices.item[i]))
            return err_set(e, -EPERM, BLAME_ASSIGNMENT,
                           "the run asks for the device %s, which this node's policy does not grant "
                           "(sandbox.devices, sandbox.sharedDevices)",
                           plan->sandbox.devices.item[i]);
    return 0;
}

/* Whether one of the patterns, which the character divides, is of the text. */
static bool granted(const char *patterns, char divider, const char *text, int flags)
{
    const char divides[] = {divider, '\0'};

    for (const char *at = patterns; *(at += strspn(at, divides)) != '\0';) {
        char pattern[PATTERN_MAX];
        size_t n = strcspn(at, divides);
        if (n < sizeof(pattern)) {
            memcpy(pattern, at, n);
            pattern[n] = '\0';
            if (fnmatch(pattern, text, flags) == 0)
                return true;
        }
        at += n;
    }
    return false;
}

bool policy_grants_bucket(const struct policy *policy, const char *bucket)
{
    return granted(policy->objects.buckets, ',', bucket, 0);
}

bool policy_grants_device(const struct policy *policy, const char *path)
{
    return granted(policy->devices, ':', path, FNM_PATHNAME | FNM_PERIOD) ||
           policy_shares_device(policy, path);
}

bool policy_shares_device(const struct policy *policy, const char *path)
{
    return granted(policy->shared_devices, ':', path, FNM_PATHNAME | FNM_PERIOD);
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
