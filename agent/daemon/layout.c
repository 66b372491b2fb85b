/* layout.c - see layout.h. */
#include "daemon/layout.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/fd.h"

static int join(char to[LAYOUT_PATH_MAX], const char *folder, const char *name, struct err *e)
{
    int n = snprintf(to, LAYOUT_PATH_MAX, "%s/%s", folder, name);

    if (n < 0 || n >= LAYOUT_PATH_MAX)
        return err_set(e, -ENAMETOOLONG, BLAME_NODE, "the path %.100s.../%s is too long", folder, name);
    return 0;
}

/* Beside the running program, as in a build's folder; else where an installed program has its helpers, seen from its
 * own folder: an installation may be moved as a whole. */
static int helper_folder(char to[LAYOUT_PATH_MAX], struct err *e)
{
    ssize_t n = readlink("/proc/self/exe", to, LAYOUT_PATH_MAX - 1);
    char beside[LAYOUT_PATH_MAX];
    char *slash;

    if (n < 0)
        return err_errno(e, errno, BLAME_NODE, "find the folder of this program");
    to[n] = '\0';
    slash = strrchr(to, '/');
    if (slash != NULL)
        *slash = '\0';
    if (join(beside, to, "runlet-supervisor", e) < 0)
        return e->code;
    if (access(beside, F_OK) == 0)
        return 0;
    slash = strrchr(to, '/');
    if (slash != NULL)
        *slash = '\0';
    (void)snprintf(beside, sizeof(beside), "%s", to);
    return join(to, beside, "libexec/runlet", e);
}

int layout_paths(const struct config *config, struct layout *ret, struct err *e)
{
    struct layout l = {0};

    if (join(l.agent, config->state_directory, "agent", e) < 0 ||
        join(l.queue, config->state_directory, "queue", e) < 0 ||
        join(l.runs, config->state_directory, "runs", e) < 0 ||
        join(l.images, config->state_directory, "images", e) < 0 ||
        join(l.cache, config->state_directory, "cache", e) < 0 ||
        join(l.image_cache, config->state_directory, "cache/images", e) < 0 ||
        join(l.sockets, config->run_directory, "runs", e) < 0 ||
        join(l.api_socket, config->run_directory, "api.sock", e) < 0 ||
        join(l.supervisor_socket, config->run_directory, "supervisor.sock", e) < 0 ||
        join(l.drain, config->run_directory, "drain", e) < 0)
        return e->code;
    if (config->libexec_directory[0] != '\0')
        (void)snprintf(l.libexec, sizeof(l.libexec), "%s", config->libexec_directory);
    else if (helper_folder(l.libexec, e) < 0)
        return e->code;
    *ret = l;
    return 0;
}

int layout_users(const struct config *config, struct layout *l, struct err *e)
{
    if (config->rootless) {
        l->agent_ids = (struct user_ids){0, 0};
        return 0;
    }
    return user_lookup(config->agent_user, config->agent_group, &l->agent_ids, e);
}

int layout_ensure(const struct config *config, const struct layout *l, struct err *e)
{
    const struct user_ids ids = l->agent_ids;
    const struct {
        const char *path;
        mode_t mode;
        uid_t uid;
        gid_t gid;
    } folders[] = {
        {config->state_directory, 0755, 0, 0},
        {l->agent, 0750, ids.uid, ids.gid},
        {l->queue, 02770, ids.uid, ids.gid},
        {l->runs, 0750, 0, ids.gid},
        {l->images, 0700, 0, 0},
        {l->cache, 0750, ids.uid, ids.gid},
        {l->image_cache, 0750, ids.uid, ids.gid},
        {config->run_directory, 0755, 0, 0},
        {l->sockets, 0750, 0, ids.gid},
    };

    for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
        if (dir_ensure(folders[i].path, folders[i].mode, folders[i].uid, folders[i].gid, e) < 0)
            return e->code;
    return 0;
}

static int add_pair(struct strlist *to, const char *option, const char *value)
{
    return strlist_add(to, option) < 0 || strlist_add(to, value) < 0 ? -ENOMEM : 0;
}

static int add_number(struct strlist *to, const char *option, int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%lld", (long long)value);
    return add_pair(to, option, text);
}

/* As one word, which a service manager's unit can hold: colons between the patterns. */
static int add_patterns(struct strlist *to, const char *option, const char *patterns)
{
    AUTO_FREE char *word = NULL;

    if (patterns[0] == '\0')
        return 0;
    word = strdup(patterns);
    if (word == NULL)
        return -ENOMEM;
    for (char *blank = word; (blank = strchr(blank, ' ')) != NULL;)
        *blank = ':';
    return add_pair(to, option, word);
}

static int add_duration(struct strlist *to, const char *option, int64_t ms)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%lldms", (long long)ms);
    return add_pair(to, option, text);
}

/* What is said of buckets. */
static int add_objects(const struct config *config, struct strlist *ret)
{
    const struct {
        const char *option, *value;
    } words[] = {
        {"--objects-credentials", config->objects_credentials},
        {"--objects-profile", config->objects_profile},
        {"--objects-endpoint", config->objects_endpoint},
        {"--objects-region", config->objects_region},
        {"--objects-ca-file", config->objects_ca_file},
        {"--objects-buckets", config->objects_buckets},
        {"--objects-on-failure", config->objects_on_failure},
        {"--objects-on-lost", config->objects_on_lost},
    };

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (words[i].value[0] != '\0' && add_pair(ret, words[i].option, words[i].value) < 0)
            return -ENOMEM;
    if (add_number(ret, "--objects-cache", config->objects_cache_bytes) < 0 ||
        add_number(ret, "--objects-uid", config->objects_uid) < 0 ||
        add_duration(ret, "--objects-timeout", config->objects_timeout_ms) < 0)
        return -ENOMEM;
    return add_duration(ret, "--objects-upload-time", config->objects_upload_ms);
}

int layout_policy_options(const struct config *config, const struct layout *l, struct strlist *ret)
{
    const struct {
        const char *option, *value;
    } words[] = {
        {"--job-user", config->job_user},
        {"--runs-directory", l->runs},
        {"--sockets-directory", l->sockets},
        {"--state-directory", config->state_directory},
        {"--runtime-directory", config->run_directory},
        {"--helper-directory", l->libexec},
        {"--images-directory", l->images},
        {"--umoci", config->images_umoci},
        {"--volume", config->volume_kind},
        {"--volume-device", config->volume_device},
        {"--volume-file-system", config->volume_file_system},
        {"--volume-fsck", config->volume_fsck},
        {"--nfs-options", config->nfs_options},
        {"--nfs-on-failure", config->nfs_on_failure},
        {"--nfs-on-lost", config->nfs_on_lost},
    };
    const struct {
        const char *option;
        int64_t value;
    } numbers[] = {
        {"--agent-uid", l->agent_ids.uid},
        {"--agent-gid", l->agent_ids.gid},
        {"--job-uid", config->job_uid},
        {"--job-gid", config->job_gid},
        {"--unpack-max-bytes", config->unpack_bytes},
        {"--unpack-max-files", config->unpack_files},
        {"--unpack-max-ratio", config->unpack_ratio},
        {"--memory-reserve", config->reserve_memory_bytes},
        {"--disk-reserve", config->reserve_disk_bytes},
        {"--pids-default", config->limits_pids},
        {"--helper-memory", config->limits_helper_memory_bytes},
        {"--helper-pids", config->limits_helper_pids},
        {"--images-max-bytes", config->images_unpacked_bytes},
        {"--image-first-id", config->images_id_base},
        {"--image-ids", config->images_id_count},
        {"--volume-size", config->volume_size},
    };
    const struct {
        const char *option;
        int64_t ms;
    } times[] = {
        {"--maximum-runtime", config->maximum_runtime_ms},
        {"--volume-wait", config->volume_wait_ms},
        {"--nfs-timeout", config->nfs_timeout_ms},
    };
    const struct {
        const char *option;
        bool on;
    } switches[] = {
        {"--rootless", config->rootless},
        {"--allow-learn", config->sandbox_allow_learn},
        {"--allow-metadata", config->sandbox_allow_metadata},
        {"--best-effort-limits", config->limits_best_effort},
        {"--allow-root", config->job_allow_root},
        {"--volume-grow", config->volume_grow},
        {"--allow-nfs", config->nfs_allow},
    };

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (words[i].value[0] != '\0' && add_pair(ret, words[i].option, words[i].value) < 0)
            return -ENOMEM;
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        if (add_number(ret, numbers[i].option, numbers[i].value) < 0)
            return -ENOMEM;
    for (size_t i = 0; i < ARRAY_SIZE(times); i++)
        if (add_duration(ret, times[i].option, times[i].ms) < 0)
            return -ENOMEM;
    if (add_patterns(ret, "--devices", config->sandbox_devices) < 0 ||
        add_patterns(ret, "--shared-devices", config->sandbox_shared_devices) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
        if (switches[i].on && strlist_add(ret, switches[i].option) < 0)
            return -ENOMEM;
    return add_objects(config, ret);
}
