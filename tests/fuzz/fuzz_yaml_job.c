// USES: format job
/* fuzz_yaml_job.c - any bytes as an ADS job YAML; what is accepted must resolve and survive as an assignment.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/auto.h"
#include "format/read.h"
#include "job/assignment.h"
#include "job/read.h"
#include "job/resolve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct run_options OPTIONS = {.maximum_runtime_ms = -1};
    AUTO(diag) struct diag_list diags = {.file = "fuzz.yaml"};
    AUTO(job_request) struct job_request request = {0};
    AUTO(run_spec) struct run_spec spec = {0};
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(8U << 20);
    AUTO(node) struct node *root = yaml_read((const char *)data, size, &diags);
    AUTO(node) struct node *back = NULL;
    AUTO(job_request) struct job_request again = {0};
    int64_t epoch = 0;
    int r;

    if ((root == NULL) != (diags.errors > 0))
        abort();
    r = ads_read_job(root, "/base", &request, &diags);
    if ((r == 0) != (diags.errors == 0))
        abort();
    (void)document_kind_of(root);
    diag_print(&diags, &out);
    if (r < 0)
        return 0;
    strbuf_reset(&out);
    if (run_resolve(&request, &OPTIONS, &spec, &diags) < 0 || assignment_write(&request, 1, &out) < 0)
        abort();
    back = json_read(out.data, out.len, &diags);
    if (back == NULL || assignment_read(back, &again, &epoch, &diags) < 0)
        abort();
    return 0;
}
