// USES: base wire
/* fuzz_plan.c - any bytes as a plan: what is accepted is within its limits and survives being sent again. */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/parse.h"
#include "wire/entry.h"
#include "wire/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool climbs(const char *path)
{
    AUTO(strbuf) struct strbuf padded = STRBUF_INIT(FACT_LINE_MAX);

    strbuf_addf(&padded, "/%s/", path);
    return path[0] == '/' || strstr(strbuf_str(&padded), "/../") != NULL;
}

static void check(const struct plan *p)
{
    AUTO(strlist) struct strlist argv = {0};
    struct err e = ERR_INIT;

    if (!run_name_valid(p->run_id) || p->maximum_runtime_ms < 1 || p->stop_signal < 1 ||
        p->stop_signal >= _NSIG || p->placement_count > PLAN_PLACEMENTS_MAX)
        abort();
    for (size_t i = 0; i < p->placement_count; i++)
        if (strchr(p->placement[i].name, '/') != NULL || climbs(p->placement[i].into))
            abort();
    for (size_t i = 0; i < p->env.count; i++)
        if (!env_key_valid(p->env.var[i].key))
            abort();
    if (entry_command(p, p->entrypoint, NULL, &argv, &e) == 0 &&
        (argv.count < 2 + p->args.count ||
         strncmp(argv.item[argv.count - p->args.count - 1], JOB_HOME "/", sizeof(JOB_HOME)) != 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(plan) struct plan p = {0};
    AUTO(plan) struct plan again = {0};
    AUTO(strbuf) struct strbuf first = STRBUF_INIT(PLAN_BYTES_MAX);
    AUTO(strbuf) struct strbuf second = STRBUF_INIT(PLAN_BYTES_MAX);
    struct err e = ERR_INIT;

    if (plan_decode((const char *)data, size, &p, &e) < 0) {
        if (p.run_id != NULL || e.code >= 0 || e.text[0] == '\0')
            abort();
        return 0;
    }
    check(&p);
    if (plan_encode(&p, &first) < 0)
        return 0;
    if (plan_decode(first.data, first.len, &again, &e) < 0 || plan_encode(&again, &second) < 0)
        abort();
    if (strcmp(first.data, second.data) != 0)
        abort();
    return 0;
}
