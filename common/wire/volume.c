/* volume.c - see volume.h. */
#include "wire/volume.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/fact.h"

static const char MARK[] = "runlet: this volume was blank and is being formatted\nuuid ";

#define UUID_CHARS 36

static const struct {
    const char *key;
    size_t offset, size;
} TEXTS[] = {
    {"signature", offsetof(struct volume_facts, signature), VOLUME_WORD_MAX},
    {"usage", offsetof(struct volume_facts, usage), VOLUME_WORD_MAX},
    {"label", offsetof(struct volume_facts, label), VOLUME_LABEL_MAX},
    {"uuid", offsetof(struct volume_facts, uuid), VOLUME_UUID_MAX},
    {"mark", offsetof(struct volume_facts, mark), VOLUME_UUID_MAX},
};

static const struct {
    const char *key;
    size_t offset;
} SWITCHES[] = {
    {"ambiguous", offsetof(struct volume_facts, ambiguous)},
    {"empty", offsetof(struct volume_facts, empty)},
    {"unfinished", offsetof(struct volume_facts, unfinished)},
};

int volume_facts_encode(const struct volume_facts *facts, struct strbuf *out)
{
    struct fact_writer w = fact_begin(out);

    fact_put_int(&w, "volume", facts->bytes);
    for (size_t i = 0; i < ARRAY_SIZE(TEXTS); i++)
        fact_put_string(&w, TEXTS[i].key, (const char *)facts + TEXTS[i].offset);
    fact_put_int(&w, "system-bytes", facts->system_bytes);
    for (size_t i = 0; i < ARRAY_SIZE(SWITCHES); i++)
        fact_put_bool(&w, SWITCHES[i].key, *(const bool *)((const char *)facts + SWITCHES[i].offset));
    return fact_end(&w);
}

int volume_facts_decode(const char *text, size_t n, struct volume_facts *ret, struct err *e)
{
    AUTO(fact) struct fact f = {0};
    struct volume_facts facts = {0};
    const char *value = "";

    if (fact_decode(text, n, &f, e) < 0)
        return e->code;
    if (!fact_int(&f, "volume", &facts.bytes) || facts.bytes < 0 ||
        !fact_int(&f, "system-bytes", &facts.system_bytes) || facts.system_bytes < 0)
        return err_set(e, -EBADMSG, BLAME_BUG, "a size is missing");
    for (size_t i = 0; i < ARRAY_SIZE(TEXTS); i++) {
        if (!fact_string(&f, TEXTS[i].key, &value) || strlen(value) >= TEXTS[i].size)
            return err_set(e, -EBADMSG, BLAME_BUG, "%s: a short string expected", TEXTS[i].key);
        memcpy((char *)&facts + TEXTS[i].offset, value, strlen(value) + 1);
    }
    for (size_t i = 0; i < ARRAY_SIZE(SWITCHES); i++)
        if (!fact_bool(&f, SWITCHES[i].key, (bool *)((char *)&facts + SWITCHES[i].offset)))
            return err_set(e, -EBADMSG, BLAME_BUG, "%s: true or false expected", SWITCHES[i].key);
    *ret = facts;
    return 0;
}

int64_t volume_mark_offset(int64_t volume_bytes)
{
    if (volume_bytes < 3 * VOLUME_EDGE_BYTES)
        return -1;
    return (volume_bytes - VOLUME_EDGE_BYTES) / VOLUME_MARK_BYTES * VOLUME_MARK_BYTES;
}

void volume_mark_make(const char *uuid, char ret[VOLUME_MARK_BYTES])
{
    memset(ret, 0, VOLUME_MARK_BYTES);
    (void)snprintf(ret, VOLUME_MARK_BYTES, "%s%.*s\n", MARK, UUID_CHARS, uuid);
}

bool volume_mark_read(const char bytes[VOLUME_MARK_BYTES], char ret_uuid[VOLUME_UUID_MAX])
{
    char uuid[VOLUME_UUID_MAX] = "", same[VOLUME_MARK_BYTES];

    if (memcmp(bytes, MARK, sizeof(MARK) - 1) != 0)
        return false;
    memcpy(uuid, bytes + sizeof(MARK) - 1, UUID_CHARS);
    for (size_t i = 0; i < UUID_CHARS; i++)
        if (!isxdigit((unsigned char)uuid[i]) && uuid[i] != '-')
            return false;
    volume_mark_make(uuid, same);
    if (memcmp(bytes, same, VOLUME_MARK_BYTES) != 0)
        return false;
    memcpy(ret_uuid, uuid, sizeof(uuid));
    return true;
}
