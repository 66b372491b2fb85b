// USES: job
/* fuzz_shell_words.c - any text as arguments: what splits must join into something that splits the same. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "job/resolve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *text = strndup((const char *)data, size);
    AUTO_FREE char *joined = NULL;
    AUTO(strlist) struct strlist words = {0};
    AUTO(strlist) struct strlist again = {0};
    AUTO(env) struct env env = {0};
    size_t at = SIZE_MAX;

    if (text == NULL)
        return 0;
    if (env_set(&env, ENV_JOB, "A", text) == 0 && env_set(&env, ENV_JOB, "B", "${A}") == 0)
        (void)env_substitute(&env);
    if (shell_words_split(text, &words, &at) < 0) {
        if (at >= strlen(text) || words.count != 0)
            abort();
        return 0;
    }
    joined = shell_words_join(&words);
    if (joined == NULL || shell_words_split(joined, &again, &at) < 0 || again.count != words.count)
        abort();
    for (size_t i = 0; i < words.count; i++)
        if (strcmp(words.item[i], again.item[i]) != 0)
            abort();
    return 0;
}
