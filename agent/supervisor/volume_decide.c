/* volume_decide.c - see volume_decide.h. */
#include "supervisor/volume_decide.h"

#include <errno.h>
#include <string.h>

#include "base/auto.h"

#define REMEDY_FOREIGN                                                                                       \
    "it is not touched; name another device (volume.device), or empty it by hand with wipefs"

bool volume_is_ext(const char *signature)
{
    return strcmp(signature, "ext2") == 0 || strcmp(signature, "ext3") == 0 || strcmp(signature, "ext4") == 0;
}

const char *volume_action_name(enum volume_action action)
{
    switch (action) {
    case VOLUME_FORMAT: return "format";
    case VOLUME_MOUNT: return "mount";
    case VOLUME_MOUNT_GROWN: return "grow";
    case VOLUME_REFUSE:
    default: return "refuse";
    }
}

static enum volume_action refuse(struct err *e, const char *what, const char *detail)
{
    (void)err_set(e, -EMEDIUMTYPE, BLAME_NODE, "%s%s; " REMEDY_FOREIGN, what, detail);
    return VOLUME_REFUSE;
}

static long long mib(int64_t bytes)
{
    return (long long)(bytes >> 20);
}

static enum volume_action decide_formatted(const struct volume_facts *f, bool may_grow, struct err *e)
{
    /* A file system that only our unfinished mkfs can have made: nobody ever mounted it. */
    if (f->mark[0] != '\0' && strcmp(f->mark, f->uuid) == 0)
        return VOLUME_FORMAT;
    if (f->unfinished && strcmp(f->label, VOLUME_LABEL) == 0)
        return VOLUME_FORMAT;
    if (f->unfinished)
        return refuse(e, "it holds a file system whose mkfs did not end, and was not runlet's", "");
    if (f->system_bytes > f->bytes) {
        (void)err_set(
            e, -EMEDIUMTYPE, BLAME_NODE,
            "its file system has %lld MiB and the volume %lld: it was cut off; restore the volume's size",
            mib(f->system_bytes), mib(f->bytes));
        return VOLUME_REFUSE;
    }
    if (may_grow && f->system_bytes > 0 && f->bytes - f->system_bytes >= VOLUME_SLACK_BYTES)
        return VOLUME_MOUNT_GROWN;
    return VOLUME_MOUNT;
}

enum volume_action volume_decide(const struct volume_facts *f, int64_t wanted, bool may_grow, struct err *e)
{
    int64_t least = wanted > VOLUME_BYTES_MIN ? wanted : VOLUME_BYTES_MIN;

    if (f->ambiguous)
        return refuse(e, "it has the signatures of more than one thing", "");
    if (f->signature[0] != '\0' && (strcmp(f->usage, "filesystem") != 0 ||
                                    (!volume_is_ext(f->signature) && strcmp(f->signature, "xfs") != 0)))
        return refuse(e, "it holds something else: ", f->signature);
    if (f->bytes < least) {
        (void)err_set(e, -ENOSPC, BLAME_NODE,
                      "it has %lld MiB, and the run needs %lld; attach a larger volume, or lower the job's "
                      "blockStorageSizeInGBs",
                      mib(f->bytes), mib(least));
        return VOLUME_REFUSE;
    }
    if (f->signature[0] != '\0')
        return decide_formatted(f, may_grow, e);
    if (f->empty || f->mark[0] != '\0')
        return VOLUME_FORMAT;
    return refuse(e, "it has data without a known signature in its first or last MiB", "");
}
