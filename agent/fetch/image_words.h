/*
 * image_words.h - skopeo: how it is called, and what its words mean to a person. Pure.
 */
#ifndef FETCH_IMAGE_WORDS_H
#define FETCH_IMAGE_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strlist.h"
#include "job/image_ref.h"

/* What the node's configuration says of images. Strings are borrowed; "" stands for none. */
struct image_settings {
    const char *skopeo;
    const char *auth_file, *policy_file;
    const char *insecure_registries; /* blanks between */
    int64_t max_bytes;               /* of one image, as it is sent */
    int64_t cache_bytes;             /* of all layers that are kept */
    int64_t reserve_bytes;           /* of the disk, for others */
    int64_t budget_ms;               /* of one call of skopeo */
    bool rootless;                   /* an ordinary user's runs: there are no users for images */
    int64_t ids;                     /* how many users images have here; 0: none, and no images */
};

/* The command that prints the manifest of ref, or of its part `digest` where that is not "". 0 or -ENOMEM. */
int image_inspect_command(const struct image_settings *s, const struct image_ref *ref, const char *digest,
                          struct strlist *ret);

/* The command that copies the image `digest` of ref's repository below `folder`, to layout/ and blobs/ in it. 0 or -ENOMEM. */
int image_copy_command(const struct image_settings *s, const struct image_ref *ref, const char *digest,
                       const char *architecture, const char *folder, struct strlist *ret);

/* Whether the registry is one that may be spoken to without TLS, or with a certificate that nobody vouches for. */
bool image_registry_insecure(const struct image_settings *s, const char *registry);

/* What skopeo's last words say, with the step, the image and what can be done about it. Returns e->code. */
int image_failed(const struct image_settings *s, const struct image_ref *ref, const char *step,
                 const char *words, struct err *e);

#endif
