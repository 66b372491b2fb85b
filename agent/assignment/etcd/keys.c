/* keys.c - see keys.h. */
#include "assignment/etcd/keys.h"

#include <stdio.h>
#include <string.h>

static bool alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool segment_valid(const char *s, size_t n)
{
    if (n == 0 || n >= ETCD_NAME_MAX || !alphanumeric(s[0]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!alphanumeric(s[i]) && strchr("._-", s[i]) == NULL)
            return false;
    return true;
}

bool etcd_name_valid(const char *s)
{
    return segment_valid(s, strlen(s));
}

bool etcd_prefix_valid(const char *s)
{
    if (strlen(s) >= ETCD_PREFIX_MAX || s[0] != '/')
        return false;
    while (*s == '/') {
        size_t n = strcspn(s + 1, "/");
        if (!segment_valid(s + 1, n))
            return false;
        s += 1 + n;
    }
    return true;
}

void etcd_key_nodes(const struct etcd_keys *k, char ret[ETCD_KEY_MAX])
{
    (void)snprintf(ret, ETCD_KEY_MAX, "%s/nodes/", k->prefix);
}

void etcd_key_sweepers(const struct etcd_keys *k, char ret[ETCD_KEY_MAX])
{
    (void)snprintf(ret, ETCD_KEY_MAX, "%s/sweepers/", k->prefix);
}

void etcd_key_lines(const struct etcd_keys *k, char ret[ETCD_KEY_MAX])
{
    (void)snprintf(ret, ETCD_KEY_MAX, "%s/line/", k->prefix);
}

void etcd_key_line(const struct etcd_keys *k, const char *pool, char ret[ETCD_KEY_MAX])
{
    (void)snprintf(ret, ETCD_KEY_MAX, "%s/line/%s/", k->prefix, pool);
}

void etcd_key_queue(const struct etcd_keys *k, const char *pool, char ret[ETCD_KEY_MAX])
{
    (void)snprintf(ret, ETCD_KEY_MAX, "%s/queue/%s%s", k->prefix, pool != NULL ? pool : "",
                   pool != NULL ? "/" : "");
}

void etcd_key_states(const struct etcd_keys *k, char ret[ETCD_KEY_MAX])
{
    (void)snprintf(ret, ETCD_KEY_MAX, "%s/states/", k->prefix);
}

void etcd_key_claims(const struct etcd_keys *k, const char *node, char ret[ETCD_KEY_MAX])
{
    (void)snprintf(ret, ETCD_KEY_MAX, "%s/claims/%s%s", k->prefix, node != NULL ? node : "",
                   node != NULL ? "/" : "");
}

void etcd_key_inbox(const struct etcd_keys *k, const char *node, char ret[ETCD_KEY_MAX])
{
    (void)snprintf(ret, ETCD_KEY_MAX, "%s/inbox/%s/", k->prefix, node);
}

void etcd_key_node(const struct etcd_keys *k, const char *node, char ret[ETCD_KEY_MAX])
{
    (void)snprintf(ret, ETCD_KEY_MAX, "%s/nodes/%s", k->prefix, node);
}

void etcd_key_seat(const struct etcd_keys *k, int seat, char ret[ETCD_KEY_MAX])
{
    (void)snprintf(ret, ETCD_KEY_MAX, "%s/sweepers/%d", k->prefix, seat);
}

void etcd_key_place(const struct etcd_keys *k, const char *pool, wall_ms_t since, const char *node,
                    char ret[ETCD_KEY_MAX])
{
    (void)snprintf(ret, ETCD_KEY_MAX, "%s/line/%s/%013lld.%s", k->prefix, pool, (long long)since.ms, node);
}

/* Keys are in the order of bytes: what is urgent must be small. */
void etcd_key_waiting(const struct etcd_keys *k, const char *pool, int64_t priority, wall_ms_t since,
                      const char *run, char ret[ETCD_KEY_MAX])
{
    (void)snprintf(ret, ETCD_KEY_MAX, "%s/queue/%s/%04lld.%013lld.%s", k->prefix, pool,
                   (long long)(ETCD_PRIORITY_LIMIT - priority), (long long)since.ms, run);
}

void etcd_key_assignment(const struct etcd_keys *k, const char *run, char ret[ETCD_KEY_MAX])
{
    (void)snprintf(ret, ETCD_KEY_MAX, "%s/assignments/%.*s", k->prefix, (int)strcspn(run, "+"), run);
}

void etcd_key_cluster(const struct etcd_keys *k, const char *run, char ret[ETCD_KEY_MAX])
{
    (void)snprintf(ret, ETCD_KEY_MAX, "%s/clusters/%.*s", k->prefix, (int)strcspn(run, "+"), run);
}

void etcd_key_waiting_members(const struct etcd_keys *k, const char *pool, int64_t priority, wall_ms_t since,
                              const char *run, char ret[ETCD_KEY_MAX])
{
    etcd_key_waiting(k, pool, priority, since, run, ret);
    (void)snprintf(ret + strlen(ret), ETCD_KEY_MAX - strlen(ret), "+");
}

void etcd_key_member_states(const struct etcd_keys *k, const char *run, char ret[ETCD_KEY_MAX])
{
    (void)snprintf(ret, ETCD_KEY_MAX, "%s/states/%s+", k->prefix, run);
}

bool etcd_run_parse(const char *run, struct run_name *ret)
{
    return run_name_parse(run, ret) && (ret->attempt == 1 || ret->rank >= 0);
}

bool etcd_run_is_member(const char *run)
{
    return strchr(run, '+') != NULL;
}

void etcd_key_state(const struct etcd_keys *k, const char *run, char ret[ETCD_KEY_MAX])
{
    (void)snprintf(ret, ETCD_KEY_MAX, "%s/states/%s", k->prefix, run);
}

void etcd_key_claim(const struct etcd_keys *k, const char *node, const char *run, char ret[ETCD_KEY_MAX])
{
    (void)snprintf(ret, ETCD_KEY_MAX, "%s/claims/%s/%s", k->prefix, node, run);
}

void etcd_key_run_directive(const struct etcd_keys *k, const char *node, const char *run,
                            char ret[ETCD_KEY_MAX])
{
    (void)snprintf(ret, ETCD_KEY_MAX, "%s/inbox/%s/runs/%s", k->prefix, node, run);
}

void etcd_key_node_directive(const struct etcd_keys *k, const char *node, wall_ms_t now,
                             char ret[ETCD_KEY_MAX])
{
    (void)snprintf(ret, ETCD_KEY_MAX, "%s/inbox/%s/node/%013lld", k->prefix, node, (long long)now.ms);
}

const char *etcd_key_below(const char *key, const char *folder)
{
    size_t n = strlen(folder);

    return strncmp(key, folder, n) == 0 ? key + n : NULL;
}

bool etcd_queue_run(const char *below, char ret[RUN_ID_BYTES])
{
    struct run_name name;
    const char *run;

    if (strspn(below, "0123456789") != 4 || below[4] != '.' || strspn(below + 5, "0123456789") != 13 ||
        below[18] != '.')
        return false;
    run = below + 19;
    if (!etcd_run_parse(run, &name))
        return false;
    (void)snprintf(ret, RUN_ID_BYTES, "%s", run);
    return true;
}

void etcd_key_end(const char *folder, char ret[ETCD_KEY_MAX])
{
    size_t n = strlen(folder);

    (void)snprintf(ret, ETCD_KEY_MAX, "%s", folder);
    if (n > 0)
        ret[n - 1]++;
}
