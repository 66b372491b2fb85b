/* mounts.c - see parts.h: storage mounts of both document families, and where they may go. */
#include "job/parts.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/mount_target.h"
#include "base/object_location.h"

/* ---- where a mount may go ---- */

static void target_of(const struct storage_mount *m, char out[MOUNT_TARGET_MAX])
{
    const char *path = m->destination_path != NULL ? m->destination_path : "/mnt";

    (void)snprintf(out, MOUNT_TARGET_MAX, "%s%s%s", path, path[strlen(path) - 1] == '/' ? "" : "/",
                   m->destination_directory);
}

static bool destination_valid(struct reader *rd, const struct job_configuration *c,
                              const struct storage_mount *m, const struct node *at)
{
    struct diag_where where = node_where(at);
    char target[MOUNT_TARGET_MAX];
    char other[MOUNT_TARGET_MAX];

    if (m->destination_directory == NULL)
        return false; /* already reported as missing */
    if (!mount_name_valid(m->destination_directory, strlen(m->destination_directory))) {
        diag_error(
            rd->diags, where,
            "'%.60s' cannot be a mount's directory: expected letters, digits, '-' and '_', beginning with a "
            "letter or digit",
            m->destination_directory);
        return false;
    }
    if (m->destination_path != NULL &&
        (!mount_path_valid(m->destination_path) || strlen(m->destination_path) > 512)) {
        diag_error(
            rd->diags, where,
            "'%.60s' cannot be a mount's path: expected an absolute path of letters, digits, '-' and '_'",
            m->destination_path);
        return false;
    }
    target_of(m, target);
    if (mount_target_refused(target)) {
        diag_error(rd->diags, where, "nothing may be mounted at %.100s", target);
        return false;
    }
    for (size_t i = 0; i < c->mount_count; i++) {
        target_of(&c->mount[i], other);
        if (strcmp(other, target) == 0) {
            diag_error(rd->diags, where, "two mounts at %.100s: each needs a place of its own", target);
            return false;
        }
    }
    return true;
}

/* Takes the mount over when it is complete and well placed; frees it otherwise. */
static void add_mount(struct reader *rd, struct job_configuration *c, struct storage_mount *m, bool complete,
                      const struct node *at)
{
    if (destination_valid(rd, c, m, at) && complete && c->mount_count < JOB_MOUNTS_MAX)
        c->mount[c->mount_count++] = *m;
    else
        mount_clear(m);
}

/* The list is read anew: mounts that came before are dropped. */
static void begin_list(struct reader *rd, const struct node *list, struct job_configuration *c)
{
    for (size_t i = 0; i < c->mount_count; i++)
        mount_clear(&c->mount[i]);
    c->mount_count = 0;
    c->has_mounts = true;
    if (list->count > JOB_MOUNTS_MAX)
        diag_error(rd->diags, node_where(list), "%zu storage mounts; the limit is %d", list->count,
                   JOB_MOUNTS_MAX);
}

/* ---- OCI ---- */

static bool need(struct reader *rd, const struct node *map, const char *key, char **ret)
{
    field_string(rd, map, key, ret);
    if (field(rd, map, key) == NULL)
        diag_error(rd->diags, node_where(map), "a storage mount needs '%s'", key);
    else if (*ret != NULL && (*ret)[0] == '\0')
        diag_error(rd->diags, node_where(field(rd, map, key)), "'%s' is empty", key);
    return *ret != NULL && (*ret)[0] != '\0';
}

static void read_oci(struct reader *rd, const struct node *map, struct job_configuration *c)
{
    static const char *const TYPES[] = {"FILE_STORAGE", "OBJECT_STORAGE"};
    static const char *const KNOWN_FILE[] = {
        "storageType", "destinationDirectoryName", "destinationPath", "mountTargetId", "exportId", "source",
        "readOnly"};
    static const char *const KNOWN_OBJECT[] = {"storageType",     "destinationDirectoryName",
                                               "destinationPath", "namespace",
                                               "bucket",          "prefix",
                                               "source",          "readOnly"};
    struct storage_mount m = {0};
    bool complete;
    int type = field_choice(rd, map, "storageType", TYPES, ARRAY_SIZE(TYPES));

    if (type < 0) {
        if (field(rd, map, "storageType") == NULL)
            diag_error(rd->diags, node_where(map),
                       "a storage mount needs 'storageType': FILE_STORAGE or OBJECT_STORAGE");
        return;
    }
    m.object_storage = type == 1;
    complete = need(rd, map, "destinationDirectoryName", &m.destination_directory);
    field_string(rd, map, "destinationPath", &m.destination_path);
    field_string(rd, map, "source", &m.source);
    field_bool(rd, map, "readOnly", &m.read_only);
    if (m.object_storage) {
        check_keys(rd, map, KNOWN_OBJECT, ARRAY_SIZE(KNOWN_OBJECT));
        if (m.source == NULL || strncmp(m.source, "s3://", 5) != 0)
            complete &= need(rd, map, "namespace", &m.namespace_name);
        complete &= need(rd, map, "bucket", &m.bucket);
        field_string(rd, map, "prefix", &m.prefix);
    } else {
        check_keys(rd, map, KNOWN_FILE, ARRAY_SIZE(KNOWN_FILE));
        complete &= need(rd, map, "mountTargetId", &m.mount_target_id);
        complete &= need(rd, map, "exportId", &m.export_id);
    }
    if (m.destination_path != NULL && m.destination_path[0] == '\0') {
        free(m.destination_path);
        m.destination_path = NULL;
    }
    add_mount(rd, c, &m, complete, map);
}

void mounts_read_oci(struct reader *rd, const struct node *list, struct job_configuration *c)
{
    begin_list(rd, list, c);
    for (size_t i = 0; i < list->count; i++) {
        if (list->item[i]->kind == NODE_MAP)
            read_oci(rd, list->item[i], c);
        else
            wrong_kind(rd, list->item[i], "a mapping");
    }
}

/* ---- ADS ---- */

static void assign_n(struct reader *rd, char **ret, const char *s, size_t n)
{
    *ret = strndup(s, n);
    if (*ret == NULL)
        rd->no_memory = true;
}

/* oci://bucket@namespace/prefix or s3://bucket/prefix */
static bool split_object(struct reader *rd, const char *src, struct storage_mount *m)
{
    struct object_location l;

    if (!object_location_parse(src, &l))
        return false;
    m->object_storage = true;
    assign(rd, &m->bucket, l.bucket);
    if (l.namespace_name[0] != '\0')
        assign(rd, &m->namespace_name, l.namespace_name);
    if (l.prefix[0] != '\0')
        assign(rd, &m->prefix, l.prefix);
    return true;
}

/* <mount target OCID>:<export OCID>, or <IPv4>:<export path> (also with '@', as ADS's text shows it). */
static bool split_file(struct reader *rd, const char *src, struct storage_mount *m)
{
    size_t n = strcspn(src, ":@");
    char address[64] = "";
    struct in_addr ip;

    if (src[n] == '\0' || src[n + 1] == '\0')
        return false;
    if (strncmp(src, "ocid", 4) != 0) {
        (void)snprintf(address, sizeof(address), "%.*s", (int)(n < 63 ? n : 63), src);
        if (inet_pton(AF_INET, address, &ip) != 1)
            return false;
    }
    assign_n(rd, &m->mount_target_id, src, n);
    assign(rd, &m->export_id, src + n + 1);
    return true;
}

/* "fss" is /mnt/fss, "/fss" is /fss, "/opc/fss" is what it says. */
static void split_destination(struct reader *rd, const char *dest, struct storage_mount *m)
{
    size_t n = strlen(dest);
    size_t name;

    while (n > 1 && dest[n - 1] == '/')
        n--;
    name = n;
    while (name > 0 && dest[name - 1] != '/')
        name--;
    assign_n(rd, &m->destination_directory, dest + name, n - name);
    if (name > 0)
        assign_n(rd, &m->destination_path, dest, name > 1 ? name - 1 : 1);
}

static void read_ads(struct reader *rd, const struct node *map, struct job_configuration *c)
{
    static const char *const KNOWN[] = {"src", "dest", "readOnly"};
    struct storage_mount m = {0};
    AUTO_FREE char *dest = NULL;
    bool complete;

    check_keys(rd, map, KNOWN, ARRAY_SIZE(KNOWN));
    complete = need(rd, map, "src", &m.source);
    complete &= need(rd, map, "dest", &dest);
    field_bool(rd, map, "readOnly", &m.read_only);
    if (!complete) {
        mount_clear(&m);
        return;
    }
    complete =
        strstr(m.source, "://") != NULL ? split_object(rd, m.source, &m) : split_file(rd, m.source, &m);
    if (!complete)
        diag_error(rd->diags, node_where(field(rd, map, "src")),
                   "'%.80s': expected oci://bucket@namespace/prefix, s3://bucket/prefix, <mount target "
                   "OCID>:<export "
                   "OCID> or <IPv4>:<path>",
                   m.source);
    split_destination(rd, dest, &m);
    add_mount(rd, c, &m, complete, field(rd, map, "dest"));
}

void mounts_read_ads(struct reader *rd, const struct node *list, struct job_configuration *c)
{
    begin_list(rd, list, c);
    for (size_t i = 0; i < list->count; i++) {
        if (list->item[i]->kind == NODE_MAP)
            read_ads(rd, list->item[i], c);
        else
            wrong_kind(rd, list->item[i], "a mapping with src and dest");
    }
}
