// USES: format job
/* fuzz_assignment.c - any bytes as an assignment: what is accepted must be written and read back as the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "format/read.h"
#include "job/assignment.h"

#define OUT_MAX (8U << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(diag) struct diag_list diags = {0};
    AUTO(job_request) struct job_request first = {0};
    AUTO(job_request) struct job_request second = {0};
    AUTO(strbuf) struct strbuf once = STRBUF_INIT(OUT_MAX);
    AUTO(strbuf) struct strbuf twice = STRBUF_INIT(OUT_MAX);
    AUTO(node) struct node *root = json_read((const char *)data, size, &diags);
    AUTO(node) struct node *back = NULL;
    int64_t epoch = 0;

    if (root == NULL || assignment_read(root, &first, &epoch, &diags) < 0)
        return 0;
    if (assignment_write(&first, epoch, &once) < 0)
        abort();
    back = json_read(once.data, once.len, &diags);
    if (back == NULL || assignment_read(back, &second, &epoch, &diags) < 0)
        abort();
    if (assignment_write(&second, epoch, &twice) < 0 || strcmp(once.data, twice.data) != 0)
        abort();
    return 0;
}
