// USES: assignment
/* fuzz_control_plane.c - any bytes as the body of any answer of a control plane: what is read keeps its bounds, and what is refused
 * says why. The first byte chooses the answer. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "assignment/http/answers.h"
#include "assignment/http/bootstrap.h"
#include "base/auto.h"
#include "job/assignment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool true_)
{
    if (!true_)
        abort();
}

static bool ends_within(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static void registration(const char *text, size_t n)
{
    struct registration r = {0};
    struct err e = ERR_INIT;

    if (answer_registration(text, n, &r, &e) < 0)
        must(e.text[0] != '\0');
    else
        must(r.heartbeat_ms >= 1000 && r.heartbeat_ms <= HEARTBEAT_SECONDS_MAX * 1000LL && r.lease_ms >= 0 &&
             r.lease_ms <= LEASE_SECONDS_MAX * 1000LL);
}

static void credential(const char *text, size_t n)
{
    AUTO(bootstrap_credential) struct bootstrap_credential c = {0};
    struct err e = ERR_INIT;

    if (bootstrap_answer(text, n, &c, &e) < 0)
        must(e.text[0] != '\0' && c.node_id == NULL && c.token == NULL);
    else
        must(c.node_id[0] != '\0' && c.token[0] != '\0' && strpbrk(c.token, " \r\n") == NULL);
}

static void lease(const char *text, size_t n)
{
    struct err e = ERR_INIT;
    int64_t ms = 0;

    if (answer_lease(text, n, &ms, &e) < 0)
        must(e.text[0] != '\0');
    else
        must(ms >= 1000 && ms <= LEASE_SECONDS_MAX * 1000LL);
}

static void assignment(const char *text, size_t n)
{
    struct offer offer;
    struct err e = ERR_INIT;
    char name[RUN_ID_BYTES];

    if (answer_assignment(text, n, &offer, &e) < 0) {
        must(e.text[0] != '\0');
        return;
    }
    run_name_format(&offer.name, name);
    must(run_name_valid(name) && strchr(name, '/') == NULL && offer.epoch >= 1 && offer.lease_ms >= 0);
}

static void directives(const char *text, size_t n)
{
    AUTO(diag) struct diag_list diags = {0};
    AUTO(wanted_list) struct wanted_list list = {0};

    if (answer_directives(text, n, &list, &diags) < 0)
        must(diags.errors > 0);
    must(list.count <= DIRECTIVES_MAX);
    for (size_t i = 0; i < list.count; i++) {
        const struct wanted *w = &list.item[i];
        must(w->id[0] != '\0' && ends_within(w->id, sizeof(w->id)) && !w->done);
        must(ends_within(w->node.reason, sizeof(w->node.reason)));
        must(w->of_node || (w->run_id[0] != '\0' && ends_within(w->run_id, sizeof(w->run_id))));
        must(w->run.grace_ms >= -1 && w->run.maximum_runtime_ms >= 0);
        must(w->of_node || w->run.kind != DIRECTIVE_DEADLINE || w->run.maximum_runtime_ms > 0);
    }
}

static void error(const char *text, size_t n)
{
    struct answer_error e;

    answer_error(text, n, &e);
    must(ends_within(e.code, sizeof(e.code)) && ends_within(e.message, sizeof(e.message)));
    must(strpbrk(e.code, " \n\"") == NULL && strpbrk(e.message, "\n\r\033") == NULL);
}

static void date(const char *text, size_t n)
{
    char line[64];
    wall_ms_t time;

    n = n < sizeof(line) - 1 ? n : sizeof(line) - 1;
    memcpy(line, text, n);
    line[n] = '\0';
    (void)answer_date(line, &time);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const READERS[])(const char *, size_t) = {registration, lease, assignment, directives,
                                                            error,        date,  credential};
    char *text;

    if (size == 0)
        return 0;
    /* A text of its own, so that reading past its end is seen. */
    text = malloc(size);
    if (text == NULL)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    READERS[(uint8_t)(data[0] - '0') % ARRAY_SIZE(READERS)](text, size - 1);
    free(text);
    return 0;
}
