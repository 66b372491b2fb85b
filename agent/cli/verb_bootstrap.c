/*
 * verb_bootstrap.c - runlet bootstrap: a new machine gets its credential and its configuration. docs/bootstrap.md.
 *
 * Everything lies in the folder of the configuration. The order of the steps is what makes a crash harmless: the key of the exchange is
 * on disk before the first request, the credential before the configuration that names it, and that before the document goes. The key
 * stands in the configuration as well: so it is seen that only the document is still to go.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "assignment/http/bootstrap.h"
#include "base/auto.h"
#include "base/base64.h"
#include "base/crash_point.h"
#include "base/limits.h"
#include "base/parse.h"
#include "cli/bootstrap_file.h"
#include "cli/cli.h"
#include "cli/configuration.h"
#include "cloud/ask.h"
#include "daemon/layout.h"
#include "io/random.h"
#include "sys/fd.h"
#include "sys/process.h"

#define DOCUMENT_NAME   "bootstrap.yaml"
#define KEY_NAME        ".bootstrap-key"
#define CREDENTIAL_NAME "node.token"
#define FRAGMENT_NAME   "50-bootstrap.yaml"
#define KEY_LINE        "# exchange "
#define DEFAULT_CONFIG  "/etc/runlet/runlet.yaml"
#define TIMEOUT_MS      (10LL * 60 * 1000)
#define KEY_BYTES       33
#define TOKEN_MAX       (16U * 1024)

struct bootstrap {
    struct cli *cli;
    char folder[PATH_MAX - 64], drop_ins[PATH_MAX - 64], document[PATH_MAX];
    bool of_metadata; /* there is no file that could go */
    int fd;           /* owned: the folder */
    char key[KEY_BYTES];
    struct bootstrap_file file;
};

/* ---- where ---- */

static int find_places(struct bootstrap *b, struct err *e)
{
    const char *config = cli_value(b->cli, "config"), *from = cli_value(b->cli, "from");
    const char *slash;
    size_t n;

    if (config == NULL)
        config = DEFAULT_CONFIG;
    slash = strrchr(config, '/');
    n = strlen(config);
    if (n + 16 >= sizeof(b->folder))
        return err_set(e, -ENAMETOOLONG, BLAME_ASSIGNMENT, "the path of the configuration is too long");
    (void)snprintf(b->folder, sizeof(b->folder), "%.*s", slash == NULL ? 1 : (int)(slash - config),
                   slash == NULL ? "." : config);
    if (n > 5 && strcmp(config + n - 5, ".yaml") == 0)
        n -= 5;
    (void)snprintf(b->drop_ins, sizeof(b->drop_ins), "%.*s.d", (int)n, config);
    b->of_metadata = from != NULL && cloud_provider_of(from) != CLOUD_NONE;
    if (from == NULL)
        (void)snprintf(b->document, sizeof(b->document), "%s/" DOCUMENT_NAME, b->folder);
    else if (snprintf(b->document, sizeof(b->document), "%s", from) >= (int)sizeof(b->document))
        return err_set(e, -ENAMETOOLONG, BLAME_ASSIGNMENT, "--from: the path is too long");
    b->fd = dir_open(AT_FDCWD, b->folder);
    return b->fd < 0 ? err_errno(e, -b->fd, BLAME_NODE, "open %s", b->folder) : 0;
}

/* ---- the document ---- */

struct document_asked {
    struct strbuf *text;
    bool base64;
};

static bool take_document(void *context, const char *body, size_t n, char why[CLOUD_WHY_MAX])
{
    const struct document_asked *q = context;
    int r = q->base64 ? base64_decode(body, n, q->text) : strbuf_add(q->text, body, n);

    if (r == 0)
        return true;
    strbuf_reset(q->text);
    (void)snprintf(why, CLOUD_WHY_MAX, r == -EINVAL ? "the user data is not base64" : "it is too long");
    return false;
}

/* -ENOENT when there is no such file. */
static int load_document(struct bootstrap *b, struct strbuf *text, struct err *e)
{
    enum cloud_provider provider = b->of_metadata ? cloud_provider_of(b->document) : CLOUD_NONE;
    struct document_asked q = {.text = text};
    struct err why = ERR_INIT;
    struct stat st;
    AUTO_CLOSE int fd = -1;
    int r;

    if (b->of_metadata) {
        const char *path = cloud_document_path(provider, &q.base64);
        const char *endpoint = cli_value(b->cli, "metadata");
        if (cloud_ask(provider, endpoint != NULL ? endpoint : "", path, take_document, &q, &why) == 0)
            return 0;
        return err_set(e, why.code, why.blame, "the instance metadata service of '%s' has no document: %s",
                       b->document, why.text);
    }
    fd = open(b->document, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return -ENOENT;
    r = fd < 0 ? -errno : fd_read_all(fd, text);
    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "read %s", b->document);
    if (fstat(fd, &st) == 0 && (st.st_mode & 077) != 0)
        (void)fprintf(b->cli->err,
                      "runlet: %s can be read by others than its owner: its mode should be 0600\n",
                      b->document);
    return 0;
}

static int read_document(struct bootstrap *b, const struct strbuf *text, struct err *e)
{
    AUTO(diag) struct diag_list diags = {.file = b->document};
    AUTO(strbuf) struct strbuf said = STRBUF_INIT(DOCUMENT_BYTES_MAX);
    int r = bootstrap_file_read(strbuf_str(text), text->len, &b->file, &diags);

    diag_print(&diags, &said);
    (void)fputs(strbuf_str(&said), b->cli->err);
    return r == -ENOMEM ? err_oom(e) : r;
}

/* The token of a file is its first line. */
static int load_token(struct bootstrap *b, struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(TOKEN_MAX);
    AUTO_CLOSE int fd = -1;
    int r;

    if (b->file.token != NULL)
        return 0;
    fd = open(b->file.token_file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    r = fd < 0 ? -errno : fd_read_all(fd, &text);
    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "bootstrap.tokenFile: read %s", b->file.token_file);
    b->file.token = strndup(strbuf_str(&text), strcspn(strbuf_str(&text), "\r\n"));
    explicit_bzero(text.data, text.len);
    if (b->file.token == NULL)
        return err_oom(e);
    return b->file.token[0] != '\0' ? 0
                                    : err_set(e, -EINVAL, BLAME_NODE,
                                              "bootstrap.tokenFile: %s holds no token", b->file.token_file);
}

/* ---- the exchange's key ---- */

/* The key that an earlier start has made; false: none is there. */
static bool load_key(const struct bootstrap *b, char ret[KEY_BYTES])
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(256);

    if (file_read(b->fd, KEY_NAME, &text) < 0 || !hex_valid(strbuf_str(&text), KEY_BYTES - 1))
        return false;
    memcpy(ret, strbuf_str(&text), KEY_BYTES);
    return true;
}

static int make_key(struct bootstrap *b, struct err *e)
{
    const uint64_t random[2] = {random_u64(), random_u64()};
    int r;

    hex_encode(random, sizeof(random), b->key);
    r = file_replace(b->fd, KEY_NAME, b->key, strlen(b->key), 0600);
    CRASH_POINT("bootstrap-key-kept");
    return r < 0 ? err_errno(e, -r, BLAME_NODE, "write %s/" KEY_NAME, b->folder) : 0;
}

/* Whether the configuration that was made here last is of the exchange `key`; of any when it is "". */
static bool made_of(const struct bootstrap *b, const char *key)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(DOCUMENT_BYTES_MAX);
    AUTO_CLOSE int fd = dir_open(AT_FDCWD, b->drop_ins);

    return fd >= 0 && file_read(fd, FRAGMENT_NAME, &text) == 0 &&
           strncmp(strbuf_str(&text), KEY_LINE, strlen(KEY_LINE)) == 0 &&
           strncmp(strbuf_str(&text) + strlen(KEY_LINE), key, strlen(key)) == 0;
}

/* ---- what is left behind ---- */

static int keep_credential(struct bootstrap *b, const struct bootstrap_credential *credential, char *path,
                           size_t path_size, struct err *e)
{
    AUTO(config) struct config all = {0};
    const char *chosen = b->file.config.http_token_file;
    AUTO_CLOSE int dir = -1;
    struct layout layout;
    char *slash;
    int r;

    if (cli_load_config(b->cli, &all) < 0)
        return err_set(e, -EINVAL, BLAME_NODE, "the configuration that is there cannot be used");
    if (layout_paths(&all, &layout, e) < 0 || layout_users(&all, &layout, e) < 0)
        return e->code;
    r = chosen != NULL && chosen[0] != '\0' ? snprintf(path, path_size, "%s", chosen)
                                            : snprintf(path, path_size, "%s/" CREDENTIAL_NAME, b->folder);
    if (r < 0 || (size_t)r >= path_size)
        return err_set(e, -ENAMETOOLONG, BLAME_ASSIGNMENT, "http.tokenFile: the path is too long");
    slash = strrchr(path, '/');
    *slash = '\0';
    dir = dir_open(AT_FDCWD, slash == path ? "/" : path);
    *slash = '/';
    if (dir < 0)
        return err_errno(e, -dir, BLAME_NODE, "open the folder of %s", path);
    r = file_replace(dir, slash + 1, credential->token, strlen(credential->token), 0640);
    CRASH_POINT("bootstrap-credential-kept");
    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "write %s", path);
    if (geteuid() == 0 && fchownat(dir, slash + 1, 0, layout.agent_ids.gid, AT_SYMLINK_NOFOLLOW) < 0)
        return err_errno(e, errno, BLAME_NODE, "give %s to the agent's group", path);
    return 0;
}

static int keep_configuration(struct bootstrap *b, const char *node_id, const char *token_path, struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(DOCUMENT_BYTES_MAX);
    AUTO_CLOSE int dir = -1;
    int r;

    if (config_set(&b->file.config, CONFIG_NODE_ID, node_id, b->document) < 0)
        return err_set(e, -EINVAL, BLAME_SERVICE,
                       "the control plane calls the node '%s', which is no name for one", node_id);
    if (config_set(&b->file.config, CONFIG_HTTP_AUTH, "bearer", b->document) < 0 ||
        config_set(&b->file.config, CONFIG_HTTP_TOKEN_FILE, token_path, b->document) < 0)
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "%s is no path that the configuration can hold",
                       token_path);
    (void)strbuf_addf(&text, KEY_LINE "%s: made by runlet bootstrap\n", b->key);
    if (config_show_named(&b->file.config, &text) < 0)
        return err_oom(e);
    if (dir_ensure(b->drop_ins, 0755, (uid_t)-1, (gid_t)-1, e) < 0)
        return e->code;
    dir = dir_open(AT_FDCWD, b->drop_ins);
    r = dir < 0 ? dir : file_replace(dir, FRAGMENT_NAME, text.data, text.len, 0644);
    CRASH_POINT("bootstrap-configured");
    return r < 0 ? err_errno(e, -r, BLAME_NODE, "write %s/" FRAGMENT_NAME, b->drop_ins) : 0;
}

/* The document and the token have done their work. The key goes with the document in one step, where they lie together: without its key
 * the document would be another exchange, and without the document the key would be taken for the next one's. */
static int clean_up(const struct bootstrap *b, struct err *e)
{
    char key[PATH_MAX];

    (void)snprintf(key, sizeof(key), "%.4000s/" KEY_NAME, b->folder);
    if (b->file.token_file != NULL && unlink(b->file.token_file) < 0 && errno != ENOENT)
        return err_errno(e, errno, BLAME_NODE, "remove the token in %s", b->file.token_file);
    if (!b->of_metadata && rename(b->document, key) < 0 && errno != ENOENT &&
        (errno != EXDEV || unlink(b->document) < 0))
        return err_errno(e, errno, BLAME_NODE, "remove %s", b->document);
    CRASH_POINT("bootstrap-document-gone");
    if (unlink(key) < 0 && errno != ENOENT)
        return err_errno(e, errno, BLAME_NODE, "remove %s", key);
    return fsync(b->fd) < 0 ? err_errno(e, errno, BLAME_NODE, "write %s to disk", b->folder) : 0;
}

/* ---- the verb ---- */

static void say_waiting(const char *why, int64_t ms, void *context)
{
    const struct cli *cli = context;

    (void)fprintf(cli->err, "runlet: %s; the next attempt is in %" PRId64 ".%" PRId64 " s\n", why, ms / 1000,
                  ms % 1000 / 100);
}

static int exchange(struct bootstrap *b, int64_t timeout_ms, struct err *e)
{
    AUTO(bootstrap_credential) struct bootstrap_credential credential = {0};
    const struct config *c = &b->file.config;
    const struct bootstrap_order order = {.endpoint = c->http_endpoint,
                                          .ca_file = c->http_ca_file != NULL ? c->http_ca_file : "",
                                          .token = b->file.token,
                                          .key = b->key,
                                          .node_id = c->node_id != NULL ? c->node_id : "",
                                          .run_id = b->file.run != NULL ? b->file.run : "",
                                          .timeout_ms = timeout_ms,
                                          .waiting = say_waiting,
                                          .context = b->cli};
    char path[PATH_MAX];
    int r = bootstrap_exchange(&order, &credential, e);

    CRASH_POINT("bootstrap-exchanged");
    if (r == -EACCES) {
        struct err why = *e;
        return err_set(e, r, BLAME_ASSIGNMENT,
                       "%s does not take the token: %s; make another token for this machine",
                       c->http_endpoint, why.text);
    }
    if (r < 0)
        return r;
    if (keep_credential(b, &credential, path, sizeof(path), e) < 0)
        return e->code;
    if (keep_configuration(b, credential.node_id, path, e) < 0)
        return e->code;
    (void)fprintf(b->cli->err, "runlet: this machine is the node %s of %s\n", credential.node_id,
                  c->http_endpoint);
    return 0;
}

/* There is no document, or the one of the metadata service stays there for ever. */
static int already(const struct bootstrap *b)
{
    (void)fprintf(b->cli->err, "runlet: this was done before: %s/" FRAGMENT_NAME " is there\n", b->drop_ins);
    return 0;
}

static int bootstrap(struct bootstrap *b, int64_t timeout_ms, struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(DOCUMENT_BYTES_MAX);
    bool under_way;
    int r;

    if (find_places(b, e) < 0)
        return e->code;
    under_way = load_key(b, b->key);
    if (b->of_metadata && !under_way && made_of(b, ""))
        return already(b);
    r = load_document(b, &text, e);
    if (r == -ENOENT && e->code == 0) {
        if (!made_of(b, ""))
            return err_set(e, r, BLAME_NODE, "%s is not there: whoever made this machine has to write it",
                           b->document);
        return clean_up(b, e) < 0 ? e->code : already(b);
    }
    if (r < 0 || read_document(b, &text, e) < 0)
        return r < 0 ? r : -EINVAL;
    if (under_way && made_of(b, b->key))
        return clean_up(b, e);
    if (load_token(b, e) < 0 || (!under_way && make_key(b, e) < 0))
        return e->code;
    if (exchange(b, timeout_ms, e) < 0)
        return e->code;
    return clean_up(b, e);
}

int verb_bootstrap(struct cli *cli)
{
    struct bootstrap b = {.cli = cli, .fd = -1};
    const char *timeout = cli_value(cli, "timeout");
    int64_t timeout_ms = TIMEOUT_MS;
    struct err e = ERR_INIT;
    int r;

    CRASH_ROLE("bootstrap");
    if (timeout != NULL && parse_duration_ms(timeout, &timeout_ms) < 0) {
        (void)err_set(&e, -EINVAL, BLAME_ASSIGNMENT, "--timeout: expected a length of time such as 10m");
        return cli_fail(cli, EXIT_USAGE, &e);
    }
    r = bootstrap(&b, timeout_ms, &e);
    bootstrap_file_free(&b.file);
    fd_close(&b.fd);
    if (r == 0)
        return 0;
    /* What is wrong in the document was said with its place. */
    return e.code != 0 ? cli_fail(cli, 1, &e) : 1;
}
