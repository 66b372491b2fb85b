/* test_ads.c - ADS job YAML: how each runtime lands, what all share, and what is refused where. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>

#include "job/reading.h"

static void script_with_everything(void **state)
{
    AUTO(reading)
    struct reading r = read_ads("kind: job\n"
                                "apiVersion: v1.0\n"
                                "spec:\n"
                                "  name: train-${MODEL}-$$1\n"
                                "  infrastructure:\n"
                                "    kind: infrastructure\n"
                                "    type: dataScienceJob\n"
                                "    spec:\n"
                                "      project_id: ocid1.project.p\n"
                                "      compartmentId: ocid1.compartment.c\n"
                                "      jobType: DEFAULT\n"
                                "      jobInfrastructureType: ME_STANDALONE\n"
                                "      subnetId: ocid1.subnet.s\n"
                                "      shapeName: VM.Standard.E3.Flex\n"
                                "      block_storage_size: 50\n"
                                "      shape_config_details: {memory_in_gbs: 16, ocpus: 1}\n"
                                "      logGroupId: ocid1.loggroup.g\n"
                                "      storageMount:\n"
                                "        - {src: 'oci://b@ns/pre/fix/', dest: data}\n"
                                "        - {src: '10.0.0.5:/export', dest: /opc/fss}\n"
                                "        - {src: 'ocid1.mounttarget.m:ocid1.export.e', dest: /scratch}\n"
                                "  runtime:\n"
                                "    kind: runtime\n"
                                "    type: script\n"
                                "    spec:\n"
                                "      scriptPathURI: ./sub/../run.sh\n"
                                "      conda: {type: service, slug: pytorch110_p38_cpu_v1}\n"
                                "      args: [--epochs, 3, 'hi there', true]\n"
                                "      maximumRuntimeInMinutes: 30\n"
                                "      env:\n"
                                "        - name: MODEL\n"
                                "          value: resnet\n"
                                "        - {name: URL, value: 'x/${MODEL}'}\n"
                                "        - {name: NUM, value: 1.50}\n"
                                "        - {name: NONE, value: }\n"
                                "        - {name: FLAG, value: true}\n"
                                "        - {name: LIST, value: [1, a, {k: null}]}\n"
                                "      freeformTags: {a: b}\n");
    const struct job *j = &r.request.job;

    (void)state;
    assert_string_equal(strbuf_str(&r.text), "");
    assert_int_equal(r.result, 0);
    assert_string_equal(j->display_name, "train-resnet-$1");
    assert_string_equal(j->project_id, "ocid1.project.p");
    assert_string_equal(j->infra.type, "STANDALONE");
    assert_int_equal(j->infra.block_storage_gb, 50);
    assert_true(j->infra.memory_gb == 16 && j->infra.ocpus == 1);
    assert_true(j->enable_logging && j->enable_auto_log_creation);
    assert_string_equal(j->configuration.arguments, "--epochs 3 'hi there' True");
    assert_int_equal(j->configuration.maximum_runtime_minutes, 30);
    expect_env(&r, "URL", "x/resnet");
    expect_env(&r, "NUM", "1.50");
    expect_env(&r, "NONE", "");
    expect_env(&r, "FLAG", "true");
    expect_env(&r, "LIST", "[1, \"a\", {\"k\": null}]");
    expect_env(&r, "CONDA_ENV_TYPE", "service");
    expect_env(&r, "CONDA_ENV_SLUG", "pytorch110_p38_cpu_v1");
    assert_int_equal(r.request.conda_type, CONDA_SERVICE);
    assert_string_equal(r.request.conda_slug, "pytorch110_p38_cpu_v1");
    assert_int_equal(r.request.runtime, RUNTIME_ARTIFACT);
    assert_int_equal(r.request.artifact.count, 1);
    expect_part(&r, 0, ARTIFACT_FILE, "/base/dir/run.sh", "run.sh", "");
    assert_string_equal(r.request.artifact.file_name, "run.sh");
    assert_int_equal(j->configuration.mount_count, 3);
    assert_string_equal(j->configuration.mount[0].bucket, "b");
    assert_string_equal(j->configuration.mount[0].namespace_name, "ns");
    assert_string_equal(j->configuration.mount[0].prefix, "pre/fix");
    assert_string_equal(j->configuration.mount[0].destination_directory, "data");
    assert_null(j->configuration.mount[0].destination_path);
    assert_string_equal(j->configuration.mount[1].mount_target_id, "10.0.0.5");
    assert_string_equal(j->configuration.mount[1].export_id, "/export");
    assert_string_equal(j->configuration.mount[1].destination_path, "/opc");
    assert_string_equal(j->configuration.mount[2].destination_path, "/");
}

#define RUNTIME(type, spec)                                                                                  \
    "kind: job\nspec:\n  runtime:\n    kind: runtime\n    type: " type "\n    spec:\n" spec

static void how_sources_land(void **state)
{
    static const struct {
        const char *yaml;
        enum job_runtime runtime;
        enum artifact_form form;
        const char *path, *into, *program, *file_name;
        const char *variable, *value;
    } CASES[] = {
        {RUNTIME("script", "      scriptPathURI: /a/proj\n      entrypoint: proj/run.py\n"), RUNTIME_ARTIFACT,
         ARTIFACT_DIRECTORY, "/a/proj", "decompressed_artifact", NULL, "proj.zip", "JOB_RUN_ENTRYPOINT",
         "proj/run.py"},
        {RUNTIME("script", "      script_path_uri: proj.tar.gz\n      entrypoint: run.sh\n"),
         RUNTIME_ARTIFACT, ARTIFACT_ARCHIVE, "/base/dir/proj.tar.gz", "decompressed_artifact", NULL,
         "proj.tar.gz", "JOB_RUN_ENTRYPOINT", "run.sh"},
        {RUNTIME("script", "      scriptPathURI: app.jar\n"), RUNTIME_ARTIFACT, ARTIFACT_FILE,
         "/base/dir/app.jar", "", NULL, "app.jar", "JOB_RUN_ENTRYPOINT", NULL},
        {RUNTIME("python", "      scriptPathURI: train.py\n"), RUNTIME_PYTHON, ARTIFACT_FILE,
         "/base/dir/train.py", "decompressed_artifact/code", "driver_python.py", "train.zip",
         "CODE_ENTRYPOINT", "train.py"},
        {RUNTIME("python", "      scriptPathURI: ../proj/\n      entrypoint: proj/main.py\n"), RUNTIME_PYTHON,
         ARTIFACT_DIRECTORY, "/base/proj", "decompressed_artifact/code", "driver_python.py", "proj.zip",
         "CODE_ENTRYPOINT", "proj/main.py"},
        {RUNTIME("python",
                 "      scriptPathURI: p.zip\n      entrypoint: main.py\n      pythonPath: [lib, other]\n"),
         RUNTIME_PYTHON, ARTIFACT_ARCHIVE, "/base/dir/p.zip", "decompressed_artifact/code",
         "driver_python.py", "p.zip", "PYTHON_PATH", "lib:other"},
        {RUNTIME("notebook", "      notebookPathURI: nb/one.ipynb\n      excludeTags: [skip, 'no run']\n"),
         RUNTIME_NOTEBOOK, ARTIFACT_FILE, "/base/dir/nb/one.ipynb", "decompressed_artifact/code",
         "driver_notebook.py", "one.zip", "NOTEBOOK_EXCLUDE_TAGS", "[\"skip\", \"no run\"]"},
        {RUNTIME("notebook",
                 "      source: proj\n      entrypoint: n/a.ipynb\n      outputURI: oci://b@n/o\n"),
         RUNTIME_NOTEBOOK, ARTIFACT_DIRECTORY, "/base/dir/proj", "decompressed_artifact/code",
         "driver_notebook.py", "proj.zip", "JOB_RUN_NOTEBOOK", "proj/n/a.ipynb"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(reading) struct reading r = read_ads(CASES[i].yaml);
        const struct artifact *a = &r.request.artifact;
        if (r.result != 0 || (a->count > 1) != (CASES[i].program != NULL))
            fail_msg("case %zu: %d parts, %s", i, (int)a->count, strbuf_str(&r.text));
        assert_int_equal(r.request.runtime, CASES[i].runtime);
        assert_int_equal(a->part[0].form, CASES[i].form);
        assert_string_equal(a->part[0].path, CASES[i].path);
        assert_string_equal(a->part[0].into, CASES[i].into);
        assert_string_equal(a->file_name, CASES[i].file_name);
        assert_false(a->part[0].flatten);
        expect_env(&r, CASES[i].variable, CASES[i].value);
        if (CASES[i].program != NULL) {
            expect_part(&r, 1, ARTIFACT_ENTRY_PROGRAM, CASES[i].program, CASES[i].program,
                        "decompressed_artifact");
            expect_env(&r, "JOB_RUN_ENTRYPOINT", CASES[i].program);
        }
    }
}

/* Python finds what a program imports beside it: the program without its modules would not start. */
static void entry_programs_bring_what_they_import(void **state)
{
    static const struct {
        const char *yaml;
        const char *programs[5]; /* as they follow the code; the first is the one that runs */
    } CASES[] = {
        {RUNTIME("python", "      scriptPathURI: a.py\n"),
         {"driver_python.py", "driver_notebook.py", "driver_common.py"}},
        {RUNTIME("notebook", "      notebookPathURI: a.ipynb\n"), {"driver_notebook.py", "driver_common.py"}},
        {RUNTIME("gitPython", "      url: https://example.org/r.git\n      entrypoint: a.py\n"
                              "      conda: {type: service, slug: s_v1}\n"),
         {"driver_git.py", "driver_python.py", "driver_notebook.py", "driver_common.py"}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(reading) struct reading r = read_ads(CASES[i].yaml);
        size_t at = r.request.runtime == RUNTIME_GIT_PYTHON ? 0 : 1;
        assert_string_equal(strbuf_str(&r.text), "");
        for (size_t k = 0; CASES[i].programs[k] != NULL; k++)
            expect_part(&r, at++, ARTIFACT_ENTRY_PROGRAM, CASES[i].programs[k], CASES[i].programs[k],
                        "decompressed_artifact");
        assert_int_equal(r.request.artifact.count, at);
        expect_env(&r, "JOB_RUN_ENTRYPOINT", CASES[i].programs[0]);
    }
}

static void git_runtime(void **state)
{
    AUTO(reading)
    struct reading r = read_ads(RUNTIME("gitPython", "      url: https://example.org/r.git\n"
                                                     "      branch: main\n"
                                                     "      commit: 0123abc\n"
                                                     "      gitSecretId: ocid1.secret\n"
                                                     "      skipMetadataUpdate: true\n"
                                                     "      entrypoint: src/x.py\n"
                                                     "      entryFunction: main\n"
                                                     "      workingDir: src\n"
                                                     "      outputDir: out\n"
                                                     "      outputUri: oci://b@n/p\n"
                                                     "      codeDir: Code\n"
                                                     "      conda: {type: published, uri: "
                                                     "'oci://b@n/envs/cpu/my_env_v1', region: us-x}\n"));
    static const char *const EXPECT[][2] = {
        {"GIT_URL", "https://example.org/r.git"},
        {"GIT_BRANCH", "main"},
        {"GIT_COMMIT", "0123abc"},
        {"GIT_SECRET_OCID", "ocid1.secret"},
        {"SKIP_METADATA_UPDATE", "1"},
        {"GIT_ENTRYPOINT", "src/x.py"},
        {"ENTRY_FUNCTION", "main"},
        {"WORKING_DIR", "src"},
        {"OUTPUT_DIR", "out"},
        {"OUTPUT_URI", "oci://b@n/p"},
        {"CODE_DIR", "Code"},
        {"JOB_RUN_ENTRYPOINT", "driver_git.py"},
        {"CONDA_ENV_TYPE", "published"},
        {"CONDA_ENV_BUCKET", "b"},
        {"CONDA_ENV_NAMESPACE", "n"},
        {"CONDA_ENV_OBJECT_NAME", "envs/cpu/my_env_v1"},
        {"CONDA_ENV_REGION", "us-x"},
    };

    (void)state;
    assert_string_equal(strbuf_str(&r.text), "");
    for (size_t i = 0; i < ARRAY_SIZE(EXPECT); i++)
        expect_env(&r, EXPECT[i][0], EXPECT[i][1]);
    expect_part(&r, 0, ARTIFACT_ENTRY_PROGRAM, "driver_git.py", "driver_git.py", "decompressed_artifact");
    assert_int_equal(r.request.conda_type, CONDA_PUBLISHED);
    assert_string_equal(r.request.conda_slug, "my_env_v1");
}

static void container_and_pytorch_are_recognised(void **state)
{
    AUTO(reading)
    struct reading c =
        read_ads(RUNTIME("container", "      image: iad.ocir.io/ns/repo:1\n      entrypoint: bash, -c\n"
                                      "      cmd: ['sleep 5 && echo $X']\n      replicas: 2\n"));
    AUTO(reading)
    struct reading p =
        read_ads(RUNTIME("pyTorchDistributed", "      command: torchrun train.py\n      replicas: 1\n"
                                               "      git: {url: 'https://x/y.git'}\n"));

    (void)state;
    assert_int_equal(c.result, 0);
    assert_int_equal(c.request.runtime, RUNTIME_CONTAINER);
    assert_string_equal(c.request.job.configuration.container->entrypoint.item[1], "-c");
    assert_int_equal(c.request.job.configuration.container->cmd.count, 1);
    assert_true(c.request.job.multi_node);
    expect_env(&c, "NODE_COUNT", "2");
    assert_int_equal(p.result, 0);
    assert_int_equal(p.request.runtime, RUNTIME_PYTORCH);
    assert_string_equal(job_runtime_name(p.request.runtime), "pyTorchDistributed");
    assert_false(p.request.job.multi_node);
    expect_env(&p, "OCI__LAUNCH_CMD", "torchrun train.py");
    expect_env(&p, "OCI__RUNTIME_URI", "https://x/y.git");
    expect_env(&p, "NODE_COUNT", "1");
    expect_env(&p, "JOB_RUN_ENTRYPOINT", "driver_pytorch.py");
}

static void top_level_name_and_env_map_are_tolerated(void **state)
{
    AUTO(reading)
    struct reading r = read_ads("kind: job\nname: top\nspec:\n  runtime:\n    type: script\n    spec:\n"
                                "      scriptPathURI: a.py\n      env: {A: 1, B: '${A}2'}\n"
                                "      x-runlet: {maximumRuntime: 90s}\n");

    (void)state;
    assert_string_equal(strbuf_str(&r.text), "");
    assert_string_equal(r.request.job.display_name, "top");
    expect_env(&r, "B", "12");
    assert_int_equal(r.request.job.configuration.x.maximum_runtime_ms, 90000);
}

static void refusals_and_warnings_are_placed(void **state)
{
    static const struct {
        const char *yaml;
        int result;
        const char *says;
    } CASES[] = {
        {"kind: pipeline\nspec: {}\n", -EINVAL, "job.yaml:1:7: error: expected 'kind: job'"},
        {"kind: job\n", -EINVAL, "job.yaml:1:1: error: 'spec' is missing"},
        {"kind: job\nspec: {}\n", -EINVAL, "job.yaml:2:7: error: 'runtime' is missing"},
        {"kind: job\nx-runlet: {}\nspec: {}\n", -EINVAL,
         "job.yaml:2:1: error: 'x-runlet' belongs under 'spec'"},
        {RUNTIME("scripts", "      scriptPathURI: a.py\n"), -EINVAL,
         "job.yaml:5:11: error: unknown runtime type 'scripts'"},
        {RUNTIME("scripts", "      scriptPathURI: a.py\n"), -EINVAL, "did you mean 'script'?"},
        {RUNTIME("dataFlow", "      scriptBucket: b\n"), -EINVAL,
         "job.yaml:5:11: error: 'dataFlow' runs on the OCI Data Flow (Spark) service"},
        {RUNTIME("script", "      args: []\n"), -EINVAL, "error: 'scriptPathURI' is missing"},
        {RUNTIME("script", "      scriptPathURI: gs://b/x.py\n"), -EINVAL,
         "job.yaml:7:22: error: 'scriptPathURI': expected a URI that begins with file:, http://"},
        {RUNTIME("script", "      scriptPathURI: oci://b/x.py\n"), -EINVAL,
         "job.yaml:7:22: error: 'scriptPathURI': expected oci://BUCKET@NAMESPACE/OBJECT"},
        {RUNTIME("script", "      scriptPathURI: https://h/folder\n      entrypoint: a.py\n"), -EINVAL,
         "job.yaml:7:22: error: 'folder' is not a type of artifact that can be fetched: expected .py"},
        {RUNTIME("script", "      scriptPathURI: https://h/\n"), -EINVAL,
         "job.yaml:7:22: error: the URI does not end in a file's name"},
        {RUNTIME("script", "      scriptPathURI: a.sh\n      x-runlet: {artifact: {uri: 'http://h/x.py'}}\n"),
         -EINVAL, "'artifact': an ADS job names its code in its runtime"},
        {RUNTIME("script", "      scriptPathURI: ~/x.py\n"), -EINVAL, "'~' is not expanded"},
        {RUNTIME("script", "      scriptPathURI: proj\n"), -EINVAL,
         "job.yaml:7:22: error: 'entrypoint' is missing"},
        {RUNTIME("script", "      scriptPathURI: proj.zip\n"), 0,
         "job.yaml:7:22: warning: without 'entrypoint', a jobruntime.yaml"},
        {RUNTIME("script", "      scriptPathURI: a.ipynb\n"), -EINVAL, "needs the runtime type 'notebook'"},
        {RUNTIME("script", "      scriptPathURI: p.zip\n      entrypoint: ../x.py\n"), -EINVAL,
         "job.yaml:8:19: error: 'entrypoint': '../x.py' must be a path inside the code"},
        {RUNTIME("python", "      scriptPathURI: proj\n"), -EINVAL, "'entrypoint' is missing"},
        {RUNTIME("notebook", "      source: proj\n"), -EINVAL, "it names the notebook in 'source'"},
        {RUNTIME("notebook", "      notebookPathURI: x.py\n"), -EINVAL, "expected a .ipynb file"},
        {RUNTIME("gitPython", "      url: u\n      entrypoint: x.py\n"), -EINVAL,
         "error: 'conda' is missing: gitPython needs a conda environment"},
        {RUNTIME("container", "      cmd: x\n"), -EINVAL, "a container needs 'image'"},
        {RUNTIME("script", "      scriptPathUri: a.py\n"), -EINVAL,
         "job.yaml:7:7: warning: unknown key 'scriptPathUri' is ignored; did you mean 'scriptPathURI'?"},
        {RUNTIME("script", "      scriptPathURI: a.py\n      args: --x\n"), -EINVAL,
         "job.yaml:8:13: error: 'args': expected a list, found string"},
        {RUNTIME("script", "      scriptPathURI: a.py\n      args: [a, [b]]\n"), -EINVAL,
         "job.yaml:8:17: error: expected a string or a number, found list"},
        {RUNTIME("script", "      scriptPathURI: a.py\n      env: [{name: A}]\n"), -EINVAL,
         "environment variable 'A' needs 'value'"},
        {RUNTIME("script",
                 "      scriptPathURI: a.py\n      env:\n        - name: A-B\n          value: 1\n"),
         -EINVAL, "job.yaml:9:17: error: 'A-B' cannot be the name of an environment variable"},
        {RUNTIME("script", "      scriptPathURI: a.py\n      maximumRuntimeInMinutes: 2\n"), -EINVAL,
         "job.yaml:8:32: error: 'maximumRuntimeInMinutes': 2 is out of range: expected 5 to 43200"},
        {RUNTIME("script", "      scriptPathURI: a.py\n      x-runlet: {maxRuntime: 1s}\n"), -EINVAL,
         "job.yaml:8:18: error: unknown key 'maxRuntime'"},
        {RUNTIME("script", "      scriptPathURI: a.py\n      conda: {type: custom}\n"), -EINVAL,
         "'custom' is not one of service, published"},
        {RUNTIME("script", "      scriptPathURI: a.py\n      conda: {type: published, uri: b/x}\n"), -EINVAL,
         "job.yaml:8:37: error: 'b/x': expected oci://bucket@namespace/object"},
        {RUNTIME("script", "      scriptPathURI: a.py\n      conda: {type: service}\n"), -EINVAL,
         "needs 'slug'"},
        {"kind: job\nspec:\n  infrastructure: {type: dataFlow}\n  runtime: {type: script, spec: "
         "{scriptPathURI: a.py}}\n",
         -EINVAL, "job.yaml:3:26: error: 'dataFlow' is the OCI Data Flow (Spark) service"},
        {"kind: job\nspec:\n  infrastructure: {spec: {blockStorageSize: 10}}\n"
         "  runtime: {type: script, spec: {scriptPathURI: a.py}}\n",
         -EINVAL, "job.yaml:3:45: error: 'blockStorageSize': 10 is out of range: expected 50 to"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(reading) struct reading r = read_ads(CASES[i].yaml);
        if (r.result != CASES[i].result)
            fail_msg("%s: %d %s", CASES[i].yaml, r.result, strbuf_str(&r.text));
        expect_text(&r, CASES[i].says);
    }
}

static void places_of_mounts(void **state)
{
    static const struct {
        const char *mounts;
        const char *says; /* NULL: accepted */
    } CASES[] = {
        {"[{src: 'oci://b@n', dest: a}]", NULL},
        {"[{src: 'oci://b@n', dest: a}, {src: 'oci://b@n', dest: /mnt/a/}]", "two mounts at /mnt/a"},
        {"[{src: 'oci://b@n', dest: /home/datascience/in}]", NULL},
        {"[{src: 'oci://b@n', dest: /home/datascience}]", "nothing may be mounted at /home/datascience"},
        {"[{src: 'oci://b@n', dest: /bin}]", "nothing may be mounted at /bin"},
        {"[{src: 'oci://b@n', dest: /etc/x}]", "nothing may be mounted at /etc/x"},
        {"[{src: 'oci://b@n', dest: /binary}]", NULL},
        {"[{src: 'oci://b@n', dest: '-x'}]", "'-x' cannot be a mount's directory"},
        {"[{src: 'oci://b@n', dest: a.b}]", "'a.b' cannot be a mount's directory"},
        {"[{src: 'oci://b@n', dest: /x/../y}]", "'/x/..' cannot be a mount's path"},
        {"[{src: 'oci://b@n', dest: x/y}]", "'x' cannot be a mount's path"},
        {"[{src: 'oci://b@n', dest: /}]", "cannot be a mount's directory"},
        {"[{src: 'oci://@n', dest: a}]", "expected oci://bucket@namespace/prefix"},
        {"[{src: 'oci://b', dest: a}]", "expected oci://bucket@namespace/prefix"},
        {"[{src: '10.0.0.300:/e', dest: a}]", "expected oci://bucket@namespace/prefix"},
        {"[{src: '10.0.0.3@/e', dest: a}]", NULL},
        {"[{dest: a}]", "a storage mount needs 'src'"},
        {"[{src: 'oci://b@n'}]", "a storage mount needs 'dest'"},
        {"[x]", "expected a mapping with src and dest, found string"},
        {"[{src: 'oci://b@n', dest: a}, {src: 'oci://b@n', dest: b}, {src: 'oci://b@n', dest: c}, "
         "{src: 'oci://b@n', dest: d}, {src: 'oci://b@n', dest: e}, {src: 'oci://b@n', dest: f}]",
         "6 storage mounts; the limit is 5"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(strbuf) struct strbuf yaml = STRBUF_INIT(4096);
        strbuf_addf(&yaml,
                    "kind: job\nspec:\n  runtime: {type: script, spec: {scriptPathURI: a.py}}\n"
                    "  infrastructure:\n    spec:\n      storageMount: %s\n",
                    CASES[i].mounts);
        AUTO(reading) struct reading r = read_ads(yaml.data);
        if (CASES[i].says == NULL && r.result != 0)
            fail_msg("%s: %s", CASES[i].mounts, strbuf_str(&r.text));
        if (CASES[i].says != NULL)
            expect_text(&r, CASES[i].says);
        assert_int_equal(r.result, CASES[i].says == NULL ? 0 : -EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(script_with_everything),
        cmocka_unit_test(how_sources_land),
        cmocka_unit_test(entry_programs_bring_what_they_import),
        cmocka_unit_test(git_runtime),
        cmocka_unit_test(container_and_pytorch_are_recognised),
        cmocka_unit_test(top_level_name_and_env_map_are_tolerated),
        cmocka_unit_test(refusals_and_warnings_are_placed),
        cmocka_unit_test(places_of_mounts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
