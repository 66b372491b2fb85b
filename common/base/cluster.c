/* cluster.c - see cluster.h. */
#include "base/cluster.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fact.h"

#define NAME_BYTES_MAX 255

void cluster_free(struct cluster *c)
{
    for (size_t i = 0; i < c->count; i++) {
        free(c->node[i].group);
        free(c->node[i].address);
        free(c->node[i].fqdn);
    }
    free(c->node);
    *c = (struct cluster){0};
}

bool node_group_name_valid(const char *name)
{
    size_t n = strlen(name);

    for (const char *p = name; *p != '\0'; p++)
        if (iscntrl((unsigned char)*p))
            return false;
    return n > 0 && n <= NAME_BYTES_MAX && utf8_valid(name, n);
}

bool node_address_valid(const char *address)
{
    struct in6_addr any;

    return inet_pton(AF_INET, address, &any) == 1 || inet_pton(AF_INET6, address, &any) == 1;
}

bool node_fqdn_valid(const char *fqdn)
{
    for (const char *p = fqdn; *p != '\0'; p++)
        if (!isalnum((unsigned char)*p) && strchr(".-_", *p) == NULL)
            return false;
    return strlen(fqdn) <= NAME_BYTES_MAX;
}

bool node_interface_valid(const char *interface)
{
    for (const char *p = interface; *p != '\0'; p++)
        if (!isgraph((unsigned char)*p) || *p == '/')
            return false;
    return strlen(interface) < sizeof(((struct cluster *)NULL)->interface);
}

int cluster_add(struct cluster *c, const char *group, const char *address, const char *fqdn)
{
    struct cluster_node *added;

    if (!node_group_name_valid(group) || !node_address_valid(address) || !node_fqdn_valid(fqdn))
        return -EINVAL;
    if (c->count == CLUSTER_NODES_MAX)
        return -E2BIG;
    if (c->count == c->cap) {
        size_t cap = c->cap == 0 ? 8 : c->cap * 2;
        struct cluster_node *grown = realloc(c->node, cap * sizeof(*grown));
        if (grown == NULL)
            return -ENOMEM;
        c->node = grown;
        c->cap = cap;
    }
    added = &c->node[c->count++];
    *added = (struct cluster_node){.group = strdup(group), .address = strdup(address), .fqdn = strdup(fqdn)};
    return added->group != NULL && added->address != NULL && added->fqdn != NULL ? 0 : -ENOMEM;
}

int cluster_addall(struct cluster *c, const struct cluster *from)
{
    int r = 0;

    memcpy(c->interface, from->interface, sizeof(c->interface));
    for (size_t i = 0; r == 0 && i < from->count; i++)
        r = cluster_add(c, from->node[i].group, from->node[i].address, from->node[i].fqdn);
    return r;
}

int cluster_metadata(const struct cluster *c, struct strbuf *out)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct cluster_node *n = &c->node[i];
        strbuf_addf(out, "%s{\"Rank\":%zu,\"IPAddress\":\"%s\",\"FQDN\":\"%s\",\"NodeGroupName\":",
                    i == 0 ? "[" : ",\n ", i, n->address, n->fqdn);
        json_put_string(out, n->group, strlen(n->group));
        strbuf_addch(out, '}');
    }
    strbuf_addstr(out, c->count == 0 ? "[]\n" : "]\n");
    return out->failed;
}
