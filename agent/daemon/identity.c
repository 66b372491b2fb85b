/* identity.c - see identity.h. */
#include "daemon/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "cloud/ask.h"
#include "sys/fd.h"
#include "sys/process.h"

/* A file in the agent's folder, a fact: what the metadata service said in the boot that it names. */
#define IDENTITY_NAME ".instance"

struct identity_asked {
    enum cloud_provider provider;
    struct cloud_identity *identity;
};

static bool take(void *context, const char *body, size_t n, char why[CLOUD_WHY_MAX])
{
    const struct identity_asked *q = context;
    AUTO(diag) struct diag_list diags = {0};
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(4096);

    if (cloud_identity_read(q->provider, body, n, q->identity, &diags) == 0)
        return true;
    diag_print(&diags, &text);
    (void)snprintf(why, CLOUD_WHY_MAX, "%.*s", (int)strcspn(strbuf_str(&text), "\n"), strbuf_str(&text));
    return false;
}

/* 0 or negative with *e. Nothing else is served before the node knows its name. */
static int ask_service(const struct config *c, struct cloud_identity *ret, struct err *e)
{
    struct identity_asked q = {.provider = cloud_provider_of(c->cloud_provider), .identity = ret};
    struct err why = ERR_INIT;

    if (cloud_ask(q.provider, c->cloud_endpoint, cloud_identity_path(q.provider), take, &q, &why) == 0)
        return 0;
    return err_set(e, why.code, why.blame,
                   "the instance metadata service of '%s' does not say who this is: %s", c->cloud_provider,
                   why.text);
}

static bool remembered(int agent_fd, const char *provider, struct cloud_identity *ret)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(FACT_LINE_MAX);
    AUTO(fact) struct fact f = {0};
    struct err e = ERR_INIT;
    char boot[BOOT_ID_MAX];

    boot_id_read(boot);
    if (file_read(agent_fd, IDENTITY_NAME, &text) < 0 ||
        fact_decode(strbuf_str(&text), text.len, &f, &e) < 0 || boot[0] == '\0' ||
        strcmp(fact_str(&f, "boot"), boot) != 0 || strcmp(fact_str(&f, "provider"), provider) != 0)
        return false;
    (void)snprintf(ret->id, sizeof(ret->id), "%s", fact_str(&f, "id"));
    (void)snprintf(ret->shape, sizeof(ret->shape), "%s", fact_str(&f, "shape"));
    (void)snprintf(ret->region, sizeof(ret->region), "%s", fact_str(&f, "region"));
    (void)snprintf(ret->name, sizeof(ret->name), "%s", fact_str(&f, "name"));
    return ret->id[0] != '\0';
}

static void remember(int agent_fd, const char *provider, const struct cloud_identity *identity)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(FACT_LINE_MAX);
    struct fact_writer w = fact_begin(&text);
    char boot[BOOT_ID_MAX];

    boot_id_read(boot);
    fact_put_string(&w, "boot", boot);
    fact_put_string(&w, "provider", provider);
    fact_put_string(&w, "id", identity->id);
    fact_put_string(&w, "shape", identity->shape);
    fact_put_string(&w, "region", identity->region);
    fact_put_string(&w, "name", identity->name);
    if (fact_end(&w) < 0 || file_replace(agent_fd, IDENTITY_NAME, text.data, text.len, 0640) < 0)
        log_warning("who the machine is could not be written down: the next start asks again");
}

static int ask_cloud(struct agent *a, struct err *e)
{
    struct err silent = ERR_INIT;

    if (cloud_provider_of(a->config->cloud_provider) == CLOUD_NONE ||
        remembered(a->agent_fd, a->config->cloud_provider, &a->instance))
        return 0;
    if (ask_service(a->config, &a->instance, &silent) == 0) {
        remember(a->agent_fd, a->config->cloud_provider, &a->instance);
        log_notice("the machine is instance %s, shape %s, region %s", a->instance.id, a->instance.shape,
                   a->instance.region);
        return 0;
    }
    a->instance = (struct cloud_identity){0};
    if (a->config->node_id[0] == '\0') {
        *e = silent;
        return e->code;
    }
    log_warning("%s", silent.text);
    return 0;
}

static int take_labels(const char *words, struct strlist *ret)
{
    for (const char *at = words; *(at += strspn(at, " ")) != '\0'; at += strcspn(at, " ")) {
        int r = strlist_addn(ret, at, strcspn(at, " "));
        if (r < 0)
            return r;
    }
    return 0;
}

/* "region=..." unless the configuration has a word about it. */
static int add_region(const char *region, struct strlist *labels)
{
    char label[sizeof(((struct cloud_identity *)0)->region) + 8];

    for (size_t i = 0; i < labels->count; i++)
        if (strncmp(labels->item[i], "region=", 7) == 0)
            return 0;
    if (region[0] == '\0')
        return 0;
    (void)snprintf(label, sizeof(label), "region=%s", region);
    return strlist_add(labels, label);
}

int identity_of_machine(struct agent *a, struct err *e)
{
    AUTO_CLOSE int proc = dir_open(AT_FDCWD, "/proc"), dev = dir_open(AT_FDCWD, "/dev");

    return node_facts_read(proc, dev, a->launcher.runs_fd, &a->node, e);
}

int identity_read(struct agent *a, struct err *e)
{
    const struct config *c = a->config;
    struct node_facts *n = &a->node;

    if (ask_cloud(a, e) < 0)
        return e->code;
    (void)snprintf(n->id, sizeof(n->id), "%s", c->node_id[0] != '\0' ? c->node_id : a->instance.id);
    (void)snprintf(n->shape, sizeof(n->shape), "%.127s",
                   c->node_shape[0] != '\0' ? c->node_shape : a->instance.shape);
    (void)snprintf(n->pool, sizeof(n->pool), "%s", c->node_pool);
    if (take_labels(c->node_labels, &n->labels) < 0 || add_region(a->instance.region, &n->labels) < 0)
        return err_oom(e);
    n->concurrency = c->concurrency;
    return identity_of_machine(a, e);
}
