/*
 * policy.h - what root allows the agent to ask for on this node.
 *
 * The agent holds no privilege; whatever it asks is checked here. The policy comes from the supervisor's
 * command line, which only root writes (the systemd unit, or the root process that starts it), never from the
 * agent.
 */
#ifndef SUPERVISOR_POLICY_H
#define SUPERVISOR_POLICY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "sys/process.h"
#include "wire/plan.h"

enum volume_kind {
    VOLUME_DIRECTORY = 0,
    VOLUME_IMAGE,
    VOLUME_BLOCK,
    VOLUME_KIND_COUNT,
};

enum volume_file_system {
    VOLUME_EXT4 = 0,
    VOLUME_XFS,
    VOLUME_FILE_SYSTEM_COUNT,
};

enum volume_fsck {
    FSCK_AUTO = 0,
    FSCK_ALWAYS,
    FSCK_NEVER,
    FSCK_COUNT,
};

/* Where homes lie, and what may be mounted. */
struct storage_policy {
    enum volume_kind volume;
    const char *device; /* a pattern of paths, "serial:" and a number, or "" */
    enum volume_file_system file_system;
    enum volume_fsck fsck;
    bool grow;
    int64_t size; /* of an image for a job that says none */
    int64_t wait_ms;
    bool allow_nfs;
    const char *nfs_options;
    int64_t nfs_timeout_ms;
    bool ignore_failure; /* what cannot be mounted is an empty directory to the job */
    bool lost_ends;      /* a server that does not answer any more ends the run */
};

/* Buckets that are mounted, and where outputs go. */
struct objects_policy {
    const char *credentials;                           /* path; "": neither is allowed */
    const char *profile, *endpoint, *region, *ca_file; /* "": none */
    const char *buckets;                               /* patterns, commas between */
    uid_t uid;                                         /* of rclone, and its gid */
    int64_t cache_bytes;
    int64_t timeout_ms, upload_ms;
    bool ignore_failure, lost_ends;
};

struct policy {
    uid_t agent_uid; /* who, beside root, may connect */
    gid_t agent_gid; /* group that may read run directories */
    uid_t job_uid;
    gid_t job_gid;
    const char *job_user; /* name of job_uid in the job's view */
    bool allow_root;
    bool
        rootless; /* an ordinary user's: root only in the user namespace that we are in, which has nobody else */
    const char *runs_dir;       /* .../runs */
    const char *sockets_dir;    /* where each run's own socket goes */
    const char *hidden_dirs[2]; /* what the job must not see of runlet: state and runtime directory */
    const char *helper_dir;     /* where runlet-unpack is */
    int64_t maximum_runtime_ms;
    int64_t place_budget_ms;      /* longest time for placing the artifact */
    int64_t memory_reserve_bytes; /* of the machine's memory, not for runs */
    int64_t disk_reserve_bytes; /* of the disk with the run directories: a run that leaves less is stopped */
    int64_t pids_default;       /* processes of a run that does not say */
    int64_t helper_memory_bytes, helper_pids; /* of all programs that work for a run beside its job */
    bool limits_best_effort; /* a limit that does not take is shown, and no reason not to run */
    bool allow_learn;        /* jobs may ask that every system call passes and is noted */
    bool allow_metadata;     /* jobs may reach the instance's metadata service */
    /* Patterns of device nodes that jobs may ask for, colons between; "" for none: each for one run alone, and those that
      * others may hold as well. */
    const char *devices, *shared_devices;
    const char *images_dir;    /* the unpacked images: root's alone */
    const char *umoci;         /* the program that unpacks them */
    uint64_t images_max_bytes; /* of all that no run uses */
    uid_t image_first_id;      /* who is root in images here; the others follow */
    uid_t image_ids;           /* how many there are; 0: no images */
    struct storage_policy storage;
    struct objects_policy objects;
    uint64_t unpack_max_bytes, unpack_max_files, unpack_max_ratio;
};

/* How the process was asked to serve: exactly one is >= 0. */
struct service_fds {
    int connection; /* one agent's connection: supervise one run */
    int starter;    /* a socket on which connections arrive as descriptors: fork for each */
};

/* Fills policy and fds from the command line; strings stay in argv. 0 or negative with *e. */
int policy_from_arguments(int argc, char **argv, struct policy *ret, struct service_fds *ret_fds,
                          struct err *e);

/* Checks a decoded plan. 0, or -EPERM blaming the assignment. */
int policy_check(const struct policy *policy, const struct plan *plan, struct err *e);

/* Whether a job may ask for the device node. Pure. */
bool policy_grants_device(const struct policy *policy, const char *path);

/* Whether others may hold it while a run has it. Of a device that both lists name, this one holds. Pure. */
bool policy_shares_device(const struct policy *policy, const char *path);

/* Whether a job may use the bucket. Pure. */
bool policy_grants_bucket(const struct policy *policy, const char *bucket);

/* The user the job runs as under this policy, as we see it: without root that is us. */
uid_t policy_uid(const struct policy *policy, const struct plan *plan);
gid_t policy_gid(const struct policy *policy, const struct plan *plan);

/* The same as the job sees itself; different only without root, where a namespace of its own makes it so. */
struct user_ids policy_own_ids(const struct policy *policy, const struct plan *plan);

/* Whether the job gets a user namespace of its own. */
bool policy_user_namespace(const struct policy *policy, const struct plan *plan);

#endif
