// USES: format job
/* fuzz_oci_job.c - any bytes as an OCI Job and as a JobRun; what is accepted must resolve. */
#include <stdint.h>
#include <stdlib.h>

#include "base/auto.h"
#include "format/read.h"
#include "job/read.h"
#include "job/resolve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct run_options OPTIONS = {.maximum_runtime_ms = -1};
    AUTO(diag) struct diag_list diags = {.file = "fuzz.json"};
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(8U << 20);
    AUTO(node) struct node *root = json_read((const char *)data, size, &diags);
    static int (*const READERS[])(const struct node *root, struct job_request *request,
                                  struct diag_list *diags) = {oci_read_job, oci_read_job_run};

    if ((root == NULL) != (diags.errors > 0))
        abort();
    (void)document_kind_of(root);
    for (size_t i = 0; i < ARRAY_SIZE(READERS); i++) {
        AUTO(job_request) struct job_request request = {0};
        AUTO(run_spec) struct run_spec spec = {0};
        if (READERS[i](root, &request, &diags) == 0)
            (void)run_resolve(&request, &OPTIONS, &spec, &diags);
    }
    diag_print(&diags, &out);
    return 0;
}
