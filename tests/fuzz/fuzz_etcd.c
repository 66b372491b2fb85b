// USES: assignment
/* fuzz_etcd.c - any bytes as what an etcd's gateway answers, as a line of a watch, and as values of keys: what is accepted is sound,
 * and a state that is read is written and read back as the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "assignment/etcd/answer.h"
#include "assignment/etcd/record.h"
#include "base/auto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_kvs(const struct etcd_kvs *l)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->item[i].key == NULL || l->item[i].key[0] == '\0' ||
            l->item[i].value[l->item[i].value_size] != '\0')
            abort();
}

static void as_answer(const char *text, size_t n)
{
    AUTO(etcd_reply) struct etcd_reply reply = {0};
    AUTO(strlist) struct strlist keys = {0};
    struct etcd_failure failure;
    struct err e = ERR_INIT;
    int64_t id, seconds;

    etcd_failure_read(text, n, &failure);
    if (etcd_reply_read(text, n, &reply, &e) < 0)
        return;
    for (int index = -1; index < 3; index++) {
        AUTO(etcd_kvs) struct etcd_kvs kvs = {0};
        if (etcd_reply_kvs(&reply, index, &kvs, &e) == 0)
            check_kvs(&kvs);
    }
    (void)etcd_reply_lease(&reply, &id, &seconds, &e);
    (void)etcd_reply_leased_keys(&reply, &keys, &e);
    (void)etcd_reply_token(&reply, &e);
}

static void as_values(const char *text, size_t n)
{
    AUTO(strbuf) struct strbuf once = STRBUF_INIT(1 << 20);
    AUTO(strbuf) struct strbuf twice = STRBUF_INIT(1 << 20);
    struct etcd_state state, back;
    struct etcd_claim claim;
    struct etcd_node node;
    struct directive directive;
    struct node_directive node_directive;
    struct err e = ERR_INIT;

    (void)etcd_claim_read(text, n, "claim", &claim, &e);
    (void)etcd_node_read(text, n, "node", &node, &e);
    (void)etcd_directive_read(text, n, "directive", &directive, &e);
    (void)etcd_node_directive_read(text, n, "directive", &node_directive, &e);
    if (etcd_state_read(text, n, "state", &state, &e) < 0 || etcd_state_write(&state, &once) < 0)
        return;
    if (once.len <= ETCD_RECORD_MAX &&
        (etcd_state_read(strbuf_str(&once), once.len, "state", &back, &e) < 0 ||
         etcd_state_write(&back, &twice) < 0 || strcmp(strbuf_str(&once), strbuf_str(&twice)) != 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(etcd_news) struct etcd_news news = {0};
    struct err e = ERR_INIT;
    const char *text = (const char *)data;

    as_answer(text, size);
    if (etcd_news_read(text, size, &news, &e) == 0)
        check_kvs(&news.kvs);
    as_values(text, size);
    return 0;
}
