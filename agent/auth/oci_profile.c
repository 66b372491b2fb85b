/* oci_profile.c - see oci_profile.h. */
#include "auth/oci_profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/ini.h"
#include "base/auto.h"

void oci_profile_free(struct oci_profile *p)
{
    free(p->tenancy);
    free(p->user);
    free(p->fingerprint);
    free(p->key_file);
    if (p->pass_phrase != NULL)
        explicit_bzero(p->pass_phrase, strlen(p->pass_phrase));
    free(p->pass_phrase);
    free(p->token_file);
    free(p->region);
    *p = (struct oci_profile){0};
}

/* Makes the path absolute. 0 or negative. */
static int anchor(char **path, const char *config, struct err *e)
{
    const char *home = getenv("HOME"), *slash = strrchr(config, '/');
    char *full = NULL;
    int n;

    if (*path == NULL || (*path)[0] == '/')
        return 0;
    if (strncmp(*path, "~/", 2) == 0 && home == NULL)
        return err_set(e, -EINVAL, BLAME_NODE, "%s: a path with '~' needs HOME, which the agent has none of",
                       config);
    if (strncmp(*path, "~/", 2) == 0)
        n = asprintf(&full, "%s/%s", home, *path + 2);
    else
        n = asprintf(&full, "%.*s%s", slash != NULL ? (int)(slash - config) + 1 : 0, config, *path);
    if (n < 0)
        return err_oom(e);
    free(*path);
    *path = full;
    return 0;
}

static int read_into(const char *path, const char *name, struct oci_profile *p, struct err *e)
{
    const struct ini_value wanted[] = {
        {"tenancy", &p->tenancy},         {"user", &p->user},
        {"fingerprint", &p->fingerprint}, {"key_file", &p->key_file},
        {"pass_phrase", &p->pass_phrase}, {"security_token_file", &p->token_file},
        {"region", &p->region},
    };
    int r = ini_read(path, name, wanted, ARRAY_SIZE(wanted), e);

    if (r < 0)
        return r;
    for (size_t i = 0; i < 4; i++)
        if (*wanted[i].to == NULL && (p->token_file == NULL || wanted[i].to == &p->key_file))
            return err_set(e, -EINVAL, BLAME_NODE, "%s: the profile [%s] has no '%s'", path, name,
                           wanted[i].key);
    return anchor(&p->key_file, path, e) < 0 || anchor(&p->token_file, path, e) < 0 ? e->code : 0;
}

int oci_profile_read(const char *path, const char *name, struct oci_profile *ret, struct err *e)
{
    int r = read_into(path, name, ret, e);

    if (r < 0)
        oci_profile_free(ret);
    return r;
}
