/* configuration.c - see configuration.h. */
#include "cli/configuration.h"

#include <errno.h>

#include "base/auto.h"

#define REPORT_MAX (256U * 1024)

int cli_load_config(const struct cli *cli, struct config *ret)
{
    AUTO(diag) struct diag_list diags = {0};
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(REPORT_MAX);
    int r = config_load(cli_value(cli, "config"), ret, &diags);

    if (r == -ENOMEM) {
        (void)fprintf(cli->err, "runlet: out of memory\n");
        return r;
    }
    diag_print(&diags, &text);
    (void)fputs(strbuf_str(&text), cli->err);
    return r;
}
