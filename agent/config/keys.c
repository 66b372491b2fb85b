/* keys.c - see keys.h. */
#include "config/keys.h"

#include "base/limits.h"
#include "config/config.h"

#define FIELD(name) offsetof(struct config, name)
#define DAY_MS      (24LL * 3600 * 1000)

static const struct config_key_info KEYS[CONFIG_KEY_COUNT] = {
    [CONFIG_CONCURRENCY] = {"concurrency", CONFIG_TYPE_INTEGER, "1", 1, 1000, FIELD(concurrency),
                            "How many runs this node executes at the same time. Further ones wait in the "
                            "order of their arrival."},
    [CONFIG_AGENT_USER] = {"agent.user", CONFIG_TYPE_NAME, "runlet", 0, 0, FIELD(agent_user),
                           "The user that runletd runs as. It holds no privilege and must not be root."},
    [CONFIG_AGENT_GROUP] = {"agent.group", CONFIG_TYPE_NAME, "runlet", 0, 0, FIELD(agent_group),
                            "The group that may read the records of runs and talk to runletd."},
    [CONFIG_JOB_USER] = {"job.user", CONFIG_TYPE_NAME, "datascience", 0, 0, FIELD(job_user),
                         "The name of the job's user, as the job sees it in USER and LOGNAME. It need not "
                         "exist on the machine."},
    [CONFIG_JOB_UID] = {"job.uid", CONFIG_TYPE_INTEGER, "1000", 0, UINT32_MAX - 2LL, FIELD(job_uid),
                        "The numeric user that jobs run as. 0 needs job.allowRoot."},
    [CONFIG_JOB_GID] = {"job.gid", CONFIG_TYPE_INTEGER, "100", 0, UINT32_MAX - 2LL, FIELD(job_gid),
                        "The numeric group that jobs run as."},
    [CONFIG_JOB_ALLOW_ROOT] =
        {"job.allowRoot", CONFIG_TYPE_BOOLEAN, "false", 0, 0, FIELD(job_allow_root),
         "Whether jobs may run as root, when job.uid says so. Otherwise such a configuration is refused."},
    [CONFIG_STOP_GRACE] =
        {"stop.grace", CONFIG_TYPE_DURATION, "30s", 0, STOP_GRACE_MS_MAX, FIELD(stop_grace_ms),
         "The time between the first stop signal and the kill, for jobs that do not say their own."},
    [CONFIG_MAXIMUM_RUNTIME] = {"maximumRuntime", CONFIG_TYPE_DURATION, "30d", 1000, JOB_RUNTIME_MS_MAX,
                                FIELD(maximum_runtime_ms),
                                "The longest that any run may take on this node. A job that says none gets "
                                "this; one that asks for more is refused."},
    [CONFIG_LOG_LEVEL] = {"logLevel", CONFIG_TYPE_LOG_LEVEL, "info", 0, 0, FIELD(log_level),
                          "How much runletd says about itself: error, warning, notice, info or debug."},
    [CONFIG_DIRECTORIES_STATE] = {"directories.state", CONFIG_TYPE_PATH, "/var/lib/runlet", 0, 0,
                                  FIELD(state_directory),
                                  "Where the records, logs and homes of runs are kept."},
    [CONFIG_DIRECTORIES_RUN] = {"directories.run", CONFIG_TYPE_PATH, "/run/runlet", 0, 0,
                                FIELD(run_directory), "Where the sockets are."},
    [CONFIG_DIRECTORIES_LIBEXEC] = {"directories.libexec", CONFIG_TYPE_PATH_OR_NONE, "\"\"", 0, 0,
                                    FIELD(libexec_directory),
                                    "Where runlet-supervisor, runlet-unpack and the entry programs are. "
                                    "Empty: beside the running program, or in ../libexec/runlet."},
    [CONFIG_PYTHON] = {"python", CONFIG_TYPE_PATH, "/usr/bin/python3", 0, 0, FIELD(python),
                       "The interpreter of .py files in jobs without a conda environment."},
    [CONFIG_BASH] = {"bash", CONFIG_TYPE_PATH, "/bin/bash", 0, 0, FIELD(bash),
                     "The interpreter of .sh files."},
    [CONFIG_CONDA_SERVICE_PACKS] =
        {"conda.servicePacks", CONFIG_TYPE_URI_OR_NONE, "\"\"", 0, 0, FIELD(conda_service_packs),
         "The URI at which the packs of CONDA_ENV_TYPE=service lie, with {slug} in the place of the "
         "environment's name. Empty: this node has none."},
    [CONFIG_JAVA] = {"java", CONFIG_TYPE_PATH, "/usr/bin/java", 0, 0, FIELD(java),
                     "The program that runs .jar files."},
    [CONFIG_RETENTION_DAYS] = {"retention.days", CONFIG_TYPE_INTEGER, "7", 0, 36500, FIELD(retention_days),
                               "How many days the directory of a finished run is kept."},
    [CONFIG_RETENTION_MAX_SIZE] =
        {"retention.maxSize", CONFIG_TYPE_SIZE, "10G", 0, INT64_MAX, FIELD(retention_bytes),
         "How much all finished runs together may occupy; the oldest that were reported go first."},
    [CONFIG_ARTIFACT_MAX_SIZE] = {"artifact.maxSize", CONFIG_TYPE_SIZE, "4G", 1, INT64_MAX,
                                  FIELD(artifact_bytes), "The largest artifact that is accepted."},
    [CONFIG_FETCH_MAX_BYTES] =
        {"fetch.maxBytes", CONFIG_TYPE_SIZE, "4G", 1, INT64_MAX, FIELD(fetch_bytes),
         "The largest object that is fetched for a run. A transfer that turns out to be larger is ended."},
    [CONFIG_FETCH_ATTEMPTS] =
        {"fetch.attempts", CONFIG_TYPE_INTEGER, "8", 1, 1000, FIELD(fetch_attempts),
         "How often in a row a transfer may fail without a byte that was not there before."},
    [CONFIG_FETCH_RETRY_TIME] =
        {"fetch.retryTime", CONFIG_TYPE_DURATION, "10m", 0, 24LL * 3600 * 1000, FIELD(fetch_retry_ms),
         "How long a transfer that fails is tried again, without a byte that was not there before."},
    [CONFIG_FETCH_RETRY_DELAY] =
        {"fetch.retryDelay", CONFIG_TYPE_DURATION, "1s", 1, 30000, FIELD(fetch_delay_ms),
         "The bound of the wait before the second attempt. It doubles with each further one, up to 30 "
         "seconds; "
         "the wait itself is drawn evenly below it. A server's Retry-After is kept to."},
    [CONFIG_FETCH_CONNECT_TIMEOUT] = {"fetch.connectTimeout", CONFIG_TYPE_DURATION, "10s", 1, 300000,
                                      FIELD(fetch_connect_ms),
                                      "The longest that connecting to a server may take, with name and TLS."},
    [CONFIG_FETCH_STALL_TIMEOUT] =
        {"fetch.stallTimeout", CONFIG_TYPE_DURATION, "30s", 1000, 3600000, FIELD(fetch_stall_ms),
         "A transfer that brings less than 1 KiB a second for that long is broken off and tried again."},
    [CONFIG_FETCH_CA_FILE] = {"fetch.caFile", CONFIG_TYPE_PATH_OR_NONE, "\"\"", 0, 0, FIELD(fetch_ca_file),
                              "Certificates (PEM) that servers must be signed by, instead of the system's."},
    [CONFIG_FETCH_FILE_ROOTS] = {"fetch.fileRoots", CONFIG_TYPE_FOLDERS, "\"\"", 0, 0,
                                 FIELD(fetch_file_roots),
                                 "Folders, with blanks between, below which runletd reads what file: URIs of "
                                 "jobs name. Links are not "
                                 "followed. Empty: it reads none."},
    [CONFIG_CACHE_MAX_SIZE] = {"cache.maxSize", CONFIG_TYPE_SIZE, "20G", 0, INT64_MAX, FIELD(cache_bytes),
                               "How much of what was fetched is kept for later runs. What was not wanted for "
                               "the longest time goes first; "
                               "what a run holds stays, and counts."},
    [CONFIG_CACHE_VERIFY] = {"cache.verify", CONFIG_TYPE_BOOLEAN, "false", 0, 0, FIELD(cache_verify),
                             "Whether the content of an object in the cache is compared with its digest each "
                             "time a run gets it, and not "
                             "only its size. Costs reading it once more."},
    [CONFIG_AUTH_OCI_CONFIG] = {"auth.ociConfig", CONFIG_TYPE_PATH_OR_NONE, "\"\"", 0, 0, FIELD(oci_config),
                                "A file as ~/.oci/config, readable by agent.user, whose API key signs "
                                "requests for oci:// URIs. Empty: they "
                                "are not signed."},
    [CONFIG_AUTH_OCI_PROFILE] = {"auth.ociProfile", CONFIG_TYPE_WORD, "DEFAULT", 0, 0, FIELD(oci_profile),
                                 "The profile in auth.ociConfig."},
    [CONFIG_AUTH_OCI_ENDPOINT] =
        {"auth.ociEndpoint", CONFIG_TYPE_URL_OR_NONE, "\"\"", 0, 0, FIELD(oci_endpoint),
         "The Object Storage service to ask for oci:// URIs. Empty: "
         "https://objectstorage.REGION.oraclecloud.com with the region of the URI, else of the profile."},
    [CONFIG_AUTH_S3_CREDENTIALS] =
        {"auth.s3Credentials", CONFIG_TYPE_PATH_OR_NONE, "\"\"", 0, 0, FIELD(s3_credentials),
         "A file as ~/.aws/credentials, readable by agent.user, whose key signs requests for s3:// URIs. "
         "Empty: "
         "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of runletd's environment, or no signature."},
    [CONFIG_AUTH_S3_PROFILE] = {"auth.s3Profile", CONFIG_TYPE_WORD, "default", 0, 0, FIELD(s3_profile),
                                "The profile in auth.s3Credentials."},
    [CONFIG_AUTH_S3_ENDPOINT] = {"auth.s3Endpoint", CONFIG_TYPE_URL_OR_NONE, "\"\"", 0, 0, FIELD(s3_endpoint),
                                 "A server that speaks S3, with the bucket in the path. Empty: Amazon's, "
                                 "with the bucket in the host's name."},
    [CONFIG_AUTH_S3_REGION] =
        {"auth.s3Region", CONFIG_TYPE_WORD, "\"\"", 0, 0, FIELD(s3_region),
         "The region of s3:// URIs that name none. Empty: that of the credentials, else us-east-1."},
    [CONFIG_UNPACK_MAX_SIZE] = {"unpack.maxSize", CONFIG_TYPE_SIZE, "50G", 1, INT64_MAX, FIELD(unpack_bytes),
                                "The most bytes that an archive may unpack to."},
    [CONFIG_UNPACK_MAX_FILES] = {"unpack.maxFiles", CONFIG_TYPE_INTEGER, "1000000", 1, 1000000000,
                                 FIELD(unpack_files), "The most entries that an archive may hold."},
    [CONFIG_UNPACK_MAX_RATIO] =
        {"unpack.maxRatio", CONFIG_TYPE_INTEGER, "200", 1, 1000000, FIELD(unpack_ratio),
         "How many times its own size an archive may unpack to before it is taken for a bomb."},
    [CONFIG_LIMITS_PIDS] = {"limits.pids", CONFIG_TYPE_INTEGER, "16384", 16, 4194304, FIELD(limits_pids),
                            "How many processes and threads a run may have that does not say it itself."},
    [CONFIG_LIMITS_HELPER_MEMORY] =
        {"limits.helperMemory", CONFIG_TYPE_SIZE, "1G", 16 << 20, INT64_MAX,
         FIELD(limits_helper_memory_bytes),
         "The memory of all programs together that work for one run beside its job, as the one that unpacks "
         "its artifact. An artifact that needs more is rejected."},
    [CONFIG_LIMITS_HELPER_PIDS] = {"limits.helperPids", CONFIG_TYPE_INTEGER, "256", 16, 4194304,
                                   FIELD(limits_helper_pids),
                                   "How many processes and threads these programs may have."},
    [CONFIG_LIMITS_BEST_EFFORT] =
        {"limits.bestEffort", CONFIG_TYPE_BOOLEAN, "false", 0, 0, FIELD(limits_best_effort),
         "Whether a run starts although a limit or a wall that it should have could not be set on this "
         "machine. What is missing "
         "is shown in its status. Otherwise such a run is refused with the cause limit-not-applied."},
    [CONFIG_RESERVE_MEMORY] = {"reserve.memory", CONFIG_TYPE_SIZE, "256M", 0, INT64_MAX,
                               FIELD(reserve_memory_bytes),
                               "The memory of the machine that no run gets, so that runletd and the system "
                               "go on when a job takes all it can; at most "
                               "a fifth of the machine's."},
    [CONFIG_RESERVE_DISK] = {"reserve.disk", CONFIG_TYPE_SIZE, "512M", 0, INT64_MAX,
                             FIELD(reserve_disk_bytes),
                             "A run is stopped with the cause disk-full when it leaves less than this free "
                             "on the disk that holds "
                             "directories.state."},
    [CONFIG_SANDBOX_ALLOW_LEARN] =
        {"sandbox.allowLearn", CONFIG_TYPE_BOOLEAN, "false", 0, 0, FIELD(sandbox_allow_learn),
         "Whether a job may ask, by x-runlet, that every system call of it is noted, to find the smallest "
         "profile it needs. What "
         "is denied to every job is denied while it learns, too; but each call waits for the supervisor."},
    [CONFIG_SANDBOX_ALLOW_METADATA] = {"sandbox.allowMetadata", CONFIG_TYPE_BOOLEAN, "false", 0, 0,
                                       FIELD(sandbox_allow_metadata),
                                       "Whether jobs may reach the instance's metadata service "
                                       "(169.254.169.254), and with it the instance's own "
                                       "credentials."},
    [CONFIG_SANDBOX_DEVICES] = {"sandbox.devices", CONFIG_TYPE_PATTERNS, "\"\"", 0, 0, FIELD(sandbox_devices),
                                "Devices that a job may ask for, as patterns with blanks between, such as "
                                "/dev/nvidia* /dev/dri/*. Each goes to one run at a time, and to none while "
                                "another process has it open. Others are out of every job's reach."},
    [CONFIG_SANDBOX_SHARED_DEVICES] =
        {"sandbox.sharedDevices", CONFIG_TYPE_PATTERNS, "\"\"", 0, 0, FIELD(sandbox_shared_devices),
         "Devices that a job may ask for, and that other runs and processes may "
         "have open at the same time, such as /dev/nvidiactl /dev/nvidia-uvm* "
         "/dev/infiniband/*. Of a device that sandbox.devices names as well, "
         "this list holds."},
    [CONFIG_IMAGES_ID_BASE] = {"images.idBase", CONFIG_TYPE_INTEGER, "1879113728", 65536,
                               INT32_MAX - 1000000LL, FIELD(images_id_base),
                               "The numeric user that is root in container images; their other users are the "
                               "numbers after it. All of them must be "
                               "nobody else's on this machine: see /etc/subuid."},
    [CONFIG_IMAGES_ID_COUNT] = {"images.idCount", CONFIG_TYPE_INTEGER, "65536", 0, 1000000,
                                FIELD(images_id_count),
                                "How many numbers, from images.idBase on, are users and groups of container "
                                "images. With 0 jobs with an image are refused."},
    [CONFIG_IMAGES_MAX_SIZE] =
        {"images.maxSize", CONFIG_TYPE_SIZE, "25G", 1, INT64_MAX, FIELD(images_max_bytes),
         "The largest container image that is fetched, in bytes as its registry sends it."},
    [CONFIG_IMAGES_CACHE_SIZE] = {"images.cacheSize", CONFIG_TYPE_SIZE, "50G", 0, INT64_MAX,
                                  FIELD(images_cache_bytes),
                                  "How much the fetched layers of images may take below directories.state; "
                                  "the images that were not used for longest go first."},
    [CONFIG_IMAGES_UNPACKED_SIZE] =
        {"images.unpackedSize", CONFIG_TYPE_SIZE, "100G", 0, INT64_MAX, FIELD(images_unpacked_bytes),
         "How much unpacked images may take beside it. Those of running runs stay in any case."},
    [CONFIG_IMAGES_AUTH_FILE] =
        {"images.authFile", CONFIG_TYPE_PATH_OR_NONE, "\"\"", 0, 0, FIELD(images_auth_file),
         "A file with credentials for registries, as `skopeo login --authfile` writes it, that agent.user "
         "can read. Empty: registries are asked without credentials."},
    [CONFIG_IMAGES_POLICY_FILE] =
        {"images.policyFile", CONFIG_TYPE_PATH_OR_NONE, "\"\"", 0, 0, FIELD(images_policy_file),
         "Which signatures an image must have: a file as containers-policy.json(5) describes it. It holds "
         "for every image. Empty: "
         "signatures are not looked at, and jobs with imageSignatureId are refused."},
    [CONFIG_IMAGES_INSECURE] =
        {"images.insecureRegistries", CONFIG_TYPE_HOSTS, "\"\"", 0, 0, FIELD(images_insecure),
         "Registries, with blanks between, that may be spoken to without TLS, such as localhost:5000."},
    [CONFIG_IMAGES_SKOPEO] = {"images.skopeo", CONFIG_TYPE_PATH, "/usr/bin/skopeo", 0, 0,
                              FIELD(images_skopeo), "The program that fetches images."},
    [CONFIG_IMAGES_UMOCI] = {"images.umoci", CONFIG_TYPE_PATH, "/usr/bin/umoci", 0, 0, FIELD(images_umoci),
                             "The program that unpacks them."},
    [CONFIG_VOLUME_KIND] =
        {"volume.kind", CONFIG_TYPE_VOLUME_KIND, "directory", 0, 0, FIELD(volume_kind),
         "Where a run's home lies: in a directory below directories.state; in an image, a file with a file "
         "system of its own, as large as the job's blockStorageSizeInGBs; or on a block volume."},
    [CONFIG_VOLUME_DEVICE] =
        {"volume.device", CONFIG_TYPE_VOLUME_DEVICE, "\"\"", 0, 0, FIELD(volume_device),
         "The block volume: a pattern of paths such as /dev/oracleoci/oraclevd[b-z] or "
         "/dev/disk/by-id/scsi-*, of which the first one is taken that no other run uses, or serial: and the "
         "volume's serial number. With images: a file that lasts, in place of one for each run."},
    [CONFIG_VOLUME_FILE_SYSTEM] =
        {"volume.fileSystem", CONFIG_TYPE_FILE_SYSTEM, "ext4", 0, 0, FIELD(volume_file_system),
         "What a blank volume is formatted with. One that holds ext2, ext3, ext4 or "
         "XFS is taken as it is, one with anything else is refused."},
    [CONFIG_VOLUME_SIZE] = {"volume.size", CONFIG_TYPE_SIZE, "50G", 32LL << 20, INT64_MAX, FIELD(volume_size),
                            "The size of an image for a job that asks for none."},
    [CONFIG_VOLUME_WAIT] = {"volume.wait", CONFIG_TYPE_DURATION, "2m", 0, DAY_MS, FIELD(volume_wait_ms),
                            "How long a run waits for its volume to appear."},
    [CONFIG_VOLUME_FSCK] = {"volume.fsck", CONFIG_TYPE_FSCK, "auto", 0, 0, FIELD(volume_fsck),
                            "When the file system of a volume is checked before it is mounted: auto, when it "
                            "says itself that it needs that. XFS does so while it is mounted."},
    [CONFIG_VOLUME_GROW] = {"volume.grow", CONFIG_TYPE_BOOLEAN, "true", 0, 0, FIELD(volume_grow),
                            "Whether a file system becomes as large as its volume when that has grown."},
    [CONFIG_NFS_ALLOW] = {"nfs.allow", CONFIG_TYPE_BOOLEAN, "true", 0, 0, FIELD(nfs_allow),
                          "Whether jobs may have file storage mounted (FILE_STORAGE)."},
    [CONFIG_NFS_OPTIONS] =
        {"nfs.options", CONFIG_TYPE_MOUNT_OPTIONS, "\"\"", 0, 0, FIELD(nfs_options),
         "Further options of such mounts, as in nfs(5). Without vers= the newest version is taken "
         "that the server has. nosuid, nodev and nosharecache are always added."},
    [CONFIG_NFS_EXPORTS] = {"nfs.exports", CONFIG_TYPE_EXPORTS, "\"\"", 0, 0, FIELD(nfs_exports),
                            "What the OCIDs in jobs stand for, which only the service could tell: "
                            "OCID=ADDRESS for a mount target and OCID=/PATH for an export, with blanks "
                            "between."},
    [CONFIG_NFS_TIMEOUT] = {"nfs.timeout", CONFIG_TYPE_DURATION, "90s", 1000, DAY_MS, FIELD(nfs_timeout_ms),
                            "How long a server may take to answer before it counts as gone."},
    [CONFIG_NFS_ON_FAILURE] = {"nfs.onFailure", CONFIG_TYPE_ON_FAILURE, "fail", 0, 0, FIELD(nfs_on_failure),
                               "What follows when something cannot be mounted: the run ends with the cause "
                               "storage-failed, or it starts with an empty directory in that place."},
    [CONFIG_NFS_ON_LOST] = {"nfs.onLost", CONFIG_TYPE_ON_LOST, "wait", 0, 0, FIELD(nfs_on_lost),
                            "What follows when a server does not answer any more during a run: the job waits "
                            "for it as long as its deadline allows, or the run ends with the cause "
                            "storage-failed."},
    [CONFIG_OBJECTS_CREDENTIALS] =
        {"objects.credentials", CONFIG_TYPE_PATH_OR_NONE, "\"\"", 0, 0, FIELD(objects_credentials),
         "A file as ~/.aws/credentials, of root and readable by nobody else, with the key by which buckets "
         "are "
         "mounted and outputs are uploaded; on OCI that is a Customer Secret Key. Empty: neither is done."},
    [CONFIG_OBJECTS_PROFILE] = {"objects.profile", CONFIG_TYPE_WORD, "default", 0, 0, FIELD(objects_profile),
                                "The profile in objects.credentials."},
    [CONFIG_OBJECTS_ENDPOINT] =
        {"objects.endpoint", CONFIG_TYPE_ENDPOINT, "\"\"", 0, 0, FIELD(objects_endpoint),
         "A server that speaks S3, with the bucket in the path. Empty: for oci:// OCI's of the namespace and "
         "objects.region, for s3:// Amazon's."},
    [CONFIG_OBJECTS_REGION] = {"objects.region", CONFIG_TYPE_WORD, "\"\"", 0, 0, FIELD(objects_region),
                               "The region of the buckets, such as eu-frankfurt-1. OCI's need one, unless "
                               "objects.endpoint is set."},
    [CONFIG_OBJECTS_CA_FILE] =
        {"objects.caFile", CONFIG_TYPE_PATH_OR_NONE, "\"\"", 0, 0, FIELD(objects_ca_file),
         "Certificates (PEM) that the server must be signed by, instead of the system's."},
    [CONFIG_OBJECTS_BUCKETS] = {"objects.buckets", CONFIG_TYPE_BUCKETS, "\"\"", 0, 0, FIELD(objects_buckets),
                                "Which buckets jobs may name, as patterns with commas between, such as "
                                "data-*. Empty: all that the key opens."},
    [CONFIG_OBJECTS_UID] =
        {"objects.uid", CONFIG_TYPE_INTEGER, "65530", 1, 4294967293, FIELD(objects_uid),
         "The numeric user and group that rclone runs as. It needs no entry in /etc/passwd and must be "
         "nobody else's, since its processes have the key."},
    [CONFIG_OBJECTS_CACHE_SIZE] =
        {"objects.cacheSize", CONFIG_TYPE_SIZE, "10G", 1LL << 20, INT64_MAX, FIELD(objects_cache_bytes),
         "How much of a mounted bucket is kept on disk, in the run's scratch space. What is not uploaded "
         "yet stays beyond that."},
    [CONFIG_OBJECTS_TIMEOUT] =
        {"objects.timeout", CONFIG_TYPE_DURATION, "90s", 1000, DAY_MS, FIELD(objects_timeout_ms),
         "How long a bucket may take to be mounted, and a server to answer before it counts as gone."},
    [CONFIG_OBJECTS_UPLOAD_TIME] = {"objects.uploadTime", CONFIG_TYPE_DURATION, "30m", 1000, DAY_MS,
                                    FIELD(objects_upload_ms),
                                    "How long, after the job has ended, what it wrote may take to be "
                                    "uploaded, and each output likewise."},
    [CONFIG_OBJECTS_ON_FAILURE] =
        {"objects.onFailure", CONFIG_TYPE_ON_FAILURE, "fail", 0, 0, FIELD(objects_on_failure),
         "What follows when a bucket cannot be mounted: the run ends with the cause "
         "storage-failed, or it starts with an empty directory in that place."},
    [CONFIG_OBJECTS_ON_LOST] =
        {"objects.onLost", CONFIG_TYPE_ON_LOST, "wait", 0, 0, FIELD(objects_on_lost),
         "What follows when the program that serves a mounted bucket ends during a run: "
         "the job sees errors in that place, or the run ends with the cause storage-failed."},
    [CONFIG_AFTER_RUN] =
        {"afterRun", CONFIG_TYPE_AFTER_RUN, "wait", 0, 0, FIELD(after_run),
         "What becomes of the machine when a run has ended here, its end was reported, and no other run is "
         "here: the agent waits for the next one, exits, "
         "exits and has the machine switched off (poweroff), or runs leave.command and exits (command)."},
    [CONFIG_IDLE_SHUTDOWN] = {"idle.shutdown", CONFIG_TYPE_DURATION, "0s", 0, 365 * DAY_MS,
                              FIELD(idle_shutdown_ms),
                              "When no run was here for that long, idle.action follows. 0s: never."},
    [CONFIG_IDLE_ACTION] = {"idle.action", CONFIG_TYPE_IDLE_ACTION, "poweroff", 0, 0, FIELD(idle_action),
                            "What idle.shutdown leads to: exit, poweroff or command, as with afterRun."},
    [CONFIG_LEAVE_COMMAND] =
        {"leave.command", CONFIG_TYPE_PATH_OR_NONE, "\"\"", 0, 0, FIELD(leave_command),
         "The program of afterRun: command and idle.action: command. It runs as agent.user, without "
         "arguments, for "
         "ten minutes at most. When it "
         "fails the agent goes on, and it is run again after a minute if there is still nothing to do."},
    [CONFIG_LEAVE_POWEROFF] =
        {"leave.poweroff", CONFIG_TYPE_PATH, "/sbin/poweroff", 0, 0, FIELD(leave_poweroff),
         "The program by which `runlet leave`, run as root after runletd has ended, switches "
         "the machine off."},
    [CONFIG_NODE_ID] =
        {"node.id", CONFIG_TYPE_WORD, "\"\"", 0, 0, FIELD(node_id),
         "What the node is called, to control planes as well; unique among their nodes. Empty: the "
         "id of the "
         "instance where cloud.provider is set, else the machine's host name."},
    [CONFIG_NODE_POOL] = {"node.pool", CONFIG_TYPE_WORD, "\"\"", 0, 0, FIELD(node_pool),
                          "The pool that the node belongs to: a control plane gives it that pool's runs."},
    [CONFIG_NODE_SHAPE] =
        {"node.shape", CONFIG_TYPE_WORD, "\"\"", 0, 0, FIELD(node_shape),
         "The kind of machine, as jobs ask for it. Empty: the instance's where cloud.provider is "
         "set."},
    [CONFIG_NODE_LABELS] = {"node.labels", CONFIG_TYPE_LABELS, "\"\"", 0, 0, FIELD(node_labels),
                            "KEY=VALUE, with blanks between, that a control plane may choose nodes by."},
    [CONFIG_CLOUD_PROVIDER] = {"cloud.provider", CONFIG_TYPE_PROVIDER, "none", 0, 0, FIELD(cloud_provider),
                               "Whose instance metadata service the agent asks who the machine is, and "
                               "whether it is about to be taken "
                               "away: oci, aws, gcp or azure. With none it asks nobody."},
    [CONFIG_CLOUD_ENDPOINT] = {"cloud.endpoint", CONFIG_TYPE_ENDPOINT, "\"\"", 0, 0, FIELD(cloud_endpoint),
                               "Where that service is. Empty: http://169.254.169.254."},
    [CONFIG_NOTICES_CLOUD] =
        {"notices.cloud", CONFIG_TYPE_BOOLEAN, "true", 0, 0, FIELD(notices_cloud),
         "Whether the metadata service of cloud.provider is asked again and again if the machine is about to "
         "be "
         "taken away. Then the node takes up no further run, and its jobs are told, as by `runlet preempt`."},
    [CONFIG_NOTICES_FILE] =
        {"notices.file", CONFIG_TYPE_PATH_OR_NONE, "\"\"", 0, 0, FIELD(notices_file),
         "A file that means the same while it is there. It may say what and when as Amazon's service does: "
         "{\"action\": \"terminate\", \"time\": \"2026-11-24T08:22:00Z\"}; else it is in 30 seconds."},
    [CONFIG_NOTICES_PERIOD] = {"notices.period", CONFIG_TYPE_DURATION, "5s", 100, 3600000,
                               FIELD(notices_period_ms), "How often they are looked at."},
    [CONFIG_NOTICES_LEAD] =
        {"notices.lead", CONFIG_TYPE_DURATION, "15m", 0, DAY_MS, FIELD(notices_lead_ms),
         "Jobs are told when so much time is left, or less. What is further away may be called "
         "off."},
    [CONFIG_NOTICES_MARGIN] =
        {"notices.margin", CONFIG_TYPE_DURATION, "5s", 0, 3600000, FIELD(notices_margin_ms),
         "The part of the time that is left which jobs do not get: for what follows "
         "their end, up to the report. Before it lies the grace of a job, and before that the stop signal."},
    [CONFIG_METRICS_PORT] =
        {"metrics.port", CONFIG_TYPE_INTEGER, "0", 0, 65535, FIELD(metrics_port),
         "The TCP port of 127.0.0.1 at which /metrics is served, for a Prometheus on this machine. 0: "
         "none; the agent's own socket has it in any case. Every user of the machine can read it there, "
         "jobs too."},
    [CONFIG_HEALTH_WARN_ONLY] = {"health.warnOnly", CONFIG_TYPE_CHECKS, "clock cgroup", 0, 0,
                                 FIELD(health_warn_only),
                                 "The checks of the node's health, with blanks between, that only warn. The "
                                 "others keep the node from "
                                 "taking up runs while they fail."},
    [CONFIG_HEALTH_PERIOD] = {"health.period", CONFIG_TYPE_DURATION, "30s", 100, 3600000,
                              FIELD(health_period_ms), "How often the node's health is looked at."},
    [CONFIG_HEALTH_MOUNTS] = {"health.mounts", CONFIG_TYPE_FOLDERS, "\"\"", 0, 0, FIELD(health_mounts),
                              "Folders, with blanks between, at which something must be mounted."},
    [CONFIG_HEALTH_GPUS] = {"health.gpus", CONFIG_TYPE_INTEGER, "0", 0, 1024, FIELD(health_gpus),
                            "How many GPUs of NVIDIA's the machine must have."},
    [CONFIG_HEALTH_COMMAND] =
        {"health.command", CONFIG_TYPE_PATH_OR_NONE, "\"\"", 0, 0, FIELD(health_command),
         "A program that says whether the node is fit: by the exit status 0, else by the first line that it "
         "writes. It runs as "
         "agent.user, without arguments, before the first run and then every health.period."},
    [CONFIG_HEALTH_COMMAND_TIMEOUT] = {"health.commandTimeout", CONFIG_TYPE_DURATION, "10s", 100, 3600000,
                                       FIELD(health_command_ms),
                                       "A health.command that takes longer is killed, and has failed."},
    [CONFIG_ETCD_ENDPOINTS] = {"etcd.endpoints", CONFIG_TYPE_ENDPOINTS, "\"\"", 0, 0, FIELD(etcd_endpoints),
                               "Members of the etcd cluster that holds the runs of this node's fleet. Each "
                               "is asked when another does not answer. Empty: this node is in none. "
                               "docs/cluster.md."},
    [CONFIG_ETCD_PREFIX] = {"etcd.prefix", CONFIG_TYPE_KEY_PREFIX, "/runlet", 0, 0, FIELD(etcd_prefix),
                            "What the keys of the fleet begin with. Fleets with different ones do not see "
                            "each other."},
    [CONFIG_ETCD_USER] = {"etcd.user", CONFIG_TYPE_WORD, "\"\"", 0, 0, FIELD(etcd_user),
                          "The user of etcd that this node is, where etcd wants one. Empty: none."},
    [CONFIG_ETCD_PASSWORD_FILE] = {"etcd.passwordFile", CONFIG_TYPE_PATH_OR_NONE, "\"\"", 0, 0,
                                   FIELD(etcd_password_file),
                                   "A file, readable by agent.user alone, with the password of etcd.user. It "
                                   "is read whenever etcd asks for it."},
    [CONFIG_ETCD_CA_FILE] = {"etcd.caFile", CONFIG_TYPE_PATH_OR_NONE, "\"\"", 0, 0, FIELD(etcd_ca_file),
                             "Certificates (PEM) that the members must be signed by, instead of the "
                             "system's."},
    [CONFIG_ETCD_CERT_FILE] =
        {"etcd.certFile", CONFIG_TYPE_PATH_OR_NONE, "\"\"", 0, 0, FIELD(etcd_cert_file),
         "The node's certificate (PEM), readable by agent.user, for a cluster that asks "
         "for one."},
    [CONFIG_ETCD_KEY_FILE] = {"etcd.keyFile", CONFIG_TYPE_PATH_OR_NONE, "\"\"", 0, 0, FIELD(etcd_key_file),
                              "The private key of etcd.certFile (PEM), readable by agent.user alone."},
    [CONFIG_ETCD_LEASE_TIME] =
        {"etcd.leaseTime", CONFIG_TYPE_DURATION, "30s", 2000, 3600000, FIELD(etcd_lease_ms),
         "How long this node keeps its runs without a word of the cluster. It asks for more after a third of "
         "that time. Afterwards its runs may be given to another node."},
    [CONFIG_HTTP_ENDPOINT] = {"http.endpoint", CONFIG_TYPE_URL_OR_NONE, "\"\"", 0, 0, FIELD(http_endpoint),
                              "The control plane that gives this node its runs over HTTP. Empty: none. "
                              "docs/control-plane.md."},
    [CONFIG_HTTP_AUTH] = {"http.auth", CONFIG_TYPE_HTTP_AUTH, "none", 0, 0, FIELD(http_auth),
                          "How the node proves itself to the control plane, besides a certificate: with the "
                          "token in http.tokenFile, or by signing as OCI's services want it, with the key of "
                          "auth.ociConfig."},
    [CONFIG_HTTP_TOKEN_FILE] = {"http.tokenFile", CONFIG_TYPE_PATH_OR_NONE, "\"\"", 0, 0,
                                FIELD(http_token_file),
                                "A file, readable by agent.user, with the node's token. It is read for each "
                                "request: to rotate the token, replace the file."},
    [CONFIG_HTTP_CERT_FILE] = {"http.certFile", CONFIG_TYPE_PATH_OR_NONE, "\"\"", 0, 0, FIELD(http_cert_file),
                               "The node's certificate (PEM), readable by agent.user, for a control plane "
                               "that asks for one."},
    [CONFIG_HTTP_KEY_FILE] = {"http.keyFile", CONFIG_TYPE_PATH_OR_NONE, "\"\"", 0, 0, FIELD(http_key_file),
                              "The private key of http.certFile (PEM), readable by agent.user alone."},
    [CONFIG_HTTP_CA_FILE] = {"http.caFile", CONFIG_TYPE_PATH_OR_NONE, "\"\"", 0, 0, FIELD(http_ca_file),
                             "Certificates (PEM) that the control plane must be signed by, instead of the "
                             "system's."},
    [CONFIG_HTTP_WAIT] = {"http.wait", CONFIG_TYPE_DURATION, "30s", 1000, 3600000, FIELD(http_wait_ms),
                          "How long the control plane may hold a request for work when there is none. Less "
                          "than what proxies on the way allow."},
};

static const char *const TYPE_TEXTS[CONFIG_TYPE_COUNT] = {
    [CONFIG_TYPE_INTEGER] = "an integer",
    [CONFIG_TYPE_BOOLEAN] = "true or false",
    [CONFIG_TYPE_DURATION] = "a length of time such as 500ms, 30s, 5m, 2h or 7d",
    [CONFIG_TYPE_SIZE] = "a size such as 4096, 512K, 64M, 10G or 2T",
    [CONFIG_TYPE_NAME] = "the name of a user or group",
    [CONFIG_TYPE_PATH] = "an absolute path",
    [CONFIG_TYPE_PATH_OR_NONE] = "an absolute path, or an empty string",
    [CONFIG_TYPE_PATTERNS] = "patterns of paths below /dev with blanks between, or an empty string",
    [CONFIG_TYPE_HOSTS] = "names of hosts, some with :PORT, with blanks between, or an empty string",
    [CONFIG_TYPE_FOLDERS] = "absolute paths with blanks between, or an empty string",
    [CONFIG_TYPE_URL_OR_NONE] = "an http:// or https:// URL, or an empty string",
    [CONFIG_TYPE_URI_OR_NONE] = "a file:, http:, https:, oci: or s3: URI, or an empty string",
    [CONFIG_TYPE_WORD] = "a word of letters, digits, '.', '_' and '-', or an empty string",
    [CONFIG_TYPE_LOG_LEVEL] = "error, warning, notice, info or debug",
    [CONFIG_TYPE_VOLUME_KIND] = "directory, image or block",
    [CONFIG_TYPE_FILE_SYSTEM] = "ext4 or xfs",
    [CONFIG_TYPE_FSCK] = "auto, always or never",
    [CONFIG_TYPE_ON_FAILURE] = "fail or ignore",
    [CONFIG_TYPE_ON_LOST] = "wait or fail",
    [CONFIG_TYPE_HTTP_AUTH] = "none, bearer or oci",
    [CONFIG_TYPE_VOLUME_DEVICE] = "an absolute path or pattern, serial: and a number, or an empty string",
    [CONFIG_TYPE_MOUNT_OPTIONS] = "options with commas between, or an empty string",
    [CONFIG_TYPE_ENDPOINT] = "http:// or https://, a host and perhaps a port, or an empty string",
    [CONFIG_TYPE_ENDPOINTS] =
        "http:// or https://, hosts and perhaps ports, with commas between, or an empty string",
    [CONFIG_TYPE_KEY_PREFIX] = "'/' and names of letters, digits, '.', '_' and '-', with '/' between",
    [CONFIG_TYPE_BUCKETS] = "patterns of names with commas between, or an empty string",
    [CONFIG_TYPE_AFTER_RUN] = "wait, exit, poweroff or command",
    [CONFIG_TYPE_IDLE_ACTION] = "exit, poweroff or command",
    [CONFIG_TYPE_LABELS] = "KEY=VALUE with blanks between, or an empty string",
    [CONFIG_TYPE_PROVIDER] = "none, oci, aws, gcp or azure",
    [CONFIG_TYPE_CHECKS] =
        ("names of checks (disk, inodes, read-only, date, clock, mounts, cgroup, gpu, command) "
         "with blanks between, or an empty string"),
    [CONFIG_TYPE_EXPORTS] = "OCID=ADDRESS and OCID=/PATH with blanks between, or an empty string",
};

const struct config_key_info *config_key_info(enum config_key key)
{
    return &KEYS[key];
}

const char *config_type_text(enum config_type type)
{
    return TYPE_TEXTS[type];
}
