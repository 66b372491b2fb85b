/* verb_validate.c - runlet validate: everything that is wrong with a job, without running it. */
#include <errno.h>
#include <jansson.h>

#include "base/auto.h"
#include "cli/cli.h"
#include "cli/request.h"
#include "job/resolve.h"

#define REPORT_MAX (1U << 20)

static json_t *finding(const struct diag *d)
{
    json_t *object =
        json_pack("{s:s, s:s?, s:s}", "severity", d->severity == DIAG_ERROR ? "error" : "warning", "file",
                  d->file, "message", d->message);

    if (object != NULL && d->where.line > 0) {
        (void)json_object_set_new(object, "line", json_integer(d->where.line));
        (void)json_object_set_new(object, "column", json_integer(d->where.column));
    } else if (object != NULL && d->where.pointer[0] != '\0') {
        (void)json_object_set_new(object, "pointer", json_string(d->where.pointer));
    }
    return object;
}

static void print_json(struct cli *cli, const struct diag_list *diags)
{
    json_t *findings = json_array();
    json_t *root;

    for (size_t i = 0; i < diags->count; i++)
        (void)json_array_append_new(findings, finding(&diags->entry[i]));
    root = json_pack("{s:I, s:I, s:o}", "errors", (json_int_t)diags->errors, "warnings",
                     (json_int_t)diags->warnings, "findings", findings);
    (void)json_dumpf(root, cli->out, JSON_INDENT(2));
    (void)fputc('\n', cli->out);
    json_decref(root);
}

static void print_text(struct cli *cli, const struct diag_list *diags)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(REPORT_MAX);

    diag_print(diags, &text);
    (void)fputs(strbuf_str(&text), cli->err);
    if (diags->errors == 0)
        (void)fprintf(cli->out, "no errors, %zu warning%s\n", diags->warnings,
                      diags->warnings == 1 ? "" : "s");
}

/* Layering finds what no document shows alone: too many characters together, unfinished quotes. */
static int read_and_resolve(const struct cli *cli, struct diag_list *diags)
{
    AUTO(job_request) struct job_request request = {0};
    AUTO(run_spec) struct run_spec spec = {0};
    const struct run_options options = {.maximum_runtime_ms = -1};
    int r = cli_read_request(cli, &request, diags);

    return r < 0 ? r : run_resolve(&request, &options, &spec, diags);
}

int verb_validate(struct cli *cli)
{
    AUTO(diag) struct diag_list diags = {0};

    if (read_and_resolve(cli, &diags) == -ENOMEM) {
        (void)fprintf(cli->err, "runlet: out of memory\n");
        return 1;
    }
    if (cli_flag(cli, "json"))
        print_json(cli, &diags);
    else
        print_text(cli, &diags);
    return diags.errors > 0 ? 1 : 0;
}
