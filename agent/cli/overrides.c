/* overrides.c - what the command line lays over the documents: see overrides.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "cli/overrides.h"
#include "job/resolve.h"
#include "sys/fd.h"

#define ENV_FILE_BYTES_MAX (256U * 1024)

static int replace(char **to, const char *value, struct err *e)
{
    char *copy = strdup(value);

    if (copy == NULL)
        return err_oom(e);
    free(*to);
    *to = copy;
    return 0;
}

/* Sets K=V, or K from runlet's own environment. `where` begins the message. */
static int set_variable(struct env *env, char *word, const char *where, struct err *e)
{
    char *equals = strchr(word, '=');
    const char *value;

    if (equals != NULL)
        *equals = '\0';
    if (!env_key_valid(word))
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT,
                       "%s: '%.100s' is not the name of a variable ([A-Za-z_][A-Za-z0-9_]*)", where, word);
    value = equals != NULL ? equals + 1 : secure_getenv(word);
    if (value == NULL)
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "%s: %s has no value here; write %s=VALUE", where, word,
                       word);
    if (!utf8_valid(value, strlen(value)))
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "%s: the value of %s is not UTF-8", where, word);
    return env_set(env, ENV_RUN, word, value) < 0 ? err_oom(e) : 0;
}

static int set_lines(struct env *env, const char *path, char *text, struct err *e)
{
    char where[300];
    int line = 0;

    for (char *next; text != NULL; text = next) {
        line++;
        next = strchr(text, '\n');
        if (next != NULL)
            *next++ = '\0';
        if (text[0] == '\0' || text[0] == '#')
            continue;
        (void)snprintf(where, sizeof(where), "%s:%d", path, line);
        if (set_variable(env, text, where, e) < 0)
            return e->code;
    }
    return 0;
}

static int set_from_file(struct env *env, const char *path, struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(ENV_FILE_BYTES_MAX);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    int r = fd < 0 ? -errno : fd_read_all(fd, &text);

    if (r < 0)
        return err_errno(e, -r, BLAME_ASSIGNMENT, "--env-file %s", path);
    if (text.len != strlen(strbuf_str(&text)))
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "--env-file %s holds a NUL byte", path);
    return set_lines(env, path, text.data, e);
}

static int override_environment(const struct cli *cli, struct job_request *request, struct err *e)
{
    struct env *env = &request->run.overrides.env;
    const char *value;

    for (size_t at = 0; (value = cli_next_value(cli, "env-file", &at)) != NULL;)
        if (set_from_file(env, value, e) < 0)
            return e->code;
    for (size_t at = 0; (value = cli_next_value(cli, "env", &at)) != NULL;) {
        AUTO_FREE char *copy = strdup(value);
        if (copy == NULL)
            return err_oom(e);
        if (set_variable(env, copy, "--env", e) < 0)
            return e->code;
    }
    value = cli_value(cli, "entrypoint");
    if (value != NULL && env_set(env, ENV_RUN, entry_variable(request->runtime), value) < 0)
        return err_oom(e);
    return 0;
}

static int override_arguments(const struct cli *cli, struct job_configuration *to, struct err *e)
{
    char *joined;

    if (!cli->has_rest)
        return 0;
    for (size_t i = 0; i < cli->rest.count; i++)
        if (!utf8_valid(cli->rest.item[i], strlen(cli->rest.item[i])))
            return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "argument %zu is not UTF-8", i + 1);
    joined = shell_words_join(&cli->rest);
    if (joined == NULL)
        return err_oom(e);
    free(to->arguments);
    to->arguments = joined;
    return 0;
}

static int override_runtime(const struct cli *cli, struct job_configuration *to, struct err *e)
{
    const char *value = cli_value(cli, "max-runtime");
    int64_t ms;

    if (value == NULL)
        return 0;
    if (parse_duration_ms(value, &ms) < 0 || ms <= 0 || ms > JOB_RUNTIME_MS_MAX)
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT,
                       "--max-runtime: a time up to 30d like 90s, 5m, 2h expected, not '%s'", value);
    to->x.maximum_runtime_ms = ms;
    return 0;
}

static int override_conda(const struct cli *cli, struct job_request *request, struct err *e)
{
    const char *value = cli_value(cli, "conda");
    AUTO_FREE char *prefix = NULL;
    AUTO_FREE char *python = NULL;

    if (value == NULL)
        return 0;
    request->conda_decided = true;
    if (strcmp(value, "none") == 0)
        return 0;
    prefix = realpath(value, NULL);
    if (prefix == NULL)
        return err_errno(e, errno, BLAME_ASSIGNMENT, "--conda %s", value);
    if (asprintf(&python, "%s/bin/python", prefix) < 0)
        return err_oom(e);
    if (access(python, X_OK) < 0)
        return err_errno(e, errno, BLAME_ASSIGNMENT, "--conda %s is not a conda environment: %s", value,
                         python);
    if (strncmp(prefix, "/home/", 6) == 0 || strncmp(prefix, "/root/", 6) == 0 ||
        strncmp(prefix, "/tmp/", 5) == 0)
        return err_set(
            e, -EINVAL, BLAME_ASSIGNMENT,
            "--conda %s: the job does not see the machine's /home, /root and /tmp; an environment elsewhere, "
            "such as below /opt, is needed",
            value);
    return replace(&request->conda_prefix, prefix, e);
}

int overrides_apply(const struct cli *cli, struct job_request *request, struct err *e)
{
    const char *name = cli_value(cli, "name");

    if (name != NULL && strlen(name) > JOB_NAME_CHARS_MAX)
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "--name: at most %d characters", JOB_NAME_CHARS_MAX);
    if (name != NULL && replace(&request->run.display_name, name, e) < 0)
        return e->code;
    if (override_environment(cli, request, e) < 0 ||
        override_arguments(cli, &request->run.overrides, e) < 0 ||
        override_runtime(cli, &request->run.overrides, e) < 0)
        return e->code;
    return override_conda(cli, request, e);
}
