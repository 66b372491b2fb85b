/*
 * image_ref.h - the name of a container image, taken apart. Pure.
 *
 *     [registry[:port]/]repository[:tag][@sha256:...]
 */
#ifndef JOB_IMAGE_REF_H
#define JOB_IMAGE_REF_H

#include <stdbool.h>

#define IMAGE_REF_MAX 512
/* "sha256:" and 64 digits, and its end. */
#define IMAGE_DIGEST_SIZE 72

struct image_ref {
    char registry[256];             /* "iad.ocir.io", "127.0.0.1:5000"; "docker.io" when it was not said */
    char name[IMAGE_REF_MAX];       /* registry and repository as written, without tag and digest */
    char tag[129];                  /* "" when there is none */
    char digest[IMAGE_DIGEST_SIZE]; /* "" when there is none */
};

/* Takes the reference apart. NULL, or what is wrong with it as the rest of a sentence. */
const char *image_ref_parse(const char *text, struct image_ref *ret);

/* Whether text is "sha256:" and 64 lower-case hexadecimal digits. */
bool image_digest_valid(const char *text);

#endif
