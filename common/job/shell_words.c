/* shell_words.c - see resolve.h: one string to words and back, as a POSIX shell quotes them. */
#include "job/resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/strbuf.h"

#define WORDS_BYTES_MAX (16U * 1024 * 1024)

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* In double quotes a backslash quotes only these; before anything else it stays. A quoted newline vanishes.
 */
static const char *double_quoted(const char *p, struct strbuf *word)
{
    for (; *p != '\0' && *p != '"'; p++) {
        if (*p == '\\' && p[1] != '\0' && strchr("$`\"\\\n", p[1]) != NULL) {
            p++;
            if (*p == '\n')
                continue;
        }
        strbuf_addch(word, *p);
    }
    return *p == '"' ? p + 1 : NULL;
}

/* Reads one piece of a word at *p (a quoted part, an escape, a plain byte). -EINVAL when its quote does not
 * end. */
static int piece(const char **p, struct strbuf *word)
{
    const char *end;

    switch (**p) {
    case '\'':
        end = strchr(*p + 1, '\'');
        if (end == NULL)
            return -EINVAL;
        strbuf_add(word, *p + 1, (size_t)(end - *p - 1));
        *p = end + 1;
        return 0;
    case '"':
        end = double_quoted(*p + 1, word);
        if (end == NULL)
            return -EINVAL;
        *p = end;
        return 0;
    case '\\':
        if ((*p)[1] == '\0')
            return -EINVAL;
        if ((*p)[1] != '\n')
            strbuf_addch(word, (*p)[1]);
        *p += 2;
        return 0;
    default:
        strbuf_addch(word, **p);
        (*p)++;
        return 0;
    }
}

static int split_into(const char *text, struct strlist *words, size_t *ret_at)
{
    AUTO(strbuf) struct strbuf word = STRBUF_INIT(WORDS_BYTES_MAX);
    const char *p = text;

    for (;;) {
        bool exists = false;
        while (blank(*p))
            p++;
        if (*p == '\0')
            return 0;
        strbuf_reset(&word);
        while (*p != '\0' && !blank(*p)) {
            const char *start = p;
            if (piece(&p, &word) < 0) {
                *ret_at = (size_t)(start - text);
                return -EINVAL;
            }
            /* A backslash and newline alone make no word. */
            exists = exists || start[0] != '\\' || start[1] != '\n';
        }
        if (word.failed != 0)
            return -ENOMEM;
        if (exists && strlist_add(words, strbuf_str(&word)) < 0)
            return -ENOMEM;
    }
}

int shell_words_split(const char *text, struct strlist *ret, size_t *ret_at)
{
    AUTO(strlist) struct strlist words = {0};
    int r = split_into(text, &words, ret_at);

    if (r < 0)
        return r;
    *ret = words;
    words = (struct strlist){0};
    return 0;
}

static bool safe(const char *word)
{
    static const char SAFE[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_";

    return word[0] != '\0' && word[strspn(word, SAFE)] == '\0';
}

char *shell_words_join(const struct strlist *words)
{
    AUTO(strbuf) struct strbuf out = STRBUF_INIT(WORDS_BYTES_MAX);

    for (size_t i = 0; i < words->count; i++) {
        const char *word = words->item[i];
        if (i > 0)
            strbuf_addch(&out, ' ');
        if (safe(word)) {
            strbuf_addstr(&out, word);
            continue;
        }
        strbuf_addch(&out, '\'');
        for (; *word != '\0'; word++) {
            if (*word == '\'')
                strbuf_addstr(&out, "'\"'\"'");
            else
                strbuf_addch(&out, *word);
        }
        strbuf_addch(&out, '\'');
    }
    return strbuf_take(&out);
}
