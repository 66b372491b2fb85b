/*
 * plan.h - what the agent asks a supervisor to do, complete before anything is created.
 *
 * The plan is data: the agent computes it, tests compare it, --dry-run prints it, the supervisor checks it
 * against the node's policy and executes it. On the wire and in the run directory it is a series of facts
 * (base/fact.h), first
 * {"plan":1,...}, then one line for each placement, argument, variable, limit, device, system call, further stop signal,
 * mount, node of the run and word of its startup probe. It travels in a sealed memory
 * file; the supervisor reads it once into its own memory.
 */
#ifndef WIRE_PLAN_H
#define WIRE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cluster.h"
#include "base/env.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mount_target.h"
#include "base/run_limits.h"
#include "base/run_outputs.h"
#include "base/run_sandbox.h"
#include "base/startup_probe.h"
#include "base/stop_signals.h"
#include "base/strbuf.h"
#include "base/strlist.h"

#define PLAN_VERSION 1
#define PLAN_NAME    "plan"

/* A variable and an argument cost a line each; the service's limits on characters allow fewer than these. */
#define PLAN_VARS_MAX 8192
#define PLAN_ARGS_MAX 4096

#define JOB_HOME "/home/datascience"
/* Where a job finds its notices, and the file in which it answers. */
#define JOB_NOTICE_DIR      "/run/job"
#define JOB_NOTICE_FILE     JOB_NOTICE_DIR "/notice"
#define JOB_CHECKPOINT_FILE JOB_NOTICE_DIR "/checkpoint"
#define JOB_DECOMPRESSED    "decompressed_artifact"
/* Below the home: conda environments, and the program of agent/entry that activates one. */
#define CONDA_INTO         "conda"
#define CONDA_PROGRAM      "activate_conda.sh"
#define CONDA_PROGRAM_INTO ".runlet"

enum placement_form {
    PLACE_FILE,    /* the descriptor's bytes become the file into/name, mode 0644 */
    PLACE_ARCHIVE, /* the descriptor's archive is unpacked in into/ */
};

/* One thing to put under the home before the launch. Descriptor i of the start message belongs to placement
 * i. */
struct placement {
    enum placement_form form;
    char *name; /* owned: plain file name; decides the archive's format only for messages */
    char *into; /* owned: folder below the home, "" for the home itself; no "..", no leading '/' */
};

/* How storage is mounted. */
enum mount_kind {
    MOUNT_NFS,     /* source: address:/export */
    MOUNT_OBJECTS, /* source: oci://bucket@namespace/prefix or s3://bucket/prefix */
};

/* One piece of storage in the job's view. */
struct plan_mount {
    enum mount_kind kind;
    char *source; /* owned */
    char *target; /* owned: an absolute path in the job's view */
    bool read_only;
};

/* Where the interpreter's file comes from. */
enum entry_kind {
    ENTRY_FILE,    /* `entrypoint` is the single file that was placed in the home */
    ENTRY_ARCHIVE, /* `entrypoint` is relative to decompressed_artifact; NULL: JOB_RUN_ENTRYPOINT of
                      jobruntime.yaml */
    ENTRY_IMAGE,   /* `args` is the whole command, executed in a container image */
};

struct plan {
    char *run_id;   /* owned */
    char *job_name; /* owned; for people */
    int64_t epoch;
    bool as_root; /* asks for uid 0; policy may refuse */
    struct placement placement[PLAN_PLACEMENTS_MAX];
    size_t placement_count;
    enum entry_kind entry_kind;
    char *entrypoint; /* owned */
    char *python, *bash,
        *java;          /* owned: interpreters, absolute paths in the job's view; NULL: there is none */
    char *conda_prefix; /* owned; NULL: none */
    char *image;        /* owned; ENTRY_IMAGE: the reference, for people */
    char *
        image_digest; /* owned; ENTRY_IMAGE: "sha256:..." of its manifest. Its layout comes after the placements */
    char *image_user;              /* owned; ENTRY_IMAGE: as the image says it; NULL: its root */
    char *directory;               /* owned; ENTRY_IMAGE: where the command begins; NULL: / */
    unsigned image_uid, image_gid; /* not sent: whom image_user names, once the image was asked */
    struct strlist args;           /* after the entry file */
    struct env env;                /* all layers but jobruntime.yaml's */
    int64_t maximum_runtime_ms;
    int64_t
        lease_until_ms; /* of the boot clock: without a later word the run ends before that; 0: it has no lease */
    int64_t stop_grace_ms;
    int stop_signal;
    bool stop_whole_tree;
    struct stop_signals stop_then;
    int nice;
    int oom_score_adj;
    unsigned umask_bits;
    struct run_limits limits;   /* what the job asks for; the node's policy adds and caps */
    struct run_sandbox sandbox; /* owned */
    int64_t
        volume_bytes; /* what the job asks for its home, where the node gives it a volume; 0: it does not say */
    struct plan_mount mount[JOB_MOUNTS_MAX];
    size_t mount_count;
    struct run_outputs outputs; /* owned: copied when the run has ended */
    int64_t notice_before_ms;   /* the job hears of its deadline this long before; 0: it does not */
    int notice_signal;          /* and gets this signal with every notice; 0: none */
    struct cluster
        cluster; /* owned: the nodes of the run, when there are several; their interface is not sent */
    struct startup_probe probe; /* owned */
};

/* An empty plan that asks for nothing. */
void plan_init(struct plan *p);

void plan_free(struct plan *p);
#define plan_auto plan_free

/* Appends the plan as facts. 0, -E2BIG or -ENOMEM; -EILSEQ when a string is not UTF-8 and so would not arrive
 * unchanged. */
int plan_encode(const struct plan *p, struct strbuf *out);

/* Reads a plan. Strict: unknown facts, missing ones, out-of-range numbers, names that climb out, variables
 * that are not names are refused with the line. *ret must be zero; it is freed on failure. */
int plan_decode(const char *text, size_t n, struct plan *ret, struct err *e);

/* Whether the plan's command runs in a container image. */
bool plan_has_image(const struct plan *p);
/* Whether the text is address:/export, with an IPv4 address. */
bool nfs_source_valid(const char *source);

/* Whether path stays below where it starts: not empty, no leading '/', no ".." component, no control
 * characters. */
bool plan_path_valid(const char *path);

#endif
