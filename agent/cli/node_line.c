/* node_line.c - see node_line.h. */
#include "cli/node_line.h"

#include <fcntl.h>
#include <string.h>

#include "base/auto.h"
#include "base/clock.h"
#include "daemon/drained.h"
#include "daemon/node_view.h"
#include "format/read.h"
#include "io/http_client.h"
#include "sys/fd.h"

#define DAEMON_TIMEOUT_MS 2000

struct node *node_ask(const struct layout *layout)
{
    AUTO(strbuf) struct strbuf body = STRBUF_INIT(NODE_VIEW_MAX);
    AUTO(diag) struct diag_list diags = {0};
    struct err e = ERR_INIT;

    if (http_unix_request(layout->api_socket, "GET", "/v1/node", DAEMON_TIMEOUT_MS, &body, &e) != 200)
        return NULL;
    return json_read(strbuf_str(&body), body.len, &diags);
}

int64_t node_number(const struct node *n, const char *key)
{
    const struct node *value = node_get(n, key);

    return value != NULL && value->kind == NODE_INT ? value->integer : 0;
}

static const char *text_of(const struct node *n, const char *key)
{
    const struct node *value = node_get(n, key);

    return value != NULL && value->kind == NODE_STRING ? value->text : "";
}

static void put_source(const struct cli *cli, const struct node *source)
{
    const char *endpoint = text_of(source, "endpoint"), *since = text_of(source, "since");
    const char *link = text_of(source, "link"), *why = text_of(source, "why");

    (void)fprintf(cli->out, "source %s%s%s", text_of(source, "name"), endpoint[0] != '\0' ? " " : "",
                  endpoint);
    if (strcmp(link, "none") != 0)
        (void)fprintf(cli->out, ": %s%s%s", link, since[0] != '\0' ? " since " : "", since);
    (void)fprintf(cli->out, "%s%s\n", why[0] != '\0' ? ": " : "", why);
}

/* What blocks stands in the node's line already. */
static void put_check(const struct cli *cli, const struct node *check)
{
    if (strcmp(text_of(check, "state"), "warns") == 0)
        (void)fprintf(cli->out, "warning %s: %s since %s: %s\n", text_of(check, "name"),
                      text_of(check, "what"), text_of(check, "since"), text_of(check, "remedy"));
}

static void show_up(const struct cli *cli, const struct node *n)
{
    const struct node *sources = node_get(n, "sources"), *checks = node_get(n, "checks");
    const struct node *unheard = node_get(n, "noticesUnheard");
    const char *not_ready = text_of(n, "notReady");
    char up[DURATION_TEXT_MAX];

    duration_format(node_number(n, "uptimeInMs"), up);
    (void)fprintf(cli->out, "runletd %s up %s, %lld active, %lld waiting", text_of(n, "version"), up,
                  (long long)node_number(n, "active"), (long long)node_number(n, "waiting"));
    if (node_number(n, "reporting") > 0)
        (void)fprintf(cli->out, ", %lld ended and not reported yet", (long long)node_number(n, "reporting"));
    (void)fprintf(cli->out, "\nnode %s: %s%s\n", text_of(n, "id"),
                  not_ready[0] != '\0' ? "takes no run: " : "takes runs", not_ready);
    if (unheard != NULL)
        (void)fprintf(cli->out, "warning notices: not heard since %s: %s\n", text_of(unheard, "since"),
                      text_of(unheard, "why"));
    for (size_t i = 0; checks != NULL && i < checks->count; i++)
        put_check(cli, checks->item[i]);
    for (size_t i = 0; sources != NULL && i < sources->count; i++)
        put_source(cli, sources->item[i]);
}

/* Readable for the agent's group, as the records of runs are. */
static void show_down(const struct cli *cli, const struct layout *layout)
{
    AUTO_CLOSE int fd = dir_open(AT_FDCWD, layout->agent);
    struct drained drained;
    char since[RFC3339_MAX];

    (void)fprintf(cli->out, "runletd is not running\n");
    if (fd < 0 || !drained_read(fd, &drained))
        return;
    wall_format(drained.since, since);
    (void)fprintf(cli->out, "the node is drained since %s%s%s\n", since,
                  drained.reason[0] != '\0' ? ": " : "", drained.reason);
}

void node_lines_show(const struct cli *cli, const struct layout *layout)
{
    AUTO(node) struct node *n = node_ask(layout);

    if (n != NULL)
        show_up(cli, n);
    else
        show_down(cli, layout);
}
