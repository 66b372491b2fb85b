/*
 * limits.h - every limit in one place, with its reason.
 *
 * Limits of the service (OCI Data Science Jobs) are kept so that what runs here runs there.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* The service: sum of characters over all custom environment keys and values. */
#define JOB_ENV_CHARS_MAX 20000
/* The service: characters of commandLineArguments. */
#define JOB_ARGS_CHARS_MAX 4000
/* The service: maximumRuntimeInMinutes. */
#define JOB_RUNTIME_MINUTES_MIN 5
#define JOB_RUNTIME_MINUTES_MAX 43200
/* 30 days: applies also when no maximum is given. */
#define JOB_RUNTIME_MS_MAX (30LL * 24 * 3600 * 1000)
/* The service: characters of a display name. */
#define JOB_NAME_CHARS_MAX 255
/* The service: bytes of an artifact (4 GB). */
#define ARTIFACT_BYTES_MAX (4ULL << 30)
/* The service: storage mounts of a job. */
#define JOB_MOUNTS_MAX 5

/* A run's name on this node (base/parse.h) and its terminator: OCIDs have at most 200 characters. */
#define RUN_ID_BYTES 216

/* A job document is a page of text; a megabyte is a mistake or an attack. */
#define DOCUMENT_BYTES_MAX (1U << 20)
/* Nesting of a JSON or YAML document: the deepest real one (multi-node job) has 9 levels. */
#define DOCUMENT_DEPTH_MAX 32
/* Nodes of a document: bounds the memory that aliases and many small values can take. */
#define DOCUMENT_NODES_MAX 50000
/* Errors shown at once for a document: more do not help a person. */
#define DIAG_MAX 50

/* One fact (a line of a journal, of the plan, or a message): an environment value of the longest kind,
 * escaped. */
#define FACT_LINE_MAX (192U * 1024)
/* Members of one fact. */
#define FACT_MEMBERS_MAX 64
/* The whole plan: the environment, the arguments and the platform's own variables, escaped, with room. */
#define PLAN_BYTES_MAX (1U << 20)
/* A part of the artifact that stands in the assignment itself. */
#define INLINE_BYTES_MAX (256U * 1024)

/* Files that one plan can place. */
#define PLAN_PLACEMENTS_MAX 12
/* A reference of a container image, or the user in one. */
#define IMAGE_WORD_MAX 512
/* A message between agent and supervisor: one packet. Anything longer travels as a descriptor. */
#define MESSAGE_BYTES_MAX 4096
#define MESSAGE_FDS_MAX   (PLAN_PLACEMENTS_MAX + 2)
/* A journal of one run: some tens of facts; the cap keeps a reader bounded. */
#define JOURNAL_BYTES_MAX (4U << 20)

/* Grace between the first stop signal and the kill. */
#define STOP_GRACE_MS_DEFAULT 30000
#define STOP_GRACE_MS_MAX     (60LL * 60 * 1000)
/* A job may ask to hear of its deadline this long before. */
#define NOTICE_BEFORE_MS_MAX (24LL * 3600 * 1000)
/* After the kill: time the kernel gets to end the tree before the run is called unkillable. */
#define KILL_BUDGET_MS 30000

#endif
