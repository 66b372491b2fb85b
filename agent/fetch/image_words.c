/* image_words.c - see image_words.h. */
#include "fetch/image_words.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"

bool image_registry_insecure(const struct image_settings *s, const char *registry)
{
    size_t n = strlen(registry);

    for (const char *at = s->insecure_registries; *(at += strspn(at, " ")) != '\0';) {
        size_t length = strcspn(at, " ");
        if (length == n && memcmp(at, registry, n) == 0)
            return true;
        at += length;
    }
    return false;
}

static int add(struct strlist *list, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (words[i] != NULL && strlist_add(list, words[i]) < 0)
            return -ENOMEM;
    return 0;
}

#define ADD(list, ...)                                                                                       \
    add(list, (const char *const[]){__VA_ARGS__}, ARRAY_SIZE(((const char *const[]){__VA_ARGS__})))

static int add_formatted(struct strlist *list, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int add_formatted(struct strlist *list, const char *format, ...)
{
    AUTO_FREE char *text = NULL;
    va_list args;
    int n;

    va_start(args, format);
    n = vasprintf(&text, format, args);
    va_end(args);
    return n < 0 ? -ENOMEM : strlist_add(list, text);
}

/* A digest names an image for good, so that a tag has nothing to add. */
static int add_source(struct strlist *list, const struct image_ref *ref, const char *digest)
{
    if (digest[0] == '\0')
        digest = ref->digest;
    if (digest[0] != '\0')
        return add_formatted(list, "docker://%s@%s", ref->name, digest);
    return add_formatted(list, "docker://%s:%s", ref->name, ref->tag[0] != '\0' ? ref->tag : "latest");
}

int image_inspect_command(const struct image_settings *s, const struct image_ref *ref, const char *digest,
                          struct strlist *ret)
{
    bool auth = s->auth_file[0] != '\0';

    if (ADD(ret, s->skopeo, "inspect", "--raw", "--retry-times", "2", auth ? "--authfile" : "--no-creds",
            auth ? s->auth_file : NULL,
            image_registry_insecure(s, ref->registry) ? "--tls-verify=false" : NULL) < 0)
        return -ENOMEM;
    return add_source(ret, ref, digest);
}

int image_copy_command(const struct image_settings *s, const struct image_ref *ref, const char *digest,
                       const char *architecture, const char *folder, struct strlist *ret)
{
    bool auth = s->auth_file[0] != '\0', policy = s->policy_file[0] != '\0';

    if (ADD(ret, s->skopeo, policy ? "--policy" : "--insecure-policy", policy ? s->policy_file : NULL,
            "--override-os", "linux", "--override-arch", architecture, "--tmpdir") < 0 ||
        add_formatted(ret, "%s/tmp", folder) < 0)
        return -ENOMEM;
    /* A layout has no place for signatures; they are checked all the same. */
    if (ADD(ret, "copy", "--quiet", "--remove-signatures", "--retry-times", "2",
            auth ? "--src-authfile" : "--src-no-creds", auth ? s->auth_file : NULL,
            image_registry_insecure(s, ref->registry) ? "--src-tls-verify=false" : NULL,
            "--dest-shared-blob-dir") < 0 ||
        add_formatted(ret, "%s/blobs", folder) < 0 || add_source(ret, ref, digest) < 0)
        return -ENOMEM;
    return add_formatted(ret, "oci:%s/layout:image", folder);
}

/* ---- what it says ---- */

/* Its last line, without the frame of a log: time="..." level=fatal msg="..." */
static void last_message(const char *words, char *ret, size_t size)
{
    const char *line = strrchr(words, '\n'), *message;
    size_t n = 0;

    line = line != NULL ? line + 1 : words;
    message = strstr(line, "msg=\"");
    if (message != NULL)
        line = message + 5;
    for (; *line != '\0' && n + 1 < size; line++) {
        if (*line == '\\' && line[1] != '\0')
            line++;
        else if (*line == '"' && message != NULL)
            break;
        ret[n++] = *line;
    }
    ret[n] = '\0';
}

struct meaning {
    const char *says; /* a part of the message, without regard to case */
    int code;
    enum blame blame;
    const char *remedy; /* "" for none */
};

static const struct meaning MEANINGS[] = {
    {"unauthorized", -EACCES, BLAME_NODE, "auth"},
    {"authentication required", -EACCES, BLAME_NODE, "auth"},
    {"access to the resource is denied", -EACCES, BLAME_NODE, "auth"},
    {"authorization failed", -EACCES, BLAME_NODE, "auth"},
    {"status code 403", -EACCES, BLAME_NODE, "auth"},
    {"no basic auth credentials", -EACCES, BLAME_NODE, "auth"},
    {"manifest unknown", -ENOENT, BLAME_ASSIGNMENT, "; check its repository and tag"},
    {"name unknown", -ENOENT, BLAME_ASSIGNMENT, "; check its repository and tag"},
    {"repository name not known", -ENOENT, BLAME_ASSIGNMENT, "; check its repository and tag"},
    {"source image rejected", -EPERM, BLAME_ASSIGNMENT, "; images.policyFile says who must have signed it"},
    {"policy.json", -EINVAL, BLAME_NODE, "; check images.policyFile"},
    {"http response to https client", -EPROTO, BLAME_NODE,
     "; a registry without TLS must be named in images.insecureRegistries"},
    {"x509", -EPROTO, BLAME_NODE, "; the machine must trust who signed the registry's certificate"},
    {"certificate", -EPROTO, BLAME_NODE, "; the machine must trust who signed the registry's certificate"},
    {"no space left", -ENOSPC, BLAME_NODE, "; make room on the disk of directories.state"},
    {"digest did not match", -EBADMSG, BLAME_SERVICE, "; what the registry sent is damaged"},
    {"does not match", -EBADMSG, BLAME_SERVICE, "; what the registry sent is damaged"},
};

static const struct meaning *meaning_of(const char *message)
{
    for (size_t i = 0; i < ARRAY_SIZE(MEANINGS); i++)
        if (strcasestr(message, MEANINGS[i].says) != NULL)
            return &MEANINGS[i];
    return NULL;
}

int image_failed(const struct image_settings *s, const struct image_ref *ref, const char *step,
                 const char *words, struct err *e)
{
    char message[300];
    const struct meaning *m;

    last_message(words, message, sizeof(message));
    m = meaning_of(message);
    if (m == NULL)
        return err_set(e, -EIO, BLAME_SERVICE, "%s the image %s from %s: %s", step, ref->name, ref->registry,
                       message);
    if (strcmp(m->remedy, "auth") != 0)
        return err_set(e, m->code, m->blame, "%s the image %s from %s: %s%s", step, ref->name, ref->registry,
                       message, m->remedy);
    return err_set(e, m->code, m->blame, "%s the image %s: %s does not let this node in (%s); %s%s", step,
                   ref->name, ref->registry, message,
                   s->auth_file[0] != '\0' ? "it was given the credentials in "
                                           : "images.authFile names no file with credentials",
                   s->auth_file);
}
