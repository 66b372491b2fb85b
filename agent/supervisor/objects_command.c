/* objects_command.c - see objects_command.h. */
#include "supervisor/objects_command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/strbuf.h"

#define AMAZON_REGION "us-east-1"
/* A bucket that is there says "nothing" of a folder that is not; one that is not there says so. */
#define NO_FOLDER ".runlet-looks-for-the-bucket"

static int __attribute__((format(printf, 2, 3))) add(struct strlist *out, const char *format, ...)
{
    char text[OBJECT_PREFIX_MAX + OBJECT_BUCKET_MAX + 512];
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    return n < 0 || (size_t)n >= sizeof(text) ? -E2BIG : strlist_add(out, text);
}

static int add_all(struct strlist *out, const char *const *words, size_t count)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++)
        r = strlist_add(out, words[i]);
    return r;
}

static int add_endpoint(const struct objects_policy *policy, const struct object_location *l,
                        struct strlist *out)
{
    if (policy->endpoint[0] != '\0')
        return add(out, "RCLONE_CONFIG_RUNLET_ENDPOINT=%s", policy->endpoint);
    if (l->namespace_name[0] == '\0')
        return 0;
    return add(out, "RCLONE_CONFIG_RUNLET_ENDPOINT=https://%s.compat.objectstorage.%s.oraclecloud.com",
               l->namespace_name, policy->region);
}

int objects_environment(const struct objects_policy *policy, const struct object_location *l,
                        struct strlist *out)
{
    bool amazon = policy->endpoint[0] == '\0' && l->namespace_name[0] == '\0';
    const char *const words[] = {
        "LC_ALL=C.UTF-8",
        "HOME=/nonexistent",
        "RCLONE_CONFIG=",
        "RCLONE_CONFIG_RUNLET_TYPE=s3",
        "RCLONE_CONFIG_RUNLET_ENV_AUTH=true",
        "RCLONE_CONFIG_RUNLET_NO_CHECK_BUCKET=true",
        amazon ? "RCLONE_CONFIG_RUNLET_PROVIDER=AWS" : "RCLONE_CONFIG_RUNLET_PROVIDER=Other",
        amazon ? "RCLONE_CONFIG_RUNLET_FORCE_PATH_STYLE=false" : "RCLONE_CONFIG_RUNLET_FORCE_PATH_STYLE=true",
        "AWS_CONFIG_FILE=/dev/null",
        "AWS_EC2_METADATA_DISABLED=true",
    };
    int r = add_all(out, words, ARRAY_SIZE(words));

    if (r == 0)
        r = add(out, "PATH=/proc/self/fd/%d/bin", OBJECTS_CACHE_FD);
    if (r == 0)
        r = add(out, "AWS_SHARED_CREDENTIALS_FILE=/proc/self/fd/%d", OBJECTS_KEY_FD);
    if (r == 0)
        r = add(out, "AWS_PROFILE=%s", policy->profile);
    if (r == 0)
        r = add(out, "RCLONE_CONFIG_RUNLET_REGION=%s",
                policy->region[0] != '\0' ? policy->region : AMAZON_REGION);
    if (r == 0 && policy->ca_file[0] != '\0')
        r = add(out, "RCLONE_CA_CERT=%s", policy->ca_file);
    return r == 0 ? add_endpoint(policy, l, out) : r;
}

int objects_remote(const struct object_location *l, const char *below, struct strlist *out)
{
    return add(out, "runlet:%s%s%s%s%s", l->bucket, l->prefix[0] != '\0' ? "/" : "", l->prefix,
               below[0] != '\0' ? "/" : "", below);
}

/* A server that does not answer is given up in time. */
static int add_patience(const struct objects_policy *policy, int tries, struct strlist *out)
{
    int64_t idle_s = policy->timeout_ms / 3 / 1000 > 1 ? policy->timeout_ms / 3 / 1000 : 1;
    int r = add(out, "--contimeout=%llds", (long long)(idle_s < 15 ? idle_s : 15));

    if (r == 0)
        r = add(out, "--timeout=%llds", (long long)idle_s);
    if (r == 0)
        r = add(out, "--low-level-retries=%d", tries);
    return r == 0 ? strlist_add(out, "--retries=1") : r;
}

int objects_look_arguments(const struct objects_policy *policy, const struct object_location *l,
                           struct strlist *out)
{
    const struct object_location bucket = {.bucket = ""};
    struct object_location top = bucket;
    const char *const words[] = {"rclone", "lsf", "--max-depth=1"};
    int r = add_all(out, words, ARRAY_SIZE(words));

    (void)snprintf(top.bucket, sizeof(top.bucket), "%s", l->bucket);
    (void)snprintf(top.prefix, sizeof(top.prefix), "%s", l->prefix);
    if (r == 0)
        r = add_patience(policy, 3, out);
    return r == 0 ? objects_remote(&top, NO_FOLDER, out) : r;
}

int objects_mount_arguments(const struct objects_policy *policy, const struct object_location *l,
                            const struct user_ids *owner, bool read_only, struct strlist *out)
{
    /* Files are whole in the cache before they are uploaded, soon after they were closed. */
    const char *const words[] = {"rclone",
                                 "mount",
                                 "--allow-other",
                                 "--default-permissions",
                                 "--umask=022",
                                 "--vfs-cache-mode=full",
                                 "--vfs-write-back=1s",
                                 "--vfs-cache-poll-interval=15s",
                                 "--dir-cache-time=30s",
                                 "--log-level=NOTICE"};
    int r = add_all(out, words, ARRAY_SIZE(words));

    if (r == 0)
        r = add_patience(policy, 3, out);
    if (r == 0)
        r = add(out, "--uid=%u", (unsigned)owner->uid);
    if (r == 0)
        r = add(out, "--gid=%u", (unsigned)owner->gid);
    if (r == 0)
        r = add(out, "--vfs-cache-max-size=%lldB", (long long)policy->cache_bytes);
    if (r == 0)
        r = add(out, "--cache-dir=/proc/self/fd/%d", OBJECTS_CACHE_FD);
    if (r == 0 && read_only)
        r = strlist_add(out, "--read-only");
    if (r == 0)
        r = objects_remote(l, "", out);
    return r == 0 ? add(out, "/proc/self/fd/%d/mnt", OBJECTS_CACHE_FD) : r;
}

int objects_copy_arguments(const struct objects_policy *policy, const struct object_location *to,
                           const char *name, struct strlist *out)
{
    /* Links are passed over, and so is what is neither file nor folder. */
    const char *const words[] = {
        "rclone", "copy", "--no-traverse", "--stats=2s", "--stats-one-line", "--stats-log-level=NOTICE"};
    int r = add_all(out, words, ARRAY_SIZE(words));

    if (r == 0)
        r = add_patience(policy, 10, out);
    if (r == 0)
        r = add(out, "/proc/self/fd/%d%s%s", OBJECTS_SOURCE_FD, name[0] != '\0' ? "/" : "", name);
    return r == 0 ? objects_remote(to, "", out) : r;
}

const char *objects_remedy(const char *words)
{
    if (strstr(words, "not installed") != NULL)
        return "install the package rclone";
    if (strstr(words, "SignatureDoesNotMatch") != NULL || strstr(words, "InvalidAccessKeyId") != NULL ||
        strstr(words, "NoCredentialProviders") != NULL)
        return "check the key in the file that objects.credentials names, and objects.profile";
    if (strstr(words, "AccessDenied") != NULL || strstr(words, "Forbidden") != NULL)
        return "let the key's user in by a policy of the bucket, or check the key in the file that "
               "objects.credentials names";
    if (strstr(words, "NoSuchBucket") != NULL || strstr(words, "directory not found") != NULL)
        return "check the names of bucket and namespace, and objects.region";
    if (strstr(words, "x509") != NULL || strstr(words, "certificate") != NULL)
        return "check the certificate of the server and objects.caFile";
    return "see that the server can be reached from this machine, and check objects.endpoint and "
           "objects.region";
}
