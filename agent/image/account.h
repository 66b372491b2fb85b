/*
 * account.h - the user that an image names, looked up in the image's own passwd and group. Pure.
 */
#ifndef IMAGE_ACCOUNT_H
#define IMAGE_ACCOUNT_H

#include <stdint.h>

#include "base/err.h"

struct account {
    uint32_t uid, gid;
};

/*
 * Docker's rules for "user[:group]", each a name or a number. Without a group it is the user's own, and 0 for a number that
 * nobody has; an empty user is 0. `passwd` and `group` are texts of passwd(5) and group(5), lines that make no sense are
 * passed over. Numbers must be below `ids`. 0, or negative with *e, blaming the assignment.
 */
int account_find(const char *user, const char *passwd, const char *group, uint32_t ids, struct account *ret,
                 struct err *e);

#endif
