// USES: cli
/* fuzz_bootstrap_file.c - any bytes as the document of a new machine: what is refused is said, and what is accepted can be written as a
 * configuration that is read back. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "cli/bootstrap_file.h"
#include "config/read.h"
#include "format/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool true_)
{
    if (!true_)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(diag) struct diag_list diags = {.file = "bootstrap.yaml"};
    AUTO(diag) struct diag_list none = {.file = "written.yaml"};
    AUTO(bootstrap_file) struct bootstrap_file f = {0};
    AUTO(config) struct config back = {0};
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(8U << 20);
    AUTO(node) struct node *root = NULL;

    if (bootstrap_file_read((const char *)data, size, &f, &diags) < 0) {
        must(diags.errors > 0);
        return 0;
    }
    must(diags.errors == 0 && (f.token != NULL) != (f.token_file != NULL) &&
         f.config.http_endpoint[0] != '\0');
    must(config_show_named(&f.config, &text) == 0);
    root = yaml_read(strbuf_str(&text), text.len, &none);
    must(root != NULL && config_read(&back, root, &none) == 0 && none.errors == 0);
    must(strcmp(back.http_endpoint, f.config.http_endpoint) == 0);
    return 0;
}
