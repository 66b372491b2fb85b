/* s3_credentials.c - see s3_credentials.h. */
#include "auth/s3_credentials.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "auth/ini.h"
#include "base/auto.h"

void s3_credentials_free(struct s3_credentials *c)
{
    if (c->secret != NULL)
        explicit_bzero(c->secret, strlen(c->secret));
    free(c->key_id);
    free(c->secret);
    free(c->session_token);
    free(c->region);
    *c = (struct s3_credentials){0};
}

static int from_environment(struct s3_credentials *c, struct err *e)
{
    const struct {
        const char *name;
        char **to;
    } variables[] = {{"AWS_ACCESS_KEY_ID", &c->key_id},
                     {"AWS_SECRET_ACCESS_KEY", &c->secret},
                     {"AWS_SESSION_TOKEN", &c->session_token},
                     {"AWS_REGION", &c->region}};

    for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
        const char *value = getenv(variables[i].name);
        if (value == NULL || value[0] == '\0')
            continue;
        *variables[i].to = strdup(value);
        if (*variables[i].to == NULL)
            return err_oom(e);
    }
    return 0;
}

int s3_credentials_read(const char *path, const char *profile, struct s3_credentials *ret, struct err *e)
{
    AUTO(s3_credentials) struct s3_credentials c = {0};
    const struct ini_value wanted[] = {{"aws_access_key_id", &c.key_id},
                                       {"aws_secret_access_key", &c.secret},
                                       {"aws_session_token", &c.session_token},
                                       {"region", &c.region}};
    int r =
        path[0] != '\0' ? ini_read(path, profile, wanted, ARRAY_SIZE(wanted), e) : from_environment(&c, e);

    if (r < 0)
        return r;
    if (path[0] != '\0' && (c.key_id == NULL || c.secret == NULL))
        return err_set(e, -EINVAL, BLAME_NODE, "%s: the profile [%s] has no '%s'", path, profile,
                       c.key_id == NULL ? "aws_access_key_id" : "aws_secret_access_key");
    if ((c.key_id == NULL) != (c.secret == NULL))
        return err_set(
            e, -EINVAL, BLAME_NODE,
            "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set in the agent's environment");
    *ret = c;
    c = (struct s3_credentials){0};
    return 0;
}
