/* image.c - see image.h. */
#include "job/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/auto.h"
#include "format/read.h"
#include "job/image_ref.h"
#include "job/parts.h"

static int bad(struct err *e, const char *what)
{
    return err_set(e, -EBADMSG, BLAME_ASSIGNMENT, "%s", what);
}

static const char *text_of(const struct node *map, const char *key)
{
    const struct node *n = node_get(map, key);

    return n != NULL && n->kind == NODE_STRING ? n->text : "";
}

static struct node *read_json(const char *json, size_t n, const char *what, struct err *e)
{
    AUTO(diag) struct diag_list diags = {0};
    struct node *root = json_read(json, n, &diags);

    if (root == NULL || root->kind != NODE_MAP) {
        node_free(root);
        (void)err_set(e, -EBADMSG, BLAME_ASSIGNMENT, "the image's %s is not a JSON object%s%s", what,
                      diags.count > 0 ? ": " : "", diags.count > 0 ? diags.entry[0].message : "");
        return NULL;
    }
    return root;
}

/* ---- manifests ---- */

void image_manifest_free(struct image_manifest *m)
{
    free(m->layer);
    *m = (struct image_manifest){0};
}

static int read_blob(const struct node *descriptor, struct image_blob *ret, struct err *e)
{
    const struct node *size = node_get(descriptor, "size");
    const char *digest = text_of(descriptor, "digest");

    if (!image_digest_valid(digest))
        return bad(e, "the image's manifest names a part without a sha256 digest");
    if (size == NULL || size->kind != NODE_INT || size->integer < 0 ||
        size->integer > INT64_MAX / IMAGE_LAYERS_MAX / 2)
        return bad(e, "the image's manifest names a part without a size");
    memcpy(ret->digest, digest, IMAGE_DIGEST_SIZE);
    ret->bytes = size->integer;
    return 0;
}

/* The first that fits; a variant that is not said, or is the common one, goes before others. */
static int choose(const struct node *list, const char *architecture, struct image_manifest *ret,
                  struct err *e)
{
    int found = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct node *platform = node_get(list->item[i], "platform");
        const char *variant = text_of(platform, "variant"), *digest = text_of(list->item[i], "digest");
        int rank = variant[0] == '\0' || strcmp(variant, "v8") == 0 ? 2 : 1;
        if (strcmp(text_of(platform, "os"), "linux") != 0 ||
            strcmp(text_of(platform, "architecture"), architecture) != 0 || rank <= found ||
            !image_digest_valid(digest))
            continue;
        memcpy(ret->chosen, digest, IMAGE_DIGEST_SIZE);
        found = rank;
    }
    ret->is_list = true;
    if (found > 0)
        return 0;
    return err_set(
        e, -ENOEXEC, BLAME_ASSIGNMENT,
        "the image is there for other machines, and not for this one (linux, %s); build it for that "
        "architecture",
        architecture);
}

static int read_layers(const struct node *layers, struct image_manifest *ret, struct err *e)
{
    if (layers->count > IMAGE_LAYERS_MAX)
        return err_set(e, -E2BIG, BLAME_ASSIGNMENT, "the image has %zu layers; the limit is %d",
                       layers->count, IMAGE_LAYERS_MAX);
    ret->layer = calloc(layers->count > 0 ? layers->count : 1, sizeof(*ret->layer));
    if (ret->layer == NULL)
        return err_oom(e);
    for (size_t i = 0; i < layers->count; i++) {
        if (read_blob(layers->item[i], &ret->layer[i], e) < 0)
            return e->code;
        ret->layer_count++;
        ret->bytes += ret->layer[i].bytes;
    }
    return 0;
}

int image_manifest_read(const char *json, size_t n, const char *architecture, struct image_manifest *ret,
                        struct err *e)
{
    AUTO(node) struct node *root = read_json(json, n, "manifest", e);
    const struct node *list, *layers;
    int r;

    if (root == NULL)
        return e->code;
    list = node_get(root, "manifests");
    layers = node_get(root, "layers");
    if (list != NULL && list->kind == NODE_SEQ)
        return choose(list, architecture, ret, e);
    if (layers == NULL || layers->kind != NODE_SEQ || node_get(root, "config") == NULL)
        return bad(
            e, "the image's manifest has no configuration and layers: it must be an OCI image, or a Docker "
               "image of schema 2");
    r = read_blob(node_get(root, "config"), &ret->config, e);
    ret->bytes = ret->config.bytes;
    if (r == 0)
        r = read_layers(layers, ret, e);
    if (r < 0)
        image_manifest_free(ret);
    return r;
}

/* ---- configurations ---- */

void image_config_free(struct image_config *c)
{
    free(c->digest);
    free(c->architecture);
    free(c->user);
    free(c->directory);
    strlist_free(&c->entrypoint);
    strlist_free(&c->cmd);
    strlist_free(&c->env);
    *c = (struct image_config){0};
}

static int read_list(const struct node *map, const char *key, struct strlist *ret, struct err *e)
{
    const struct node *list = node_get(map, key);

    if (list == NULL || list->kind == NODE_NULL)
        return 0;
    if (list->kind != NODE_SEQ)
        return err_set(e, -EBADMSG, BLAME_ASSIGNMENT, "the image's configuration: %s is not a list", key);
    for (size_t i = 0; i < list->count; i++) {
        if (list->item[i]->kind != NODE_STRING)
            return err_set(e, -EBADMSG, BLAME_ASSIGNMENT,
                           "the image's configuration: %s holds something else than texts", key);
        if (strlist_add(ret, list->item[i]->text) < 0)
            return err_oom(e);
    }
    return 0;
}

static int read_text(const struct node *map, const char *key, char **ret, struct err *e)
{
    const char *text = text_of(map, key);

    if (text[0] == '\0')
        return 0;
    *ret = strdup(text);
    return *ret != NULL ? 0 : err_oom(e);
}

/* A user and a folder that a plan can hold. */
static int check_words(const struct image_config *c, struct err *e)
{
    const char *user = c->user != NULL ? c->user : "", *directory = c->directory != NULL ? c->directory : "/";

    for (const char *p = user; *p != '\0'; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7F)
            return bad(e, "the image's user has blanks or control characters in its name");
    if (strlen(user) >= IMAGE_WORD_MAX)
        return bad(e, "the name of the image's user is too long");
    if (directory[0] != '/' ||
        (directory[1] != '\0' && !inner_path_valid(directory + strspn(directory, "/"))))
        return err_set(e, -EBADMSG, BLAME_ASSIGNMENT,
                       "the image's working directory '%.100s' is not an absolute path without '..'",
                       directory);
    return 0;
}

int image_config_read(const char *json, size_t n, struct image_config *ret, struct err *e)
{
    AUTO(node) struct node *root = read_json(json, n, "configuration", e);
    const struct node *config;
    int r;

    if (root == NULL)
        return e->code;
    config = node_get(root, "config");
    r = read_text(root, "architecture", &ret->architecture, e);
    if (r == 0)
        r = read_text(config, "User", &ret->user, e);
    if (r == 0)
        r = read_text(config, "WorkingDir", &ret->directory, e);
    if (r == 0)
        r = read_list(config, "Entrypoint", &ret->entrypoint, e);
    if (r == 0)
        r = read_list(config, "Cmd", &ret->cmd, e);
    if (r == 0)
        r = read_list(config, "Env", &ret->env, e);
    if (r == 0)
        r = check_words(ret, e);
    if (r < 0)
        image_config_free(ret);
    return r;
}

const char *image_architecture(void)
{
    static const struct {
        const char *kernel, *image;
    } NAMES[] = {{"x86_64", "amd64"},
                 {"aarch64", "arm64"},
                 {"ppc64le", "ppc64le"},
                 {"s390x", "s390x"},
                 {"riscv64", "riscv64"}};
    struct utsname u;

    if (uname(&u) == 0)
        for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++)
            if (strcmp(u.machine, NAMES[i].kernel) == 0)
                return NAMES[i].image;
    return "unknown";
}

/* ---- what is executed ---- */

int image_command(const struct image_config *image, const struct container_details *job,
                  const struct strlist *arguments, struct strlist *ret, struct err *e)
{
    static const struct strlist NONE = {0};
    bool own_entrypoint = job->entrypoint.count > 0;
    const struct strlist *entrypoint = own_entrypoint  ? &job->entrypoint
                                       : image != NULL ? &image->entrypoint
                                                       : &NONE;
    const struct strlist *cmd = job->cmd.count > 0                ? &job->cmd
                                : own_entrypoint || image == NULL ? &NONE
                                                                  : &image->cmd;

    if (strlist_addall(ret, entrypoint) < 0 || strlist_addall(ret, cmd) < 0 ||
        strlist_addall(ret, arguments) < 0)
        return err_oom(e);
    if (image == NULL || (ret->count > 0 && ret->item[0][0] != '\0'))
        return 0;
    return err_set(e, -EINVAL, BLAME_ASSIGNMENT,
                   "there is no command: neither the job nor the image has an entrypoint or a cmd");
}
