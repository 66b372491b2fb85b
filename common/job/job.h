/*
 * job.h - the job model: what OCI calls a Job and a JobRun, read once, then trusted.
 *
 * Readers (read.h) fill these structures and report errors with positions; nothing downstream sees JSON or
 * YAML. Pointers are owned unless said otherwise; an absent string is NULL. Sources of the conventions: OCI's
 * Data Science API models (Job, JobRun, *Details) and the ADS SDK's job YAML.
 */
#ifndef JOB_JOB_H
#define JOB_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cluster.h"
#include "base/env.h"
#include "base/limits.h"
#include "base/run_limits.h"
#include "base/run_outputs.h"
#include "base/run_sandbox.h"
#include "base/startup_probe.h"
#include "base/stop_signals.h"
#include "base/strlist.h"

/* How a job's code comes about. The first is OCI's own; the others are ADS runtimes, which carry a driver. */
enum job_runtime {
    RUNTIME_ARTIFACT = 0, /* OCI documents, a bare artifact, ADS `script` */
    RUNTIME_PYTHON,       /* ADS `python`: our entry program runs code/ */
    RUNTIME_NOTEBOOK,     /* ADS `notebook` */
    RUNTIME_GIT_PYTHON,   /* ADS `gitPython` */
    RUNTIME_CONTAINER,    /* OCIR_CONTAINER, ADS `container` */
    RUNTIME_PYTORCH,      /* ADS `pyTorchDistributed` */
    RUNTIME_COUNT,
};

/* One piece of the artifact as its author names it: paths are local and already made absolute. */
enum artifact_form {
    ARTIFACT_FILE,          /* .py .sh .jar .ipynb ...: placed as it is */
    ARTIFACT_ARCHIVE,       /* .zip .tar .tar.gz .tgz .tar.xz .tar.zst .tar.bz2: unpacked */
    ARTIFACT_DIRECTORY,     /* packed before the run; its name stays as the top folder unless `flatten` */
    ARTIFACT_ENTRY_PROGRAM, /* one of runlet's own entry programs; `path` is its file name */
    ARTIFACT_FORM_COUNT,
};

/* "artifact", "python", "notebook", "gitPython", "container", "pyTorchDistributed". */
const char *job_runtime_name(enum job_runtime runtime);

/* What a part is once its bytes were collected: a directory was packed, an entry program is a file. */
enum artifact_form artifact_form_collected(enum artifact_form form);

/* Where a part comes from when it is not a local file: the agent gets it before the run. */
struct part_source {
    char *uri;     /* file:, http(s):, oci:, s3: (base/uri.h); may hold a secret */
    char *sha256;  /* hexadecimal; NULL: not known */
    char *md5;     /* hexadecimal; NULL: not known */
    char *bearer;  /* a secret: token for http(s), which only a control plane gives; NULL: none */
    char *content; /* the part itself, as base64, instead of a URI; at most INLINE_BYTES_MAX decoded */
};

struct artifact_part {
    enum artifact_form form;
    char *path; /* where it is now; NULL: it has a source */
    struct part_source source;
    bool input; /* data beside the code: it never decides what is run */
    char *name; /* file name in the run; for an archive, its own name */
    char *into; /* folder below /home/datascience it goes to; "" for the home itself */
    bool flatten;
    int line, column; /* where its document names it; 0: nowhere */
};

/* Code and its entry programs, four inputs, and a conda environment with what activates it. */
#define ARTIFACT_PARTS_MAX 12
#define INPUTS_MAX         4

/* Groups of nodes in one job. */
#define JOB_GROUPS_MAX 32

struct artifact {
    struct artifact_part part[ARTIFACT_PARTS_MAX];
    size_t count;    /* 0: no artifact (container images), or not yet known (OCI documents without a file) */
    char *file_name; /* JOB_ARTIFACT_FILE_NAME */
};

/* CONDA_ENV_TYPE and friends, from env or the ADS `conda` block. */
enum conda_type {
    CONDA_NONE = 0,
    CONDA_SERVICE,
    CONDA_PUBLISHED,
    CONDA_TYPE_COUNT,
};

struct storage_mount {
    bool object_storage;               /* else file storage */
    char *destination_directory;       /* destinationDirectoryName */
    char *destination_path;            /* NULL: /mnt */
    char *mount_target_id, *export_id; /* FILE_STORAGE: OCIDs, or (ADS) an IPv4 address and an export path */
    char *bucket, *namespace_name, *prefix; /* OBJECT_STORAGE */
    char *source;                           /* ADS src as written */
    bool read_only;                         /* readOnly: ours, beside what the service has */
};

struct image_config;

struct container_details {
    char *image, *image_digest, *image_signature_id;
    struct strlist entrypoint, cmd;
};

/* What becomes of a run whose lease is lost while its job executes. */
enum lease_lost_policy {
    LEASE_LOST_FINISH_AND_HOLD = 0, /* it goes on, and its end is kept until it can be told */
    LEASE_LOST_STOP,                /* it is stopped: somebody else may execute the run from then on */
    LEASE_LOST_COUNT,
};

/* "finish-and-hold", "stop". */
const char *lease_lost_policy_name(enum lease_lost_policy policy);

/* What a document says of the walls; absent switches are -1. */
struct x_sandbox {
    int network_off, user_namespace, learn;
    struct strlist system_calls, devices;
};

/* `x-runlet`: our extension block, strict. Absent numbers are -1. */
struct x_runlet {
    int64_t maximum_runtime_ms;    /* maximumRuntime: "90s" - finer than the service's minutes */
    int64_t stop_grace_ms;         /* stopGrace: "10s" */
    int stop_signal;               /* stopSignal: TERM INT HUP QUIT USR1 USR2; 0 when absent */
    int stop_whole_tree;           /* stopWholeTree: the stop signals go to every process; -1, 0, 1 */
    struct stop_signals stop_then; /* stopThen: [{signal: TERM, after: 20s}] */
    struct run_limits limits;      /* limits: {memory: 4G, cpu: 2, ...} */
    struct x_sandbox sandbox;      /* sandbox: {network: none, ...} */
    int64_t notice_before_ms;      /* notice: {before: "5m"}: the job hears of its deadline this early */
    int notice_signal;             /* notice: {signal: USR1}; -1 when absent */
    struct run_outputs outputs;    /* outputs: [{from: results, to: oci://..., when: always}] */
    int on_lease_lost; /* onLeaseLost: finish-and-hold, stop: enum lease_lost_policy; -1 when absent */
};

/* What both documents may say; the run's overrides the job's. */
struct job_configuration {
    struct env env;  /* environmentVariables */
    char *arguments; /* commandLineArguments: ONE string of POSIX shell words; NULL when absent */
    int64_t maximum_runtime_minutes;     /* -1 when absent */
    struct startup_probe probe;          /* startupProbeDetails */
    struct container_details *container; /* NULL when absent */
    struct storage_mount mount[JOB_MOUNTS_MAX];
    size_t mount_count;
    bool has_mounts;
    struct x_runlet x;
};

/* jobInfrastructureConfigurationDetails */
struct infrastructure {
    char *type, *shape_name;  /* STANDALONE, ME_STANDALONE, ... */
    int64_t block_storage_gb; /* -1 when absent */
    double ocpus, memory_gb;  /* jobShapeConfigDetails; 0 when absent */
};

/* Nodes of a run that are alike. What a group does not say, the job says. */
struct node_group {
    char *name;
    int64_t replicas; /* 1 or more */
    int64_t least;    /* minimumSuccessReplicas: 1 .. replicas, all of them when the document does not say */
    struct infrastructure infra;
    struct job_configuration configuration; /* env, arguments, minutes, container and probe alone */
    struct job_configuration overrides;     /* the run's for this group */
};

struct job {
    char *id, *display_name, *project_id, *compartment_id, *tenancy_id;
    struct job_configuration configuration;
    struct infrastructure infra;
    bool enable_logging, enable_auto_log_creation;
    char *log_group_id, *log_id;
    bool multi_node; /* more than one node: jobNodeConfigurationDetails, or replicas; then there are groups */
    int64_t replicas;         /* the nodes of all groups */
    bool in_order;            /* startupOrder: IN_ORDER */
    struct node_group *group; /* owned; ranks go through the groups one after another */
    size_t group_count;
};

struct job_run {
    char *id, *display_name, *job_id, *project_id, *compartment_id;
    struct job_configuration overrides;
};

/* Everything that was asked for: the result of reading any FILE or assignment. */
struct job_request {
    struct job job;
    struct job_run run;
    enum job_runtime runtime;
    struct artifact artifact;
    /* ADS keeps the conda environment beside env; OCI documents say it by env alone. */
    char *conda_slug; /* NULL: none asked for */
    enum conda_type conda_type;
    /* What the person at the command line decided instead (--conda): the system's Python, or an environment
     * here. */
    bool conda_decided;
    char *conda_prefix; /* NULL: the system's Python */
    /* One node of a run of several: which one, and all of them. No nodes: the run is of one. */
    struct cluster cluster;
    int rank;
};

void job_request_free(struct job_request *r);
#define job_request_auto job_request_free

/* ---- what the readers' results are turned into: one resolved run ---- */

struct run_spec {
    char *run_id, *run_name, *job_id, *job_name;
    struct env env; /* layers default, job, run, platform */
    struct strlist args;
    char *entrypoint; /* JOB_RUN_ENTRYPOINT of job or run; NULL: the artifact decides */
    int64_t maximum_runtime_ms;
    enum env_layer maximum_runtime_layer; /* ENV_DEFAULT when it is the service's 30 days */
    int64_t stop_grace_ms;
    int stop_signal;
    bool stop_whole_tree;
    struct stop_signals stop_then; /* all of them before the grace is over */
    struct run_limits limits;      /* by the shape and x-runlet; what is unset the node decides */
    struct run_sandbox sandbox;
    struct run_outputs outputs;
    enum lease_lost_policy on_lease_lost;
    int64_t notice_before_ms;   /* 0: no notice of the deadline */
    int notice_signal;          /* 0: none */
    enum conda_type conda_type; /* CONDA_NONE also when it was decided otherwise */
    char *conda_slug;
    char *conda_prefix;                  /* an environment on this machine to use instead; NULL: none */
    struct startup_probe probe;          /* owned */
    struct container_details *container; /* owned; NULL: no image */
    struct image_config *image;          /* owned; NULL until the image is here (job/image.h) */
};

void run_spec_free(struct run_spec *s);
#define run_spec_auto run_spec_free

#endif
