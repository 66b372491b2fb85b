/* assignment_read.c - see assignment.h: reading the assignment document. */
#include "job/assignment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include <stdlib.h>

#include "base/parse.h"
#include "job/parts.h"
#include "job/read.h"

static void read_conda(struct reader *rd, const struct node *map, struct job_request *request)
{
    static const char *const KNOWN[] = {"type", "slug", "prefix"};
    int type;

    check_keys(rd, map, KNOWN, ARRAY_SIZE(KNOWN));
    type = field_choice(rd, map, "type", CONDA_TYPE_NAMES, CONDA_TYPE_COUNT);
    if (type < 0 && field(rd, map, "type") == NULL)
        diag_error(rd->diags, node_where(map), "'type' is missing");
    if (type >= 0)
        request->conda_type = (enum conda_type)type;
    field_string(rd, map, "slug", &request->conda_slug);
    if (request->conda_slug != NULL && !file_name_valid(request->conda_slug))
        diag_error(rd->diags, node_where(map), "'slug' must be a plain name");
    /* An empty prefix is the decision for the system's Python. */
    field_string(rd, map, "prefix", &request->conda_prefix);
    request->conda_decided = request->conda_prefix != NULL;
    if (request->conda_decided && request->conda_prefix[0] == '\0') {
        free(request->conda_prefix);
        request->conda_prefix = NULL;
    } else if (request->conda_decided && request->conda_prefix[0] != '/') {
        diag_error(rd->diags, node_where(map), "'prefix' must be an absolute path");
    }
}

/* Copies the part but for its source, which it takes over. */
static void keep_part(struct reader *rd, struct artifact *a, struct artifact_part *part,
                      const struct node *at)
{
    int r;

    if (a->count == ARTIFACT_PARTS_MAX) {
        diag_error(rd->diags, node_where(at), "more than %d parts", ARTIFACT_PARTS_MAX);
        return;
    }
    r = artifact_add(a, part->form, part->path, part->name, part->into);
    if (r < 0) {
        rd->no_memory = true;
        return;
    }
    a->part[a->count - 1].flatten = part->flatten;
    a->part[a->count - 1].input = part->input;
    a->part[a->count - 1].source = part->source;
    part->source = (struct part_source){0};
}

static bool part_sound(struct reader *rd, const struct node *map, int form, const struct artifact_part *part)
{
    bool local = part->path != NULL;

    if (form < 0 || local == (part->source.uri != NULL || part->source.content != NULL) ||
        (local && part->path[0] == '\0') || part->name == NULL || part->into == NULL)
        diag_error(rd->diags, node_where(map),
                   "a part needs form, name, into, and one of path, uri and content");
    else if (!file_name_valid(part->name) ||
             (form == ARTIFACT_ENTRY_PROGRAM && (!local || !file_name_valid(part->path))))
        diag_error(rd->diags, node_where(map), "the name of a part must be a plain file name");
    else if (part->into[0] != '\0' && !inner_path_valid(part->into))
        diag_error(rd->diags, node_where(map), "'into' must be a relative path without '..'");
    else
        return true;
    return false;
}

static void read_part(struct reader *rd, const struct node *map, struct artifact *a)
{
    static const char *const KNOWN[] = {"form", "path",  "name",   "into",    "flatten", "uri",
                                        "md5",  "input", "sha256", "content", "bearer"};
    struct artifact_part part = {0};
    size_t errors = rd->diags->errors;
    int form;

    if (map->kind != NODE_MAP) {
        wrong_kind(rd, map, "a mapping");
        return;
    }
    check_keys(rd, map, KNOWN, ARRAY_SIZE(KNOWN));
    form = field_choice(rd, map, "form", ARTIFACT_FORM_NAMES, ARTIFACT_FORM_COUNT);
    field_string(rd, map, "path", &part.path);
    field_string(rd, map, "name", &part.name);
    field_string(rd, map, "into", &part.into);
    field_string(rd, map, "bearer", &part.source.bearer);
    field_bool(rd, map, "flatten", &part.flatten);
    field_bool(rd, map, "input", &part.input);
    if (field(rd, map, "uri") != NULL || field(rd, map, "content") != NULL)
        source_read(rd, map, &part.source);
    part.form = form >= 0 ? (enum artifact_form)form : ARTIFACT_FILE;
    if (rd->diags->errors == errors && part_sound(rd, map, form, &part))
        keep_part(rd, a, &part, map);
    part_source_clear(&part.source);
    free(part.path);
    free(part.name);
    free(part.into);
}

static void read_artifact(struct reader *rd, const struct node *map, struct artifact *a)
{
    static const char *const KNOWN[] = {"fileName", "parts"};
    const struct node *parts;

    check_keys(rd, map, KNOWN, ARRAY_SIZE(KNOWN));
    field_string(rd, map, "fileName", &a->file_name);
    if (a->file_name != NULL && !file_name_valid(a->file_name))
        diag_error(rd->diags, node_where(map), "'fileName' must be a plain file name");
    parts = field_list(rd, map, "parts");
    for (size_t i = 0; parts != NULL && i < parts->count; i++)
        read_part(rd, parts->item[i], a);
}

static void read_documents(struct reader *rd, const struct node *root, struct job_request *request)
{
    const struct node *job = field_map(rd, root, "job");
    const struct node *run = field_map(rd, root, "jobRun");

    if (field(rd, root, "job") == NULL)
        diag_error(rd->diags, node_where(root), "'job' is missing");
    if (job != NULL && oci_read_job(job, request, rd->diags) == -ENOMEM)
        rd->no_memory = true;
    if (field(rd, root, "jobRun") == NULL)
        diag_error(rd->diags, node_where(root), "'jobRun' is missing");
    if (run != NULL && oci_read_job_run(run, request, rd->diags) == -ENOMEM)
        rd->no_memory = true;
}

static void read_node(struct reader *rd, const struct node *map, struct cluster *c)
{
    static const char *const KNOWN[] = {"group", "address", "fqdn"};
    AUTO_FREE char *group = NULL;
    AUTO_FREE char *address = NULL;
    AUTO_FREE char *fqdn = NULL;
    int r = -EINVAL;

    if (map->kind == NODE_MAP) {
        check_keys(rd, map, KNOWN, ARRAY_SIZE(KNOWN));
        field_string(rd, map, "group", &group);
        field_string(rd, map, "address", &address);
        field_string(rd, map, "fqdn", &fqdn);
    }
    if (group != NULL && address != NULL)
        r = cluster_add(c, group, address, fqdn != NULL ? fqdn : "");
    if (r == -ENOMEM)
        rd->no_memory = true;
    else if (r == -E2BIG)
        diag_error(rd->diags, node_where(map), "more than %d nodes", CLUSTER_NODES_MAX);
    else if (r < 0)
        diag_error(rd->diags, node_where(map), "a node has 'group', an IP address as 'address', and 'fqdn'");
}

/* Which node of the run it is, and who all are. */
static void read_member(struct reader *rd, const struct node *map, struct job_request *request)
{
    static const char *const KNOWN[] = {"rank", "interface", "nodes"};
    AUTO_FREE char *interface = NULL;
    const struct node *nodes;
    int64_t rank = -1;

    if (map == NULL)
        return;
    check_keys(rd, map, KNOWN, ARRAY_SIZE(KNOWN));
    nodes = field_list(rd, map, "nodes");
    for (size_t i = 0; nodes != NULL && i < nodes->count; i++)
        read_node(rd, nodes->item[i], &request->cluster);
    field_string(rd, map, "interface", &interface);
    if (interface != NULL && !node_interface_valid(interface))
        diag_error(rd->diags, node_where(field(rd, map, "interface")),
                   "'interface' is not the name of a network interface");
    else if (interface != NULL)
        (void)snprintf(request->cluster.interface, sizeof(request->cluster.interface), "%s", interface);
    field_int(rd, map, "rank", 0, RUN_RANK_MAX, &rank);
    if (rank < 0 || (size_t)rank >= request->cluster.count)
        diag_error(rd->diags, node_where(map), "'rank' must be that of one of the 'nodes'");
    else if (request->job.multi_node)
        diag_error(rd->diags, node_where(map), "a node of a run has no groups of nodes");
    else
        request->rank = (int)rank;
}

/* What is between the control plane and the source, which has read it before: here it only has to be sound. */
static void read_hand_over(struct reader *rd, const struct node *root)
{
    static const char *const KNOWN[] = {"seconds"};
    const struct node *lease = field_map(rd, root, "lease");
    int64_t number = -1;

    field_int(rd, root, "attempt", 1, RUN_ATTEMPT_MAX, &number);
    if (lease == NULL)
        return;
    check_keys(rd, lease, KNOWN, ARRAY_SIZE(KNOWN));
    field_int(rd, lease, "seconds", 1, LEASE_SECONDS_MAX, &number);
    if (field(rd, lease, "seconds") == NULL)
        diag_error(rd->diags, node_where(lease), "'seconds' is missing");
}

int assignment_read(const struct node *root, struct job_request *request, int64_t *ret_epoch,
                    struct diag_list *diags)
{
    static const char *const KNOWN[] = {"job",   "jobRun",  "runtime", "conda", "artifact",
                                        "epoch", "attempt", "lease",   "member"};
    struct reader rd = reader_begin(diags, KEYS_EXACT);
    const struct node *n;
    int64_t epoch = 1;
    int runtime;
    int r;

    if (root == NULL || root->kind != NODE_MAP) {
        diag_error(diags, root != NULL ? node_where(root) : (struct diag_where){0}, "expected an assignment");
        return reader_end(&rd);
    }
    check_keys(&rd, root, KNOWN, ARRAY_SIZE(KNOWN));
    read_documents(&rd, root, request);
    runtime = field_choice(&rd, root, "runtime", RUNTIME_NAMES, RUNTIME_COUNT);
    if (runtime >= 0)
        request->runtime = (enum job_runtime)runtime;
    if ((n = field_map(&rd, root, "conda")) != NULL)
        read_conda(&rd, n, request);
    if ((n = field_map(&rd, root, "artifact")) != NULL)
        read_artifact(&rd, n, &request->artifact);
    read_member(&rd, field_map(&rd, root, "member"), request);
    field_int(&rd, root, "epoch", 0, INT64_MAX, &epoch);
    read_hand_over(&rd, root);
    r = reader_end(&rd);
    if (r == 0)
        *ret_epoch = epoch;
    return r;
}
