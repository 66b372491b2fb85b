/* test_conda.c - where the pack of a conda environment lies. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "job/conda.h"

#define PUBLISHED                                                                                            \
    "CONDA_ENV_BUCKET=b", "CONDA_ENV_NAMESPACE=ns", "CONDA_ENV_OBJECT_NAME=envs/cpu/mine/1.0/mine_v1"
#define TEMPLATE "https://packs.example.org/{slug}.tar.gz?v=1"

static void where_it_lies(void **state)
{
    static const struct {
        enum conda_type type;
        const char *packs;
        const char *variable[4];
        const char *uri; /* NULL: refused, with the text */
        const char *says;
        enum blame blame;
    } CASES[] = {
        {CONDA_PUBLISHED, NULL, {PUBLISHED}, "oci://b@ns/envs/cpu/mine/1.0/mine_v1", NULL, 0},
        {CONDA_PUBLISHED,
         NULL,
         {PUBLISHED, "CONDA_ENV_REGION=us-ashburn-1"},
         "oci://b@ns/envs/cpu/mine/1.0/mine_v1?region=us-ashburn-1",
         NULL,
         0},
        {CONDA_PUBLISHED,
         TEMPLATE,
         {"CONDA_ENV_OBJECT_NAME=o"},
         NULL,
         "CONDA_ENV_BUCKET is missing",
         BLAME_ASSIGNMENT},
        {CONDA_PUBLISHED,
         TEMPLATE,
         {"CONDA_ENV_OBJECT_NAME=o", "CONDA_ENV_BUCKET=b", "CONDA_ENV_NAMESPACE="},
         NULL,
         "CONDA_ENV_NAMESPACE is missing",
         BLAME_ASSIGNMENT},
        {CONDA_SERVICE, TEMPLATE, {NULL}, "https://packs.example.org/mine_v1.tar.gz?v=1", NULL, 0},
        {CONDA_SERVICE, TEMPLATE, {PUBLISHED}, "oci://b@ns/envs/cpu/mine/1.0/mine_v1", NULL, 0},
        {CONDA_SERVICE, "", {NULL}, NULL, "conda.servicePacks", BLAME_NODE},
        {CONDA_SERVICE, NULL, {NULL}, NULL, "'mine_v1'", BLAME_NODE},
        {CONDA_SERVICE, "oci://b@n/fixed", {NULL}, NULL, "has no {slug}", BLAME_NODE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        AUTO(env) struct env env = {0};
        AUTO_FREE char *uri = NULL;
        struct err e = ERR_INIT;
        int r;
        for (size_t k = 0; k < ARRAY_SIZE(CASES[i].variable) && CASES[i].variable[k] != NULL; k++) {
            AUTO_FREE char *key = strdup(CASES[i].variable[k]);
            char *value = strchr(key, '=');
            *value = '\0';
            assert_int_equal(env_set(&env, ENV_JOB, key, value + 1), 0);
        }
        r = conda_pack_uri(&env, CASES[i].type, "mine_v1", CASES[i].packs, &uri, &e);
        if (CASES[i].uri == NULL) {
            if (r >= 0 || e.blame != CASES[i].blame || strstr(e.text, CASES[i].says) == NULL)
                fail_msg("case %zu: %d '%s'", i, r, e.text);
            continue;
        }
        assert_int_equal(r, 0);
        assert_string_equal(uri, CASES[i].uri);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(where_it_lies)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
