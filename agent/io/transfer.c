/* transfer.c - see transfer.h: libcurl's multi interface on libuv. */
#include "io/transfer.h"

#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "io/loop_uv.h"

#define BODY_PIECE_BYTES  (256L * 1024)
#define CONNECTIONS_KEPT  8L
#define KEEPALIVE_IDLE_S  20L
#define KEEPALIVE_EVERY_S 10L

struct transfers {
    CURLM *multi;
    struct loop *loop;        /* borrowed */
    struct loop_timer *timer; /* owned: libcurl's own */
    struct transfer *first;
};

struct transfer {
    struct transfers *all;
    CURL *easy;
    struct curl_slist *headers; /* owned */
    struct transfer_events events;
    bool refused;
    bool forbidden; /* the address is none to connect to */
    char reason[CURL_ERROR_SIZE];
    struct transfer *next;
};

/* A socket of libcurl's. */
struct watched {
    uv_poll_t uv; /* first member */
    struct transfers *all;
    curl_socket_t socket;
};

/* ---- ends ---- */

static enum transfer_end end_of(const struct transfer *t, CURLcode code, long status)
{
    if (t->refused)
        return TRANSFER_REFUSED;
    if (t->forbidden)
        return TRANSFER_IMPOSSIBLE;
    switch (code) {
    case CURLE_OK: return TRANSFER_COMPLETE;
    case CURLE_OPERATION_TIMEDOUT: return status != 0 ? TRANSFER_STALLED : TRANSFER_UNREACHABLE;
    case CURLE_PEER_FAILED_VERIFICATION:
#if LIBCURL_VERSION_NUM < 0x073e00
    case CURLE_SSL_CACERT:
#endif
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR: return TRANSFER_DISTRUSTED;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_OUT_OF_MEMORY: return TRANSFER_IMPOSSIBLE;
    default: return status != 0 ? TRANSFER_CUT : TRANSFER_UNREACHABLE;
    }
}

static void unlink_and_free(struct transfer *t)
{
    for (struct transfer **at = &t->all->first; *at != NULL; at = &(*at)->next)
        if (*at == t) {
            *at = t->next;
            break;
        }
    (void)curl_multi_remove_handle(t->all->multi, t->easy);
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->headers);
    free(t);
}

static void finish(struct transfer *t, CURLcode code)
{
    const struct transfer_events events = t->events;
    struct transfer_result result = {0};
    char reason[CURL_ERROR_SIZE];
    char *location = NULL, *kept = NULL;

    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &result.status);
    (void)curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &location);
    kept = location != NULL ? strdup(location) : NULL;
    result.end = end_of(t, code, result.status);
    result.location = kept;
    memcpy(reason, t->reason, sizeof(reason));
    result.reason = t->forbidden ? "the address is that of a metadata service, which jobs do not get to"
                    : reason[0] != '\0' ? reason
                                        : curl_easy_strerror(code);
    unlink_and_free(t);
    events.done(events.context, &result);
    free(kept);
}

static void take_finished(struct transfers *all)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(all->multi, &left)) != NULL) {
        struct transfer *t = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        finish(t, message->data.result);
    }
}

/* ---- the loop under libcurl ---- */

static void on_timeout(void *context)
{
    struct transfers *all = context;
    int running;

    (void)curl_multi_socket_action(all->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    take_finished(all);
}

static void on_ready(uv_poll_t *handle, int status, int events)
{
    const struct watched *w = (const struct watched *)handle;
    struct transfers *all = w->all;
    int flags = 0, running;

    if (status < 0)
        flags |= CURL_CSELECT_ERR;
    if ((events & UV_READABLE) != 0)
        flags |= CURL_CSELECT_IN;
    if ((events & UV_WRITABLE) != 0)
        flags |= CURL_CSELECT_OUT;
    (void)curl_multi_socket_action(all->multi, w->socket, flags, &running);
    take_finished(all);
}

static void unwatch(struct watched *w)
{
    (void)uv_poll_stop(&w->uv);
    loop_close_handle((uv_handle_t *)&w->uv);
}

static struct watched *watch(struct transfers *all, curl_socket_t socket)
{
    struct watched *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return NULL;
    w->all = all;
    w->socket = socket;
    if (uv_poll_init_socket(loop_uv(all->loop), &w->uv, socket) < 0) {
        free(w);
        return NULL;
    }
    (void)curl_multi_assign(all->multi, socket, w);
    return w;
}

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *assigned)
{
    struct transfers *all = context;
    struct watched *w = assigned;
    int events = 0;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        (void)curl_multi_assign(all->multi, socket, NULL);
        if (w != NULL)
            unwatch(w);
        return 0;
    }
    if (w == NULL)
        w = watch(all, socket);
    if (w == NULL)
        return -1;
    if (what != CURL_POLL_OUT)
        events |= UV_READABLE;
    if (what != CURL_POLL_IN)
        events |= UV_WRITABLE;
    return uv_poll_start(&w->uv, events, on_ready) < 0 ? -1 : 0;
}

static int on_timer(CURLM *multi, long ms, void *context)
{
    struct transfers *all = context;

    (void)multi;
    if (ms < 0)
        loop_timer_stop(all->timer);
    else
        loop_timer_start(all->timer, (uint64_t)ms,
                         0); /* 0 is the next turn: libcurl must not be entered from here */
    return 0;
}

struct transfers *transfers_new(struct loop *l, struct err *e)
{
    struct transfers *all = calloc(1, sizeof(*all));

    if (all != NULL) {
        all->loop = l;
        all->timer = loop_timer_new(l, on_timeout, all);
        all->multi = curl_multi_init();
    }
    if (all == NULL || all->timer == NULL || all->multi == NULL) {
        (void)err_oom(e);
        transfers_free(all);
        return NULL;
    }
    (void)curl_multi_setopt(all->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)curl_multi_setopt(all->multi, CURLMOPT_SOCKETDATA, all);
    (void)curl_multi_setopt(all->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    (void)curl_multi_setopt(all->multi, CURLMOPT_TIMERDATA, all);
    (void)curl_multi_setopt(all->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
    return all;
}

void transfers_free(struct transfers *all)
{
    if (all == NULL)
        return;
    while (all->first != NULL)
        unlink_and_free(all->first);
    if (all->multi != NULL)
        (void)curl_multi_cleanup(all->multi);
    loop_timer_free(all->timer);
    free(all);
}

/* ---- one transfer ---- */

static size_t take_header(char *line, size_t size, size_t count, void *context)
{
    const struct transfer *t = context;
    size_t n = size * count, text = n;

    while (text > 0 && (line[text - 1] == '\r' || line[text - 1] == '\n'))
        text--;
    if (t->events.header != NULL)
        t->events.header(t->events.context, line, text);
    return n;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *t = context;

    if (t->events.bytes(t->events.context, bytes, size * count) < 0) {
        t->refused = true;
        return 0;
    }
    return size * count;
}

/* Metadata services hand out the machine's own credentials: link-local addresses, and those of OCI and Amazon in IPv6. */
static bool metadata_address(const struct sockaddr *address)
{
    static const unsigned char OCI[16] = {0xfd, 0, 0, 0xc1, [12] = 0xa9, 0xfe, 0xa9, 0xfe};
    static const unsigned char AMAZON[16] = {0xfd, 0, 0x0e, 0xc2, [14] = 0x02, 0x54};
    static const unsigned char MAPPED[12] = {[10] = 0xff, 0xff};
    const unsigned char *six;

    if (address->sa_family == AF_INET)
        return (ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 16) == 0xa9fe;
    if (address->sa_family != AF_INET6)
        return false;
    six = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr;
    return memcmp(six, OCI, 16) == 0 || memcmp(six, AMAZON, 16) == 0 ||
           (six[0] == 0xfe && (six[1] & 0xc0) == 0x80) ||
           (memcmp(six, MAPPED, 12) == 0 && six[12] == 0xa9 && six[13] == 0xfe);
}

/* Asked with the address that the name led to: no name gets around it. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *t = context;

    (void)purpose;
    if (metadata_address(&address->addr)) {
        t->forbidden = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void set_protocols(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

bool transfer_can_sign_s3(void)
{
#if LIBCURL_VERSION_NUM >= 0x074b00
    return true;
#else
    return false;
#endif
}

static void set_credentials(CURL *easy, const struct transfer_request *request)
{
#if LIBCURL_VERSION_NUM >= 0x074b00
    if (request->aws_sigv4 != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, request->aws_sigv4);
        (void)curl_easy_setopt(easy, CURLOPT_USERPWD, request->user_password);
    }
#else
    (void)easy;
    (void)request;
#endif
}

static void set_method(CURL *easy, const struct transfer_request *request)
{
    if (request->body != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
        (void)curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->body);
    }
    if (request->method != NULL)
        (void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_certificates(CURL *easy, const struct transfer_request *request)
{
    if (request->ca_file != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file);
        (void)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    if (request->client_cert != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_SSLCERT, request->client_cert);
        (void)curl_easy_setopt(easy, CURLOPT_SSLKEY, request->client_key);
    }
}

static void set_options(struct transfer *t, const struct transfer_request *request)
{
    CURL *easy = t->easy;

    set_protocols(easy);
    set_credentials(easy, request);
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, (char *)t);
    (void)curl_easy_setopt(easy, CURLOPT_URL, request->url);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->reason);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)request->connect_ms);
    (void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)((request->stall_ms + 999) / 1000));
    (void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)request->stall_bytes);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->total_ms);
    (void)curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, BODY_PIECE_BYTES);
    /* An answer that is quiet for long, on purpose, must not outlive a machine that is gone. */
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_EVERY_S);
    (void)curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
    if (request->direct)
        (void)curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    if (!request->metadata) {
        (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
        (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, t);
    }
    set_certificates(easy, request);
    set_method(easy, request);
}

static int copy_headers(struct transfer *t, const struct strlist *headers)
{
    for (size_t i = 0; headers != NULL && i < headers->count; i++) {
        struct curl_slist *longer = curl_slist_append(t->headers, headers->item[i]);
        if (longer == NULL)
            return -ENOMEM;
        t->headers = longer;
    }
    return 0;
}

struct transfer *transfer_start(struct transfers *all, const struct transfer_request *request,
                                const struct transfer_events *events, struct err *e)
{
    struct transfer *t = calloc(1, sizeof(*t));
    CURLMcode r;

    if (t != NULL) {
        t->all = all;
        t->events = *events;
        t->easy = curl_easy_init();
    }
    if (t == NULL || t->easy == NULL || copy_headers(t, request->headers) < 0) {
        if (t != NULL) {
            curl_slist_free_all(t->headers);
            if (t->easy != NULL)
                curl_easy_cleanup(t->easy);
        }
        free(t);
        (void)err_oom(e);
        return NULL;
    }
    set_options(t, request);
    t->next = all->first;
    all->first = t;
    r = curl_multi_add_handle(all->multi, t->easy);
    if (r != CURLM_OK) {
        unlink_and_free(t);
        (void)err_set(e, r == CURLM_OUT_OF_MEMORY ? -ENOMEM : -EIO, BLAME_NODE, "libcurl: %s",
                      curl_multi_strerror(r));
        return NULL;
    }
    return t;
}

void transfer_stop(struct transfer *t)
{
    if (t != NULL)
        unlink_and_free(t);
}
