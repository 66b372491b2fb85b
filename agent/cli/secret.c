/* secret.c - see secret.h. */
#include "cli/secret.h"

#include <string.h>
#include <strings.h>

#include "base/auto.h"

static const char *const WORDS[] = {"SECRET",     "TOKEN",      "PASSWORD", "PASSWD",
                                    "PASSPHRASE", "CREDENTIAL", "KEY"};

static bool ends_in(const char *word, size_t n, const char *end)
{
    size_t m = strlen(end);

    return n >= m && strncasecmp(word + n - m, end, m) == 0;
}

static bool secret_word(const char *word, size_t n)
{
    if (n > 1 && (word[n - 1] == 'S' || word[n - 1] == 's'))
        n--;
    for (size_t i = 0; i < ARRAY_SIZE(WORDS); i++)
        if (ends_in(word, n, WORDS[i]))
            return true;
    return false;
}

bool secret_name(const char *key)
{
    while (*key != '\0') {
        size_t n = strcspn(key, "_");
        if (secret_word(key, n))
            return true;
        key += n;
        key += strspn(key, "_");
    }
    return false;
}
