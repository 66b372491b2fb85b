/* test_plan_build.c - from a resolved run to the plan: layers, entry, placements, and what is refused. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdlib.h>

#include "base/auto.h"
#include "job/image.h"
#include "launch/plan_build.h"

static const struct launch_settings SETTINGS = {
    .python = "/usr/bin/python3", .bash = "/bin/bash", .java = "/usr/bin/java", .job_user = "datascience"};

static char *text(const char *s)
{
    return strdup(s);
}

static void add_part(struct job_request *r, enum artifact_form form, const char *name, const char *into)
{
    r->artifact.part[r->artifact.count++] =
        (struct artifact_part){.form = form, .path = text("parts/0"), .name = text(name), .into = text(into)};
}

static struct run_spec spec_of(const char *entrypoint)
{
    struct run_spec spec = {.run_id = text("local.1"),
                            .maximum_runtime_ms = 60000,
                            .stop_grace_ms = 1000,
                            .stop_signal = 15,
                            .entrypoint = entrypoint != NULL ? text(entrypoint) : NULL};

    (void)env_set(&spec.env, ENV_JOB, "KEY", "job");
    (void)env_set(&spec.env, ENV_JOB, "HOME", "/elsewhere");
    (void)env_set(&spec.env, ENV_PLATFORM, "JOB_RUN_OCID", "local.1");
    (void)strlist_add(&spec.args, "--epochs");
    return spec;
}

static void a_single_file_is_its_own_entry(void **state)
{
    AUTO(job_request) struct job_request request = {0};
    AUTO(run_spec) struct run_spec spec = spec_of("ignored.py");
    AUTO(plan) struct plan plan = {0};
    struct err e = ERR_INIT;

    (void)state;
    add_part(&request, ARTIFACT_FILE, "train.py", "");
    assert_int_equal(plan_build(&request, &spec, &SETTINGS, 3, &plan, &e), 0);
    assert_int_equal(plan.entry_kind, ENTRY_FILE);
    assert_string_equal(plan.entrypoint, "train.py");
    assert_int_equal(plan.epoch, 3);
    assert_string_equal(env_value(&plan.env, "KEY"), "job");
    assert_string_equal(env_value(&plan.env, "HOME"), "/elsewhere");
    assert_string_equal(env_value(&plan.env, "USER"), "datascience");
    assert_string_equal(env_value(&plan.env, "JOB_RUN_OCID"), "local.1");
    assert_int_equal(env_find(&plan.env, "PATH")->layer, ENV_DEFAULT);
    assert_string_equal(plan.args.item[0], "--epochs");
}

static void an_archive_has_its_entry_in_it(void **state)
{
    AUTO(job_request) struct job_request request = {0};
    AUTO(run_spec) struct run_spec spec = spec_of("src/main.py");
    AUTO(run_spec) struct run_spec open_spec = spec_of(NULL);
    AUTO(plan) struct plan plan = {0};
    AUTO(plan) struct plan open_plan = {0};
    struct err e = ERR_INIT;

    (void)state;
    add_part(&request, ARTIFACT_ARCHIVE, "p.zip", "decompressed_artifact");
    assert_int_equal(plan_build(&request, &spec, &SETTINGS, 1, &plan, &e), 0);
    assert_int_equal(plan.entry_kind, ENTRY_ARCHIVE);
    assert_string_equal(plan.entrypoint, "src/main.py");
    assert_int_equal(plan.placement[0].form, PLACE_ARCHIVE);
    assert_int_equal(plan_build(&request, &open_spec, &SETTINGS, 1, &open_plan, &e), 0);
    assert_null(open_plan.entrypoint); /* jobruntime.yaml will say it */
}

static void a_conda_environment_here_comes_first(void **state)
{
    AUTO(job_request) struct job_request request = {0};
    AUTO(run_spec) struct run_spec spec = spec_of(NULL);
    AUTO(plan) struct plan plan = {0};
    struct err e = ERR_INIT;

    (void)state;
    add_part(&request, ARTIFACT_FILE, "train.py", "");
    spec.conda_prefix = text("/opt/env");
    assert_int_equal(plan_build(&request, &spec, &SETTINGS, 1, &plan, &e), 0);
    assert_string_equal(plan.python, "/opt/env/bin/python");
    assert_int_equal(strncmp(env_value(&plan.env, "PATH"), "/opt/env/bin:/usr/", 18), 0);
    assert_string_equal(env_value(&plan.env, "CONDA_PREFIX"), "/opt/env");
}

static void an_image_brings_its_command_and_environment(void **state)
{
    AUTO(job_request) struct job_request request = {.runtime = RUNTIME_CONTAINER};
    AUTO(run_spec) struct run_spec spec = spec_of(NULL);
    AUTO(plan) struct plan early = {0};
    AUTO(plan) struct plan plan = {0};
    AUTO(strbuf) struct strbuf encoded = STRBUF_INIT(PLAN_BYTES_MAX);
    struct err e = ERR_INIT;

    (void)state;
    spec.container = calloc(1, sizeof(*spec.container));
    assert_non_null(spec.container);
    spec.container->image = text("iad.ocir.io/ns/repo:1");
    strlist_add(&spec.container->cmd, "serve");
    /* Before the image is here the plan says what the job says. */
    assert_int_equal(plan_build(&request, &spec, &SETTINGS, 1, &early, &e), 0);
    assert_null(early.image_digest);
    assert_string_equal(early.args.item[0], "serve");

    spec.image = calloc(1, sizeof(*spec.image));
    assert_non_null(spec.image);
    spec.image->digest = text("sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    spec.image->directory = text("/srv");
    spec.image->user = text("app");
    strlist_add(&spec.image->entrypoint, "/bin/app");
    strlist_add(&spec.image->cmd, "dropped");
    strlist_add(&spec.image->env, "PATH=/opt/bin");
    strlist_add(&spec.image->env, "LEVEL=image");
    strlist_add(&spec.image->env, "not.a.name=1");
    env_set(&spec.env, ENV_JOB, "LEVEL", "job");
    assert_int_equal(plan_build(&request, &spec, &SETTINGS, 1, &plan, &e), 0);
    assert_int_equal(plan.entry_kind, ENTRY_IMAGE);
    assert_int_equal(plan.args.count >= 2, true);
    assert_string_equal(plan.args.item[0], "/bin/app");
    assert_string_equal(plan.args.item[1], "serve");
    assert_string_equal(plan.directory, "/srv");
    assert_string_equal(plan.image_user, "app");
    assert_string_equal(env_value(&plan.env, "PATH"), "/opt/bin");
    assert_string_equal(env_value(&plan.env, "LEVEL"), "job");
    assert_null(env_value(&plan.env, "SHELL"));
    assert_null(env_value(&plan.env, "not.a.name"));
    assert_null(plan.python);
    assert_int_equal(plan_encode(&plan, &encoded), 0);
}

static void refused(const struct job_request *request, const struct run_spec *spec, const char *says)
{
    struct plan plan = {0};
    struct err e = ERR_INIT;

    assert_true(plan_build(request, spec, &SETTINGS, 1, &plan, &e) < 0);
    assert_int_equal(e.blame, BLAME_ASSIGNMENT);
    if (strstr(e.text, says) == NULL)
        fail_msg("%s", e.text);
    assert_null(plan.run_id);
}

static void what_this_node_cannot_do_is_named(void **state)
{
    AUTO(job_request) struct job_request request = {0};
    AUTO(run_spec) struct run_spec spec = spec_of(NULL);

    (void)state;
    refused(&request, &spec, "no artifact");
}

static void the_nodes_of_a_run_and_its_probe_are_in_the_plan(void **state)
{
    AUTO(job_request) struct job_request request = {0};
    AUTO(run_spec) struct run_spec spec = spec_of(NULL);
    AUTO(plan) struct plan plan = {0};
    struct err e = ERR_INIT;

    (void)state;
    add_part(&request, ARTIFACT_FILE, "train.py", "");
    assert_int_equal(cluster_add(&request.cluster, "head", "10.0.0.1", "a"), 0);
    assert_int_equal(cluster_add(&request.cluster, "workers", "10.0.0.2", ""), 0);
    spec.probe.period_s = 3;
    assert_int_equal(strlist_add(&spec.probe.command, "true"), 0);
    assert_int_equal(plan_build(&request, &spec, &SETTINGS, 1, &plan, &e), 0);
    assert_int_equal(plan.cluster.count, 2);
    assert_string_equal(plan.cluster.node[1].group, "workers");
    assert_int_equal(plan.probe.period_s, 3);
    assert_int_equal(plan.probe.command.count, 1);
}

static struct storage_mount *add_mount(struct job_configuration *c, const char *target, const char *export,
                                       const char *path, const char *directory)
{
    struct storage_mount *m = &c->mount[c->mount_count++];

    c->has_mounts = true;
    *m = (struct storage_mount){.mount_target_id = text(target),
                                .export_id = text(export),
                                .destination_path = path != NULL ? text(path) : NULL,
                                .destination_directory = text(directory)};
    return m;
}

static void storage_has_a_source_and_a_place(void **state)
{
    AUTO(job_request) struct job_request request = {0};
    AUTO(run_spec) struct run_spec spec = spec_of(NULL);
    AUTO(plan) struct plan plan = {0};
    struct launch_settings settings = SETTINGS;
    struct err e = ERR_INIT;

    (void)state;
    settings.exports = "ocid1.target.a=10.0.0.9  ocid1.export.a=/exports/a ocid1.export.ab=/ab";
    add_part(&request, ARTIFACT_FILE, "train.py", "");
    request.job.infra.block_storage_gb = 75;
    add_mount(&request.job.configuration, "10.0.0.5", "/e", NULL, "data")->read_only = true;
    add_mount(&request.job.configuration, "10.0.0.5", "/e", "/", "fss");
    add_mount(&request.job.configuration, "ocid1.target.a", "ocid1.export.ab", "/opc", "fss");
    if (plan_build(&request, &spec, &settings, 1, &plan, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(plan.volume_bytes, 75LL << 30);
    assert_int_equal(plan.mount_count, 3);
    assert_string_equal(plan.mount[0].source, "10.0.0.5:/e");
    assert_string_equal(plan.mount[0].target, "/mnt/data");
    assert_true(plan.mount[0].read_only);
    assert_string_equal(plan.mount[1].target, "/fss");
    assert_false(plan.mount[1].read_only);
    assert_string_equal(plan.mount[2].source, "10.0.0.9:/ab");
    assert_string_equal(plan.mount[2].target, "/opc/fss");
}

static void the_runs_mounts_replace_the_jobs(void **state)
{
    AUTO(job_request) struct job_request request = {0};
    AUTO(run_spec) struct run_spec spec = spec_of(NULL);
    AUTO(plan) struct plan plan = {0};
    struct err e = ERR_INIT;

    (void)state;
    add_part(&request, ARTIFACT_FILE, "train.py", "");
    add_mount(&request.job.configuration, "10.0.0.5", "/e", NULL, "data");
    request.run.overrides.has_mounts = true;
    assert_int_equal(plan_build(&request, &spec, &SETTINGS, 1, &plan, &e), 0);
    assert_int_equal(plan.mount_count, 0);
}

static void storage_that_nobody_can_find_is_named(void **state)
{
    AUTO(job_request) struct job_request request = {0};
    AUTO(run_spec) struct run_spec spec = spec_of(NULL);
    struct storage_mount *m;

    (void)state;
    add_part(&request, ARTIFACT_FILE, "train.py", "");
    m = add_mount(&request.job.configuration, "ocid1.target.a", "/e", NULL, "data");
    refused(&request, &spec, "nfs.exports in its configuration must say ocid1.target.a=ADDRESS");
    m->object_storage = true;
    m->bucket = text("b:c");
    refused(&request, &spec, "/mnt/data: 's3://b:c' is not a bucket");
}

static void buckets(void **state)
{
    AUTO(job_request) struct job_request request = {0};
    AUTO(run_spec) struct run_spec spec = spec_of(NULL);
    AUTO(plan) struct plan plan = {0};
    struct storage_mount *m;
    struct err e = ERR_INIT;

    (void)state;
    add_part(&request, ARTIFACT_FILE, "train.py", "");
    m = add_mount(&request.job.configuration, "unused", "/e", NULL, "a");
    m->object_storage = true;
    m->bucket = text("b");
    m->namespace_name = text("n");
    m->prefix = text("/some/prefix/");
    m = add_mount(&request.job.configuration, "unused", "/e", NULL, "b");
    m->object_storage = true;
    m->bucket = text("c");
    assert_int_equal(run_outputs_add(&spec.outputs, "results", "s3://d", true), 0);
    assert_int_equal(plan_build(&request, &spec, &SETTINGS, 1, &plan, &e), 0);
    assert_string_equal(plan.mount[0].source, "oci://b@n/some/prefix/");
    assert_int_equal(plan.mount[0].kind, MOUNT_OBJECTS);
    assert_string_equal(plan.mount[1].source, "s3://c");
    assert_string_equal(plan.outputs.item[0].from, "results");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_single_file_is_its_own_entry),
        cmocka_unit_test(an_archive_has_its_entry_in_it),
        cmocka_unit_test(a_conda_environment_here_comes_first),
        cmocka_unit_test(an_image_brings_its_command_and_environment),
        cmocka_unit_test(what_this_node_cannot_do_is_named),
        cmocka_unit_test(the_nodes_of_a_run_and_its_probe_are_in_the_plan),
        cmocka_unit_test(storage_has_a_source_and_a_place),
        cmocka_unit_test(the_runs_mounts_replace_the_jobs),
        cmocka_unit_test(buckets),
        cmocka_unit_test(storage_that_nobody_can_find_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
