/* bootstrap_file.c - see bootstrap_file.h. */
#include "cli/bootstrap_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "config/read.h"
#include "format/read.h"
#include "job/fields.h"

static const char *const KEYS[] = {"token", "tokenFile", "run"};

void bootstrap_file_free(struct bootstrap_file *f)
{
    if (f->token != NULL)
        explicit_bzero(f->token, strlen(f->token));
    free(f->token);
    free(f->token_file);
    free(f->run);
    config_free(&f->config);
}

/* Takes the member out of the map; the caller owns it. NULL: it has none. */
static struct node *take(struct node *map, const char *key)
{
    for (size_t i = 0; i < map->count; i++) {
        struct node *n = map->item[i];
        if (strcmp(n->key, key) != 0)
            continue;
        memmove(&map->item[i], &map->item[i + 1], (map->count - i - 1) * sizeof(struct node *));
        map->count--;
        return n;
    }
    return NULL;
}

static void read_own(struct reader *rd, const struct node *own, struct bootstrap_file *ret)
{
    if (own->kind != NODE_MAP) {
        wrong_kind(rd, own, "a mapping");
        return;
    }
    check_keys(rd, own, KEYS, ARRAY_SIZE(KEYS));
    field_string(rd, own, "token", &ret->token);
    field_string(rd, own, "tokenFile", &ret->token_file);
    field_string(rd, own, "run", &ret->run);
    if ((ret->token != NULL && ret->token[0] != '\0') == (ret->token_file != NULL))
        diag_error(rd->diags, node_where(own), "bootstrap: either 'token' or 'tokenFile' is wanted");
    else if (ret->token_file != NULL && ret->token_file[0] != '/')
        diag_error(rd->diags, node_where(node_get(own, "tokenFile")), "tokenFile: expected an absolute path");
}

/* The credential that comes is a bearer token. */
static void check_configuration(const struct config *c, const struct node *root, struct diag_list *diags)
{
    if (c->http_endpoint == NULL || c->http_endpoint[0] == '\0')
        diag_error(diags, node_where(root), "http.endpoint is missing: where the token is to be exchanged");
    if (c->http_auth != NULL && strcmp(c->http_auth, "bearer") != 0)
        diag_error(diags, (struct diag_where){.line = c->origin[CONFIG_HTTP_AUTH].line},
                   "http.auth: expected bearer: the credential that the token is exchanged for is one");
}

int bootstrap_file_read(const char *text, size_t n, struct bootstrap_file *ret, struct diag_list *diags)
{
    struct reader rd = reader_begin(diags, KEYS_EXACT);
    AUTO(node) struct node *root = yaml_read(text, n, diags);
    AUTO(node) struct node *own = NULL;

    if (root == NULL)
        return diags->errors > 0 ? -EINVAL : -ENOMEM;
    if (root->kind != NODE_MAP) {
        wrong_kind(&rd, root, "a mapping");
        return -EINVAL;
    }
    own = take(root, "bootstrap");
    if (own == NULL)
        diag_error(diags, node_where(root), "'bootstrap' is missing: the token");
    else
        read_own(&rd, own, ret);
    if (config_read(&ret->config, root, diags) < 0 || rd.no_memory)
        return -ENOMEM;
    check_configuration(&ret->config, root, diags);
    return diags->errors > 0 ? -EINVAL : 0;
}
