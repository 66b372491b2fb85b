/* base64.c - see base64.h. */
#include "base/base64.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_encode(const void *bytes, size_t n, struct strbuf *out)
{
    const unsigned char *in = bytes;

    for (size_t i = 0; i < n; i += 3) {
        size_t have = n - i < 3 ? n - i : 3;
        uint32_t word = (uint32_t)in[i] << 16;
        char group[4];
        if (have > 1)
            word |= (uint32_t)in[i + 1] << 8;
        if (have > 2)
            word |= in[i + 2];
        for (size_t k = 0; k < 4; k++)
            group[k] = k <= have ? DIGITS[(word >> (18 - 6 * k)) & 63] : '=';
        (void)strbuf_add(out, group, 4);
    }
    return out->failed;
}

static int digit_value(char c)
{
    const char *at = c != '\0' ? strchr(DIGITS, c) : NULL;

    return at != NULL ? (int)(at - DIGITS) : -1;
}

int base64_decode(const char *text, size_t n, struct strbuf *out)
{
    if (n % 4 != 0)
        return -EINVAL;
    for (size_t i = 0; i < n; i += 4) {
        bool last = i + 4 == n;
        size_t pads = last && text[i + 3] == '=' ? (text[i + 2] == '=' ? 2 : 1) : 0;
        uint32_t word = 0;
        unsigned char group[3];
        for (size_t k = 0; k < 4; k++) {
            int value = k >= 4 - pads ? 0 : digit_value(text[i + k]);
            if (value < 0)
                return -EINVAL;
            word = word << 6 | (uint32_t)value;
        }
        /* Bits behind the last byte must be zero: there is one way to write each content. */
        if ((pads == 1 && (word & 0xFF) != 0) || (pads == 2 && (word & 0xFFFF) != 0))
            return -EINVAL;
        for (size_t k = 0; k < 3; k++)
            group[k] = (unsigned char)(word >> (16 - 8 * k));
        if (strbuf_add(out, group, 3 - pads) < 0)
            return out->failed;
    }
    return 0;
}

void hex_encode(const void *bytes, size_t n, char *to)
{
    const unsigned char *in = bytes;

    for (size_t i = 0; i < n; i++) {
        to[2 * i] = "0123456789abcdef"[in[i] >> 4];
        to[2 * i + 1] = "0123456789abcdef"[in[i] & 15];
    }
    to[2 * n] = '\0';
}

bool hex_valid(const char *s, size_t n)
{
    return strlen(s) == n && strspn(s, "0123456789abcdefABCDEF") == n;
}
