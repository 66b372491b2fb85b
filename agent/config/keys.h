/*
 * keys.h - the one table of configuration keys: path, type, default, bounds and help.
 *
 * Reader, `runlet config show`, the man page runlet.yaml(5) and docs/configuration.md all come from it. To
 * add a key: a name in the enum, a row in keys.c, a field in struct config.
 */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include <stddef.h>
#include <stdint.h>

enum config_key {
    CONFIG_CONCURRENCY = 0,
    CONFIG_AGENT_USER,
    CONFIG_AGENT_GROUP,
    CONFIG_JOB_USER,
    CONFIG_JOB_UID,
    CONFIG_JOB_GID,
    CONFIG_JOB_ALLOW_ROOT,
    CONFIG_STOP_GRACE,
    CONFIG_MAXIMUM_RUNTIME,
    CONFIG_LOG_LEVEL,
    CONFIG_DIRECTORIES_STATE,
    CONFIG_DIRECTORIES_RUN,
    CONFIG_DIRECTORIES_LIBEXEC,
    CONFIG_PYTHON,
    CONFIG_BASH,
    CONFIG_CONDA_SERVICE_PACKS,
    CONFIG_JAVA,
    CONFIG_RETENTION_DAYS,
    CONFIG_RETENTION_MAX_SIZE,
    CONFIG_ARTIFACT_MAX_SIZE,
    CONFIG_FETCH_MAX_BYTES,
    CONFIG_FETCH_ATTEMPTS,
    CONFIG_FETCH_RETRY_TIME,
    CONFIG_FETCH_RETRY_DELAY,
    CONFIG_FETCH_CONNECT_TIMEOUT,
    CONFIG_FETCH_STALL_TIMEOUT,
    CONFIG_FETCH_CA_FILE,
    CONFIG_FETCH_FILE_ROOTS,
    CONFIG_CACHE_MAX_SIZE,
    CONFIG_CACHE_VERIFY,
    CONFIG_AUTH_OCI_CONFIG,
    CONFIG_AUTH_OCI_PROFILE,
    CONFIG_AUTH_OCI_ENDPOINT,
    CONFIG_AUTH_S3_CREDENTIALS,
    CONFIG_AUTH_S3_PROFILE,
    CONFIG_AUTH_S3_ENDPOINT,
    CONFIG_AUTH_S3_REGION,
    CONFIG_UNPACK_MAX_SIZE,
    CONFIG_UNPACK_MAX_FILES,
    CONFIG_UNPACK_MAX_RATIO,
    CONFIG_LIMITS_PIDS,
    CONFIG_LIMITS_HELPER_MEMORY,
    CONFIG_LIMITS_HELPER_PIDS,
    CONFIG_LIMITS_BEST_EFFORT,
    CONFIG_RESERVE_MEMORY,
    CONFIG_RESERVE_DISK,
    CONFIG_SANDBOX_ALLOW_LEARN,
    CONFIG_SANDBOX_ALLOW_METADATA,
    CONFIG_SANDBOX_DEVICES,
    CONFIG_SANDBOX_SHARED_DEVICES,
    CONFIG_IMAGES_ID_BASE,
    CONFIG_IMAGES_ID_COUNT,
    CONFIG_IMAGES_MAX_SIZE,
    CONFIG_IMAGES_CACHE_SIZE,
    CONFIG_IMAGES_UNPACKED_SIZE,
    CONFIG_IMAGES_AUTH_FILE,
    CONFIG_IMAGES_POLICY_FILE,
    CONFIG_IMAGES_INSECURE,
    CONFIG_IMAGES_SKOPEO,
    CONFIG_IMAGES_UMOCI,
    CONFIG_VOLUME_KIND,
    CONFIG_VOLUME_DEVICE,
    CONFIG_VOLUME_FILE_SYSTEM,
    CONFIG_VOLUME_SIZE,
    CONFIG_VOLUME_WAIT,
    CONFIG_VOLUME_FSCK,
    CONFIG_VOLUME_GROW,
    CONFIG_NFS_ALLOW,
    CONFIG_NFS_OPTIONS,
    CONFIG_NFS_EXPORTS,
    CONFIG_NFS_TIMEOUT,
    CONFIG_NFS_ON_FAILURE,
    CONFIG_NFS_ON_LOST,
    CONFIG_OBJECTS_CREDENTIALS,
    CONFIG_OBJECTS_PROFILE,
    CONFIG_OBJECTS_ENDPOINT,
    CONFIG_OBJECTS_REGION,
    CONFIG_OBJECTS_CA_FILE,
    CONFIG_OBJECTS_BUCKETS,
    CONFIG_OBJECTS_UID,
    CONFIG_OBJECTS_CACHE_SIZE,
    CONFIG_OBJECTS_TIMEOUT,
    CONFIG_OBJECTS_UPLOAD_TIME,
    CONFIG_OBJECTS_ON_FAILURE,
    CONFIG_OBJECTS_ON_LOST,
    CONFIG_AFTER_RUN,
    CONFIG_IDLE_SHUTDOWN,
    CONFIG_IDLE_ACTION,
    CONFIG_LEAVE_COMMAND,
    CONFIG_LEAVE_POWEROFF,
    CONFIG_NODE_ID,
    CONFIG_NODE_POOL,
    CONFIG_NODE_SHAPE,
    CONFIG_NODE_LABELS,
    CONFIG_CLOUD_PROVIDER,
    CONFIG_CLOUD_ENDPOINT,
    CONFIG_NOTICES_CLOUD,
    CONFIG_NOTICES_FILE,
    CONFIG_NOTICES_PERIOD,
    CONFIG_NOTICES_LEAD,
    CONFIG_NOTICES_MARGIN,
    CONFIG_METRICS_PORT,
    CONFIG_HEALTH_WARN_ONLY,
    CONFIG_HEALTH_PERIOD,
    CONFIG_HEALTH_MOUNTS,
    CONFIG_HEALTH_GPUS,
    CONFIG_HEALTH_COMMAND,
    CONFIG_HEALTH_COMMAND_TIMEOUT,
    CONFIG_ETCD_ENDPOINTS,
    CONFIG_ETCD_PREFIX,
    CONFIG_ETCD_USER,
    CONFIG_ETCD_PASSWORD_FILE,
    CONFIG_ETCD_CA_FILE,
    CONFIG_ETCD_CERT_FILE,
    CONFIG_ETCD_KEY_FILE,
    CONFIG_ETCD_LEASE_TIME,
    CONFIG_HTTP_ENDPOINT,
    CONFIG_HTTP_AUTH,
    CONFIG_HTTP_TOKEN_FILE,
    CONFIG_HTTP_CERT_FILE,
    CONFIG_HTTP_KEY_FILE,
    CONFIG_HTTP_CA_FILE,
    CONFIG_HTTP_WAIT,
    CONFIG_KEY_COUNT,
};

enum config_type {
    CONFIG_TYPE_INTEGER = 0,  /* int64_t */
    CONFIG_TYPE_BOOLEAN,      /* bool */
    CONFIG_TYPE_DURATION,     /* int64_t, milliseconds; "30s" */
    CONFIG_TYPE_SIZE,         /* int64_t, bytes; "10G" */
    CONFIG_TYPE_NAME,         /* char *: a user or group */
    CONFIG_TYPE_PATH,         /* char *: absolute */
    CONFIG_TYPE_PATH_OR_NONE, /* char *: absolute, or "" */
    CONFIG_TYPE_PATTERNS,     /* char *: patterns of device paths, blanks between; may be "" */
    CONFIG_TYPE_HOSTS,        /* char *: names of hosts, some with ports, blanks between; may be "" */
    CONFIG_TYPE_FOLDERS,      /* char *: absolute paths, blanks between; may be "" */
    CONFIG_TYPE_URL_OR_NONE,  /* char *: http(s) URL without a path's query, or "" */
    CONFIG_TYPE_URI_OR_NONE,  /* char *: a URI of what can be fetched, or "" */
    CONFIG_TYPE_WORD,         /* char *: letters, digits, '_', '.' and '-'; may be "" */
    CONFIG_TYPE_LOG_LEVEL,    /* enum log_level */
    CONFIG_TYPE_VOLUME_KIND,  /* char *: one of a few words, as the next ones */
    CONFIG_TYPE_FILE_SYSTEM,
    CONFIG_TYPE_FSCK,
    CONFIG_TYPE_ON_FAILURE,
    CONFIG_TYPE_ON_LOST,
    CONFIG_TYPE_HTTP_AUTH,
    CONFIG_TYPE_VOLUME_DEVICE, /* char *: a pattern below /dev, "serial:" and a number, an absolute path, or "" */
    CONFIG_TYPE_MOUNT_OPTIONS, /* char *: as mount(8) takes them; may be "" */
    CONFIG_TYPE_EXPORTS,       /* char *: NAME=VALUE, blanks between; may be "" */
    CONFIG_TYPE_ENDPOINT,      /* char *: http:// or https://, a host and perhaps a port; may be "" */
    CONFIG_TYPE_ENDPOINTS,     /* char *: such with commas between; may be "" */
    CONFIG_TYPE_KEY_PREFIX,    /* char *: '/' and names of letters, digits, '.', '_', '-', with '/' between */
    CONFIG_TYPE_BUCKETS,       /* char *: patterns of names of buckets, commas between; may be "" */
    CONFIG_TYPE_CHECKS,        /* char *: names of checks of a node's health, blanks between; may be "" */
    CONFIG_TYPE_LABELS,        /* char *: KEY=VALUE, blanks between; may be "" */
    CONFIG_TYPE_PROVIDER,
    CONFIG_TYPE_AFTER_RUN,
    CONFIG_TYPE_IDLE_ACTION,
    CONFIG_TYPE_COUNT,
};

struct config_key_info {
    const char *path; /* "stop.grace": at most one dot */
    enum config_type type;
    const char *default_text; /* as it would stand in the file */
    int64_t min, max;         /* in the field's unit; numbers only */
    size_t offset;            /* of the field in struct config */
    const char *help;         /* sentences */
};

const struct config_key_info *config_key_info(enum config_key key);

/* What a value of the type looks like: "an integer", "a length of time such as \"30s\"", ... */
const char *config_type_text(enum config_type type);

#endif
