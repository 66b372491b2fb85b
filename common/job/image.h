/*
 * image.h - what a container image says of itself, and what becomes of it in a run. Pure.
 *
 * The bytes are a registry's: manifests and configurations of the OCI image specification, or Docker's (schema 2).
 */
#ifndef JOB_IMAGE_H
#define JOB_IMAGE_H

#include "base/err.h"
#include "base/strlist.h"
#include "job/job.h"

/* Layers of an image. Overlay file systems and registries have lower limits. */
#define IMAGE_LAYERS_MAX 512

struct image_blob {
    char digest[72]; /* "sha256:..." */
    int64_t bytes;
};

/* A manifest: of one image, or a list of them for several machines. */
struct image_manifest {
    bool is_list;
    char chosen[72]; /* of a list: the digest of this machine's image */
    struct image_blob config;
    struct image_blob *layer; /* owned */
    size_t layer_count;
    int64_t bytes; /* of configuration and layers */
};

void image_manifest_free(struct image_manifest *m);
#define image_manifest_auto image_manifest_free

/* Reads a manifest; from a list it chooses the image for linux and `architecture` (as Go names it). *ret must be zero.
 * 0, or negative with *e: what is wrong, or that the list has nothing for this machine. */
int image_manifest_read(const char *json, size_t n, const char *architecture, struct image_manifest *ret,
                        struct err *e);

/* The image's own idea of how it is run. */
struct image_config {
    char *digest;           /* owned: of the manifest, "sha256:..." */
    char *architecture;     /* owned */
    char *user, *directory; /* owned; NULL: none */
    struct strlist entrypoint, cmd;
    struct strlist env; /* "KEY=value" */
};

void image_config_free(struct image_config *c);
#define image_config_auto image_config_free

/* Reads a configuration. *ret must be zero. 0 or negative with *e. */
int image_config_read(const char *json, size_t n, struct image_config *ret, struct err *e);

/* This machine's architecture as images name it: "amd64", "arm64", ... */
const char *image_architecture(void);

/*
 * The command, by Docker's rules: an entrypoint of the job's replaces the image's, and the image's cmd with it; a cmd of the
 * job's replaces the image's; the job's arguments come last. `image` may be NULL while it is not known. 0, or negative with
 * *e when there is no command at all.
 */
int image_command(const struct image_config *image, const struct container_details *job,
                  const struct strlist *arguments, struct strlist *ret, struct err *e);

#endif
