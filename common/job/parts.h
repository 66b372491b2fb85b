/*
 * parts.h - pieces of the model that the readers share. Private to this folder.
 */
#ifndef JOB_PARTS_H
#define JOB_PARTS_H

#include "job/fields.h"
#include "job/job.h"

/* ---- words of documents, indexed by the enum (model.c) ---- */

extern const char *const RUNTIME_NAMES[RUNTIME_COUNT];
extern const char *const ARTIFACT_FORM_NAMES[ARTIFACT_FORM_COUNT];
#define INFRASTRUCTURE_TYPE_COUNT 5
extern const char *const INFRASTRUCTURE_TYPES[INFRASTRUCTURE_TYPE_COUNT];
extern const char *const CONDA_TYPE_NAMES[CONDA_TYPE_COUNT];

/* ---- freeing ---- */

void mount_clear(struct storage_mount *m);
void container_free(struct container_details *c);
void part_source_clear(struct part_source *s);
void artifact_clear(struct artifact *a);
void node_group_clear(struct node_group *g);

/* ---- configuration: what job and run documents have in common (configuration.c) ---- */

/* More variables than this cannot have so few characters that the service would take them. */
#define CONFIGURATION_ENV_MAX (JOB_ENV_CHARS_MAX / 2)

/* The service's smallest block volume; far above its largest. */
#define BLOCK_STORAGE_GB_MIN 50
#define BLOCK_STORAGE_GB_MAX 10240

/* Absent numbers of a zeroed request become -1. Safe to call twice: only what is still zero changes. */
void configuration_init(struct job_configuration *c);

/* Adds a variable of layer `layer`; the key must be one a job may use. `at` is where to complain. */
void configuration_set_env(struct reader *rd, struct env *env, enum env_layer layer, const char *key,
                           const char *value, const struct node *at);

/* Sum of characters over keys and values of the layers job and run. */
size_t env_characters(const struct env *env);

/* Checks the service's limit on the characters of env; `at` is where to complain. */
void configuration_check_env(struct reader *rd, const struct env *env, const struct node *at);

/* Takes the one string of arguments: checks its length and its quotes. */
void configuration_set_arguments(struct reader *rd, struct job_configuration *c, const char *arguments,
                                 const struct node *at);

/* maximumRuntimeInMinutes under its key in `map`. */
void configuration_read_minutes(struct reader *rd, struct job_configuration *c, const struct node *map);

/* displayName or name: at most 255 characters. */
void check_name(struct reader *rd, const char *name, const struct node *at);

/* The service: a container has an image; cmd and entrypoint together stay below 2,048 bytes. */
void container_check_image(struct diag_list *diags, const struct container_details *d, struct diag_where at);
void check_container(struct reader *rd, const struct container_details *d, const struct node *at);

/* A path inside the artifact: relative, without "..". */
bool inner_path_valid(const char *path);

/* ---- x-runlet (x_runlet.c) ---- */

/* A block that says nothing. */
void x_runlet_init(struct x_runlet *x);

/* Reads the block under `x-runlet` in map, if any; given members replace those in *x. */
void x_runlet_read(struct reader *rd, const struct node *map, struct x_runlet *x);

/* "TERM" for SIGTERM, ...; NULL when the signal is not one a job document may name. */
const char *stop_signal_name(int signal);

/* What the shape gives a run: a memory limit and a CPU quota. The service's OCPU is a core: two hardware threads on
 * x86, one on Arm, whose shapes have ".A1." or ".A2." in their names. */
void shape_limits(const struct job *job, struct run_limits *ret);

/* ---- OCI documents (oci.c) ---- */

void oci_read_configuration(struct reader *rd, const struct node *map, enum env_layer layer,
                            struct job_configuration *c);
void oci_read_container(struct reader *rd, const struct node *map, struct job_configuration *c);
void oci_read_infrastructure(struct reader *rd, const struct node *map, struct infrastructure *infra);

/* ---- nodes (nodes.c) ---- */

/* jobNodeConfigurationDetails. One group of one node is a job as any other: what the group says becomes the job's. */
void nodes_read(struct reader *rd, const struct node *map, struct job_request *request);

/* jobNodeConfigurationOverrideDetails: for the groups of the job, by their names; of a job of one node the only group. */
void nodes_read_overrides(struct reader *rd, const struct node *map, struct job_request *request);

/* As ADS calls its only group. */
#define ADS_GROUP "node-group"

/* Appends a group that says nothing of its own; NULL (reported at `at`) when there are too many nodes or groups, or no memory. */
struct node_group *nodes_add_group(struct reader *rd, struct job *job, const char *name, int64_t replicas,
                                   const struct node *at);

/* startupProbeDetails; a map of NULL means nothing. */
void probe_read(struct reader *rd, const struct node *map, struct startup_probe *ret);

/* ---- storage mounts (mounts.c) ---- */

/* jobStorageMountConfigurationDetailsList */
void mounts_read_oci(struct reader *rd, const struct node *list, struct job_configuration *c);
/* storageMount of the ADS infrastructure: [{src, dest}] */
void mounts_read_ads(struct reader *rd, const struct node *list, struct job_configuration *c);

/* ---- conda (conda.c) ---- */

/* What CONDA_ENV_TYPE and the variables beside it say. *ret_problem is a sentence, or NULL; *ret_slug is
 * malloc'd or NULL. 0 or -ENOMEM. */
int conda_from_env(const struct env *env, enum conda_type *ret_type, char **ret_slug,
                   const char **ret_problem);

/* Reads the request's conda members from its job's env, reporting at `at`. */
void conda_note(struct reader *rd, struct job_request *request, const struct node *at);

#define FETCHED_TYPES ".py, .sh, .jar, .ipynb, .zip or a .tar"

/* ---- parts that come from elsewhere (sources.c) ---- */

/* `artifact` and `inputs` of the block x-runlet in map. With take_artifact false the code is named elsewhere, and `artifact` is
 * an error. */
void sources_read(struct reader *rd, const struct node *map, bool take_artifact, struct job_request *request);

/* Where neither may stand: in a run's document. */
void sources_refuse(struct reader *rd, const struct node *map);

/* Reads uri, sha256, md5 and content of a part; at least one of uri and content is given and sound, or it is reported. */
void source_read(struct reader *rd, const struct node *map, struct part_source *ret);

/* The file name at the end of a URI, malloc'd; NULL (reported at `at`) when that is none. */
char *source_name(struct reader *rd, const char *uri, const struct node *at);

/* Removes the parts that are not inputs. */
void artifact_drop_code(struct artifact *a);

/* ---- artifact parts (artifact.c) ---- */

/* Appends a part; path (NULL: it will have a source), name and into are copied. */
int artifact_add(struct artifact *a, enum artifact_form form, const char *path, const char *name,
                 const char *into);

/* Appends one of runlet's entry programs and the modules it imports. */
int artifact_add_entry_program(struct artifact *a, const char *program);

/* What a path looks like by its name alone: a known file type, an archive, else a directory. `.ipynb` is a
 * file. */
enum artifact_form artifact_guess(const char *path);

/* The last component of a path, without slashes at its end; malloc'd. */
char *path_name(const char *path);

/* The entry programs, by file name, and the folders they expect. */
#define ENTRY_PYTHON   "driver_python.py"
#define ENTRY_NOTEBOOK "driver_notebook.py"
#define ENTRY_GIT      "driver_git.py"
#define ENTRY_PYTORCH  "driver_pytorch.py"
#define ENTRY_COMMON   "driver_common.py"
#define INTO_ARCHIVE   "decompressed_artifact"
#define INTO_CODE      "decompressed_artifact/code"

#endif
