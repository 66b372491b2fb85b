/* style.c - see style.h. */
#include "cli/style.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const SEQUENCES[STYLE_COUNT] = {
    [STYLE_PLAIN] = "",       [STYLE_TITLE] = "\033[1m", [STYLE_GOOD] = "\033[32m",
    [STYLE_BAD] = "\033[31m", [STYLE_FAINT] = "\033[2m",
};

bool style_wanted(FILE *out)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    if (no_color != NULL && no_color[0] != '\0')
        return false;
    if (term == NULL || strcmp(term, "dumb") == 0)
        return false;
    return fileno(out) >= 0 && isatty(fileno(out)) == 1;
}

void style_put(FILE *out, bool wanted, enum style style, const char *text)
{
    if (wanted && style != STYLE_PLAIN)
        (void)fprintf(out, "%s%s\033[0m", SEQUENCES[style], text);
    else
        (void)fputs(text, out);
}
