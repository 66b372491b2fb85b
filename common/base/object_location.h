/*
 * object_location.h - the address of a bucket, or of what lies below a prefix in it: oci://bucket@namespace/prefix or
 * s3://bucket/prefix.
 */
#ifndef BASE_OBJECT_LOCATION_H
#define BASE_OBJECT_LOCATION_H

#include <stdbool.h>

#define OBJECT_BUCKET_MAX    257
#define OBJECT_NAMESPACE_MAX 65
#define OBJECT_PREFIX_MAX    1025

struct object_location {
    char bucket[OBJECT_BUCKET_MAX];
    char namespace_name[OBJECT_NAMESPACE_MAX]; /* "" with s3:// */
    char prefix[OBJECT_PREFIX_MAX]; /* "" for the whole bucket; neither begins nor ends with a slash */
};

/*
 * Takes the address apart. False when it is none: bucket and namespace are letters, digits, '-', '_' and '.'; a prefix has no
 * empty part, none that is "." or "..", and no control character.
 */
bool object_location_parse(const char *text, struct object_location *ret);

/* Whether it is such an address. */
bool object_location_valid(const char *text);

#endif
