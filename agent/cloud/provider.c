/* provider.c - see provider.h. */
#include "cloud/provider.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/auto.h"
#include "format/read.h"

#define NOWHERE ((struct diag_where){0})

enum cloud_provider cloud_provider_of(const char *name)
{
    static const char *const NAMES[] = {
        [CLOUD_OCI] = "oci", [CLOUD_AWS] = "aws", [CLOUD_GCP] = "gcp", [CLOUD_AZURE] = "azure"};

    for (size_t i = CLOUD_OCI; i < ARRAY_SIZE(NAMES); i++)
        if (strcmp(NAMES[i], name) == 0)
            return (enum cloud_provider)i;
    return CLOUD_NONE;
}

const char *cloud_endpoint(enum cloud_provider provider)
{
    /* Google's name is not asked for: it has the same address, and needs no name service. */
    return provider == CLOUD_NONE ? "" : "http://169.254.169.254";
}

const char *cloud_header(enum cloud_provider provider)
{
    switch (provider) {
    case CLOUD_OCI: return "Authorization: Bearer Oracle";
    case CLOUD_GCP: return "Metadata-Flavor: Google";
    case CLOUD_AZURE: return "Metadata: true";
    case CLOUD_AWS:
    case CLOUD_NONE:
    default: return NULL;
    }
}

const char *cloud_identity_path(enum cloud_provider provider)
{
    switch (provider) {
    case CLOUD_OCI: return "/opc/v2/instance/";
    case CLOUD_AWS: return "/latest/dynamic/instance-identity/document";
    case CLOUD_GCP: return "/computeMetadata/v1/instance/?recursive=true";
    case CLOUD_AZURE: return "/metadata/instance/compute?api-version=2021-02-01";
    case CLOUD_NONE:
    default: return NULL;
    }
}

const char *cloud_document_path(enum cloud_provider provider, bool *ret_base64)
{
    *ret_base64 = provider == CLOUD_AZURE;
    switch (provider) {
    case CLOUD_OCI: return "/opc/v2/instance/metadata/runlet";
    case CLOUD_AWS: return "/latest/user-data";
    case CLOUD_GCP: return "/computeMetadata/v1/instance/attributes/runlet";
    case CLOUD_AZURE: return "/metadata/instance/compute/userData?api-version=2021-01-01&format=text";
    case CLOUD_NONE:
    default: return NULL;
    }
}

const char *cloud_notice_path(enum cloud_provider provider, size_t i)
{
    if (provider == CLOUD_AWS && i == 0)
        return "/latest/meta-data/spot/instance-action";
    if (provider == CLOUD_GCP && i == 0)
        return "/computeMetadata/v1/instance/preempted";
    if (provider == CLOUD_GCP && i == 1)
        return "/computeMetadata/v1/instance/maintenance-event";
    if (provider == CLOUD_AZURE && i == 0)
        return "/metadata/scheduledevents?api-version=2020-07-01";
    return NULL;
}

bool cloud_notice_waits(enum cloud_provider provider)
{
    return provider == CLOUD_GCP;
}

/* ---- reading ---- */

static const char *text_of(const struct node *map, const char *key)
{
    const struct node *n = node_get(map, key);

    return n != NULL && (n->kind == NODE_STRING || n->kind == NODE_INT) ? n->text : "";
}

/* Google names things by paths: the last part is the name. */
static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/* Copies a name: letters, digits and what stands in ids and names of hosts. */
static int take(const char *what, const char *text, char *ret, size_t size, struct diag_list *diags)
{
    for (const char *p = text; *p != '\0'; p++)
        if (!isalnum((unsigned char)*p) && strchr("._-", *p) == NULL) {
            diag_error(diags, NOWHERE, "%s: unexpected characters", what);
            return -EBADMSG;
        }
    if (strlen(text) >= size) {
        diag_error(diags, NOWHERE, "%s: is longer than %zu bytes", what, size - 1);
        return -EBADMSG;
    }
    (void)snprintf(ret, size, "%s", text);
    return 0;
}

/* "us-east1" of the zone "us-east1-b". */
static void zone_to_region(char *zone)
{
    char *dash = strrchr(zone, '-');

    if (dash != NULL)
        *dash = '\0';
}

static int parse(const char *body, size_t n, struct node **ret, struct diag_list *diags)
{
    size_t errors = diags->errors;

    *ret = json_read(body, n, diags);
    if (*ret == NULL)
        return diags->errors > errors ? -EBADMSG : -ENOMEM;
    if ((*ret)->kind == NODE_MAP)
        return 0;
    diag_error(diags, node_where(*ret), "expected a mapping, found %s", node_kind_name((*ret)->kind));
    return -EBADMSG;
}

int cloud_identity_read(enum cloud_provider provider, const char *body, size_t n, struct cloud_identity *ret,
                        struct diag_list *diags)
{
    static const struct {
        const char *id, *shape, *region, *name;
    } KEYS[] = {
        [CLOUD_OCI] = {"id", "shape", "canonicalRegionName", ""},
        [CLOUD_AWS] = {"instanceId", "instanceType", "region", ""},
        [CLOUD_GCP] = {"id", "machineType", "zone", "name"},
        [CLOUD_AZURE] = {"vmId", "vmSize", "location", "name"},
    };
    AUTO(node) struct node *root = NULL;
    int r;

    *ret = (struct cloud_identity){0};
    if (provider == CLOUD_NONE)
        return -EINVAL;
    r = parse(body, n, &root, diags);
    if (r == 0)
        r = take(KEYS[provider].id, text_of(root, KEYS[provider].id), ret->id, sizeof(ret->id), diags);
    if (r == 0)
        r = take(KEYS[provider].shape, last_part(text_of(root, KEYS[provider].shape)), ret->shape,
                 sizeof(ret->shape), diags);
    if (r == 0)
        r = take(KEYS[provider].region, last_part(text_of(root, KEYS[provider].region)), ret->region,
                 sizeof(ret->region), diags);
    if (r == 0)
        r = take("name", text_of(root, KEYS[provider].name), ret->name, sizeof(ret->name), diags);
    if (r == 0 && ret->id[0] == '\0') {
        diag_error(diags, node_where(root), "%s is missing", KEYS[provider].id);
        r = -EBADMSG;
    }
    if (r == 0 && provider == CLOUD_GCP)
        zone_to_region(ret->region);
    return r;
}

/* "2017-09-18T08:22:00Z" and "Mon, 19 Sep 2016 18:29:47 GMT". 0: neither. */
static wall_ms_t time_of(const char *text)
{
    static const char *const FORMATS[] = {"%Y-%m-%dT%H:%M:%SZ", "%a, %d %b %Y %H:%M:%S GMT"};

    for (size_t i = 0; i < ARRAY_SIZE(FORMATS); i++) {
        struct tm tm = {0};
        const char *end = strptime(text, FORMATS[i], &tm);
        if (end != NULL && *end == '\0')
            return (wall_ms_t){(int64_t)timegm(&tm) * 1000};
    }
    return (wall_ms_t){0};
}

static void say(struct cloud_notice *ret, const char *what, wall_ms_t when)
{
    ret->there = true;
    ret->when = when;
    (void)snprintf(ret->what, sizeof(ret->what), "%.63s", what);
    for (char *p = ret->what; *p != '\0'; p++)
        if (!isalnum((unsigned char)*p) && strchr("._-", *p) == NULL)
            *p = '?';
}

/* {"action": "terminate", "time": "2017-09-18T08:22:00Z"} */
static int read_amazon(const char *body, size_t n, struct cloud_notice *ret, struct diag_list *diags)
{
    AUTO(node) struct node *root = NULL;
    int r = parse(body, n, &root, diags);

    if (r < 0)
        return r;
    if (text_of(root, "action")[0] == '\0') {
        diag_error(diags, node_where(root), "action is missing");
        return -EBADMSG;
    }
    say(ret, text_of(root, "action"), time_of(text_of(root, "time")));
    return 0;
}

/* One word: TRUE or FALSE; NONE, or what is done on the maintenance of the host. A migration is none of our business. */
static int read_google(size_t i, const char *body, size_t n, struct cloud_notice *ret,
                       struct diag_list *diags)
{
    char word[64];

    while (n > 0 && isspace((unsigned char)body[n - 1]))
        n--;
    (void)snprintf(word, sizeof(word), "%.*s", (int)(n < sizeof(word) ? n : sizeof(word) - 1), body);
    if (i == 0 && strcasecmp(word, "TRUE") == 0)
        say(ret, "preempted", (wall_ms_t){0});
    else if (i == 1 && strcmp(word, "TERMINATE_ON_HOST_MAINTENANCE") == 0)
        say(ret, word, (wall_ms_t){0});
    else if (i == 0 ? strcasecmp(word, "FALSE") != 0
                    : strcmp(word, "NONE") != 0 && strcmp(word, "MIGRATE_ON_HOST_MAINTENANCE") != 0) {
        diag_error(diags, NOWHERE, "is not among the words that are known");
        return -EBADMSG;
    }
    return 0;
}

/* Whether the event is of this machine, and takes it away: a freeze is over in seconds. */
static bool concerns(const struct node *event, const char *name)
{
    const struct node *resources = node_get(event, "Resources");
    const char *type = text_of(event, "EventType");

    if (strcmp(type, "Preempt") != 0 && strcmp(type, "Terminate") != 0 && strcmp(type, "Reboot") != 0 &&
        strcmp(type, "Redeploy") != 0)
        return false;
    for (size_t i = 0; resources != NULL && i < resources->count; i++)
        if (resources->item[i]->kind == NODE_STRING && strcasecmp(resources->item[i]->text, name) == 0)
            return true;
    return false;
}

/* All events of all machines of the service or the set; the earliest of ours counts. */
static int read_microsoft(const char *name, const char *body, size_t n, struct cloud_notice *ret,
                          struct diag_list *diags)
{
    AUTO(node) struct node *root = NULL;
    const struct node *events;
    int r = parse(body, n, &root, diags);

    if (r < 0)
        return r;
    events = node_get(root, "Events");
    if (events == NULL || events->kind != NODE_SEQ) {
        diag_error(diags, node_where(root), "Events is missing");
        return -EBADMSG;
    }
    for (size_t i = 0; i < events->count; i++) {
        const struct node *event = events->item[i];
        wall_ms_t when = time_of(text_of(event, "NotBefore"));
        if (concerns(event, name) && (!ret->there || when.ms < ret->when.ms))
            say(ret, text_of(event, "EventType"), when);
    }
    return 0;
}

int cloud_notice_read(enum cloud_provider provider, size_t i, const char *name, long status, const char *body,
                      size_t n, struct cloud_notice *ret, struct diag_list *diags)
{
    *ret = (struct cloud_notice){0};
    if (status == 404 && provider == CLOUD_AWS)
        return 0;
    if (status != 200) {
        diag_error(diags, NOWHERE, "status %ld", status);
        return -EBADMSG;
    }
    switch (provider) {
    case CLOUD_AWS: return read_amazon(body, n, ret, diags);
    case CLOUD_GCP: return read_google(i, body, n, ret, diags);
    case CLOUD_AZURE: return read_microsoft(name, body, n, ret, diags);
    case CLOUD_OCI:
    case CLOUD_NONE:
    default: return -EINVAL;
    }
}
