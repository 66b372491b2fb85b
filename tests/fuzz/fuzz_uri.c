// USES: base
/* fuzz_uri.c - any text as a URI: what is shown holds no query and no control character, and what is taken has its parts. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/base64.h"
#include "base/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_shown(const char *text)
{
    char shown[URI_DISPLAY_MAX];

    uri_display(text, shown);
    if (strlen(shown) >= URI_DISPLAY_MAX || strchr(shown, '#') != NULL)
        abort();
    for (const char *p = shown; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7F)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *text = strndup((const char *)data, size);
    AUTO_FREE char *name = NULL;
    AUTO(strbuf) struct strbuf bytes = STRBUF_INIT(1U << 16);
    AUTO(strbuf) struct strbuf again = STRBUF_INIT(1U << 17);
    AUTO(uri) struct uri u = {0};
    const char *problem = NULL;

    if (text == NULL)
        return 0;
    check_shown(text);
    if (base64_decode(text, strlen(text), &bytes) == 0 &&
        (base64_encode(strbuf_str(&bytes), bytes.len, &again) < 0 || strcmp(strbuf_str(&again), text) != 0))
        abort();
    if (uri_parse(text, &u, &problem) < 0)
        return 0;
    name = uri_name(&u);
    if (u.path == NULL || name == NULL || strchr(name, '\n') != NULL)
        return 0;
    if (u.scheme == URI_FILE && u.path[0] != '/')
        abort();
    return 0;
}
