/* matrix.c - see matrix.h. */
#include "cli/matrix.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/parse.h"
#include "format/diag.h"
#include "job/fields.h"
#include "job/platform.h"
#include "job/resolve.h"

/* What all runs of a matrix have in common, for their jobs. */
#define MATRIX_VARIABLE "RUNLET_MATRIX"
#define NAME_BYTES_MAX  4096

void matrix_free(struct matrix *m)
{
    for (size_t i = 0; i < m->axes; i++) {
        free(m->axis[i].key);
        strlist_free(&m->axis[i].value);
    }
    free(m->id);
    free(m->name);
    *m = (struct matrix){0};
}

static int add_values(struct strlist *to, const char *text, struct err *e)
{
    for (;;) {
        size_t n = strcspn(text, ",");
        AUTO_FREE char *value = strndup(text, n);
        if (value == NULL || strlist_add(to, value) < 0)
            return err_oom(e);
        if (text[n] == '\0')
            return 0;
        text += n + 1;
    }
}

static int check_key(const struct matrix *m, const char *key, struct err *e)
{
    if (!env_key_valid(key) || platform_owns(key) || strcmp(key, MATRIX_VARIABLE) == 0)
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT,
                       "--matrix: '%.100s' is not the name of a variable that a job may be given", key);
    for (size_t i = 0; i < m->axes; i++)
        if (strcmp(m->axis[i].key, key) == 0)
            return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "--matrix: %s is given twice", key);
    return 0;
}

static int add_axis(struct matrix *m, const char *word, struct err *e)
{
    const char *equals = strchr(word, '=');
    AUTO_FREE char *key = NULL;

    if (equals == NULL || equals[1] == '\0' || !utf8_valid(word, strlen(word)))
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "--matrix: K=V,V,... expected, not '%.100s'", word);
    if (m->axes == MATRIX_AXES_MAX)
        return err_set(e, -E2BIG, BLAME_ASSIGNMENT, "--matrix: more than %d variables", MATRIX_AXES_MAX);
    key = strndup(word, (size_t)(equals - word));
    if (key == NULL)
        return err_oom(e);
    if (check_key(m, key, e) < 0)
        return e->code;
    m->axis[m->axes++].key = key;
    key = NULL;
    return add_values(&m->axis[m->axes - 1].value, equals + 1, e);
}

int matrix_read(const struct cli *cli, struct matrix *m, struct err *e)
{
    const char *word;

    m->count = 1;
    for (size_t at = 0; (word = cli_next_value(cli, "matrix", &at)) != NULL;) {
        if (add_axis(m, word, e) < 0)
            return e->code;
        m->count *= m->axis[m->axes - 1].value.count;
        if (m->count > MATRIX_RUNS_MAX)
            return err_set(e, -E2BIG, BLAME_ASSIGNMENT, "--matrix: more than %d combinations",
                           MATRIX_RUNS_MAX);
    }
    if (m->axes > 0 && cli_flag(cli, "etcd"))
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT,
                       "--matrix is for the runs of this machine, without --etcd");
    return 0;
}

/* Which value the axis has in combination i. */
static const char *value_of(const struct matrix *m, size_t axis, size_t i)
{
    for (size_t a = m->axes - 1; a > axis; a--)
        i /= m->axis[a].value.count;
    return m->axis[axis].value.item[i % m->axis[axis].value.count];
}

static int replace(char **to, const char *value, struct err *e)
{
    char *copy = strdup(value);

    if (copy == NULL)
        return err_oom(e);
    free(*to);
    *to = copy;
    return 0;
}

/* Numbers of one width, so that their order is that of the combinations, and none is the beginning of another. */
static int width_of(size_t count)
{
    int width = 1;

    for (; count >= 10; count /= 10)
        width++;
    return width;
}

int matrix_take(const struct matrix *m, size_t i, struct job_request *request, struct err *e)
{
    AUTO(strbuf) struct strbuf name = STRBUF_INIT(NAME_BYTES_MAX);
    struct env *env = &request->run.overrides.env;
    char id[RUN_ID_BYTES];

    if (m->axes == 0)
        return 0;
    strbuf_addf(&name, "%s[", m->name);
    for (size_t a = 0; a < m->axes; a++) {
        const char *value = value_of(m, a, i);
        strbuf_addf(&name, "%s%s=%s", a > 0 ? "," : "", m->axis[a].key, value);
        if (env_set(env, ENV_RUN, m->axis[a].key, value) < 0)
            return err_oom(e);
    }
    strbuf_addstr(&name, "]");
    if (name.failed < 0 || characters(strbuf_str(&name)) > JOB_NAME_CHARS_MAX)
        return err_set(
            e, -E2BIG, BLAME_ASSIGNMENT,
            "--matrix: the name '%.60s...' has more than %d characters: a shorter --name is needed",
            strbuf_str(&name), JOB_NAME_CHARS_MAX);
    (void)snprintf(id, sizeof(id), "%s-%0*zu", m->id, width_of(m->count), i + 1);
    if (!run_id_valid(id))
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT,
                       "--matrix: the run's id is too long for a number behind it");
    if (env_set(env, ENV_RUN, MATRIX_VARIABLE, m->id) < 0)
        return err_oom(e);
    return replace(&request->run.id, id, e) < 0 ? e->code
                                                : replace(&request->run.display_name, strbuf_str(&name), e);
}

int matrix_check(struct matrix *m, struct job_request *request, struct err *e)
{
    const char *name = request->run.display_name != NULL     ? request->run.display_name
                       : request->job.display_name != NULL   ? request->job.display_name
                       : request->artifact.file_name != NULL ? request->artifact.file_name
                                                             : "run";

    if (m->axes == 0)
        return 0;
    if (replace(&m->id, request->run.id, e) < 0 || replace(&m->name, name, e) < 0)
        return e->code;
    for (size_t i = 0; i < m->count; i++) {
        AUTO(run_spec) struct run_spec spec = {0};
        AUTO(diag) struct diag_list diags = {0};
        const struct run_options options = {.maximum_runtime_ms = -1};
        if (matrix_take(m, i, request, e) < 0)
            return e->code;
        if (run_resolve(request, &options, &spec, &diags) < 0)
            return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "--matrix: %s cannot be a run: %s",
                           request->run.display_name,
                           diags.count > 0 ? diags.entry[0].message : "out of memory");
    }
    return 0;
}
