/* devices.c - see devices.h. */
#include "supervisor/devices.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

int granted_devices_read(const struct strlist *paths, struct granted_devices *ret, struct err *e)
{
    ret->count = 0;
    for (size_t i = 0; i < paths->count && i < SANDBOX_DEVICES_MAX; i++) {
        struct stat st;
        if (fstatat(AT_FDCWD, paths->item[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
            return err_errno(e, errno, BLAME_NODE, "open the device %s that the job asks for",
                             paths->item[i]);
        if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
            return err_set(e, -ENODEV, BLAME_ASSIGNMENT, "%s, which the job asks for, is no device",
                           paths->item[i]);
        ret->item[ret->count++] = (struct granted_device){
            .path = paths->item[i], .block = S_ISBLK(st.st_mode) != 0, .number = st.st_rdev};
    }
    return 0;
}
