/* http_client.c - see http_client.h. */
#include "io/http_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/crash_point.h"

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct strbuf *body = context;

    return strbuf_add(body, bytes, size * count) < 0 ? 0 : size * count;
}

static int perform(CURL *curl, struct err *e, const char *socket_path)
{
    CURLcode code = curl_easy_perform(curl);
    long status = 0, os_errno = 0;

    if (code != CURLE_OK) {
        (void)curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_errno);
        return err_set(e, code == CURLE_COULDNT_CONNECT && os_errno != 0 ? (int)-os_errno : -EIO, BLAME_NODE,
                       "talk to runletd at %s: %s", socket_path, curl_easy_strerror(code));
    }
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

int http_unix_request(const char *socket_path, const char *method, const char *path, long timeout_ms,
                      struct strbuf *body, struct err *e)
{
    char url[512];
    CURL *curl = curl_easy_init();
    int r;

    if (curl == NULL)
        return err_oom(e);
    (void)snprintf(url, sizeof(url), "http://runletd%s", path);
    (void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    if (strcmp(method, "POST") == 0) {
        (void)curl_easy_setopt(curl, CURLOPT_POST, 1L);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, 0L);
    }
    CRASH_POINT("request-send");
    r = perform(curl, e, socket_path);
    CRASH_POINT("request-answered");
    curl_easy_cleanup(curl);
    return r;
}
