/* reading.h - what the tests of the readers share: from text to a request, and its diagnostics as text. */
#ifndef UNIT_JOB_READING_H
#define UNIT_JOB_READING_H

#include "cmocka_all.h"

#include "base/auto.h"
#include "format/read.h"
#include "job/read.h"

struct reading {
    struct job_request request;
    struct diag_list diags;
    struct strbuf text; /* the diagnostics as printed */
    int result;
};

static inline void reading_auto(struct reading *r)
{
    job_request_free(&r->request);
    diag_free(&r->diags);
    strbuf_free(&r->text);
}

static inline struct reading reading_begin(const char *file)
{
    return (struct reading){.diags = {.file = file}, .text = STRBUF_INIT(1U << 20)};
}

static inline void reading_end(struct reading *r, int result)
{
    r->result = result;
    diag_print(&r->diags, &r->text);
}

static inline struct reading read_ads(const char *yaml)
{
    struct reading r = reading_begin("job.yaml");
    AUTO(node) struct node *root = yaml_read(yaml, strlen(yaml), &r.diags);

    reading_end(&r, root != NULL ? ads_read_job(root, "/base/dir", &r.request, &r.diags) : -1);
    return r;
}

/* Either document may be NULL. */
static inline struct reading read_oci(const char *job, const char *run)
{
    struct reading r = reading_begin("doc.json");
    AUTO(node) struct node *j = job != NULL ? json_read(job, strlen(job), &r.diags) : NULL;
    AUTO(node) struct node *n = run != NULL ? json_read(run, strlen(run), &r.diags) : NULL;
    int result = 0;

    if (job != NULL)
        result = oci_read_job(j, &r.request, &r.diags);
    if (run != NULL && result == 0)
        result = oci_read_job_run(n, &r.request, &r.diags);
    reading_end(&r, result);
    return r;
}

static inline const char *job_env(const struct reading *r, const char *key)
{
    return env_value(&r->request.job.configuration.env, key);
}

/* Fails unless the value is as expected; NULL stands for "not set". */
static inline void expect_env(const struct reading *r, const char *key, const char *value)
{
    const char *got = job_env(r, key);

    if ((got == NULL) != (value == NULL) || (got != NULL && strcmp(got, value) != 0))
        fail_msg("%s is %s, expected %s", key, got != NULL ? got : "not set",
                 value != NULL ? value : "not set");
}

static inline void expect_part(const struct reading *r, size_t i, enum artifact_form form, const char *path,
                               const char *name, const char *into)
{
    const struct artifact_part *p = &r->request.artifact.part[i];

    assert_true(i < r->request.artifact.count);
    assert_int_equal(p->form, form);
    assert_string_equal(p->path, path);
    assert_string_equal(p->name, name);
    assert_string_equal(p->into, into);
}

static inline void expect_text(const struct reading *r, const char *says)
{
    if (strstr(strbuf_str(&r->text), says) == NULL)
        fail_msg("expected '%s' in: %s", says, strbuf_str(&r->text));
}

#endif
