/*
 * config.h - the node's configuration: /etc/runlet/runlet.yaml and its drop-ins, read once into one struct.
 *
 * The file and every drop-in (runlet.d, files *.yaml beside it, in the order of their names) are laid over
 * the defaults; later ones win, value by value. With no file at all the defaults apply. Every value remembers
 * where it came from. keys.h has the table of keys.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "base/strbuf.h"
#include "config/keys.h"
#include "format/diag.h"

#define CONFIG_PATH_DEFAULT "/etc/runlet/runlet.yaml"

struct config_origin {
    char *file; /* owned; NULL: the default applies */
    int line;
};

/* Strings are owned and never NULL after config_load. */
struct config {
    int64_t concurrency;
    char *agent_user, *agent_group;
    bool rootless; /* no key: an ordinary user's own runs, below his home */
    char *job_user;
    int64_t job_uid, job_gid;
    bool job_allow_root;
    int64_t stop_grace_ms;
    int64_t maximum_runtime_ms;
    enum log_level log_level;
    char *state_directory, *run_directory;
    char *libexec_directory;   /* "": beside the running program */
    char *conda_service_packs; /* a URI with {slug} in it; "": none */
    char *python, *bash, *java;
    int64_t retention_days;
    int64_t retention_bytes;
    int64_t artifact_bytes;
    int64_t fetch_bytes, fetch_attempts, fetch_retry_ms, fetch_delay_ms, fetch_connect_ms, fetch_stall_ms;
    char *fetch_ca_file, *fetch_file_roots;
    int64_t cache_bytes;
    bool cache_verify;
    char *oci_config, *oci_profile, *oci_endpoint;
    char *s3_credentials, *s3_profile, *s3_endpoint, *s3_region;
    int64_t unpack_bytes, unpack_files, unpack_ratio;
    int64_t limits_pids;
    int64_t limits_helper_memory_bytes, limits_helper_pids;
    bool limits_best_effort;
    bool sandbox_allow_learn, sandbox_allow_metadata;
    char *sandbox_devices, *sandbox_shared_devices;
    int64_t images_id_base, images_id_count, images_max_bytes, images_cache_bytes, images_unpacked_bytes;
    char *images_auth_file, *images_policy_file, *images_insecure, *images_skopeo, *images_umoci;
    char *volume_kind, *volume_device, *volume_file_system, *volume_fsck;
    int64_t volume_size, volume_wait_ms;
    bool volume_grow;
    bool nfs_allow;
    char *nfs_options, *nfs_exports, *nfs_on_failure, *nfs_on_lost;
    int64_t nfs_timeout_ms;
    char *objects_credentials, *objects_profile, *objects_endpoint, *objects_region, *objects_ca_file;
    char *objects_buckets, *objects_on_failure, *objects_on_lost;
    int64_t objects_uid, objects_cache_bytes, objects_timeout_ms, objects_upload_ms;
    int64_t reserve_memory_bytes, reserve_disk_bytes;
    char *after_run, *idle_action, *leave_command, *leave_poweroff;
    int64_t idle_shutdown_ms;
    char *node_id, *node_pool, *node_shape, *node_labels;
    char *cloud_provider, *cloud_endpoint;
    bool notices_cloud;
    char *notices_file;
    int64_t notices_period_ms, notices_lead_ms, notices_margin_ms;
    int64_t metrics_port;
    char *health_warn_only, *health_mounts, *health_command;
    int64_t health_period_ms, health_command_ms, health_gpus;
    char *etcd_endpoints, *etcd_prefix, *etcd_user, *etcd_password_file;
    char *etcd_ca_file, *etcd_cert_file, *etcd_key_file;
    int64_t etcd_lease_ms;
    char *http_endpoint, *http_auth, *http_token_file, *http_cert_file, *http_key_file, *http_ca_file;
    int64_t http_wait_ms;
    struct config_origin origin[CONFIG_KEY_COUNT];
};

void config_free(struct config *c);
#define config_auto config_free

/*
 * Reads the configuration at `path` (NULL: the default place, where a missing file is fine; a path that was
 * asked for must exist) and its drop-ins into *ret, which must be zero and is filled with usable values in
 * every case but -ENOMEM. Unknown keys, wrong types and values out of bounds are errors in `diags`, all that
 * there are. 0, -EINVAL or -ENOMEM.
 */
int config_load(const char *path, struct config *ret, struct diag_list *diags);

/* Appends the configuration in effect as YAML that can be read back; with `origin` each line ends in
 * "# from FILE:LINE" or "# default". 0, -E2BIG or -ENOMEM. */
int config_show(const struct config *c, bool origin, struct strbuf *out);

/* Sets one value, as if `origin` (a file) had named it. 0, -EINVAL or -ERANGE when it is none of the key's, or -ENOMEM. */
int config_set(struct config *c, enum config_key key, const char *text, const char *origin);

/* Appends as YAML only what some file has named, or config_set. 0, -E2BIG or -ENOMEM. */
int config_show_named(const struct config *c, struct strbuf *out);

/* Appends one value as it stands in YAML. */
void config_put_value(const struct config *c, enum config_key key, struct strbuf *out);

#endif
