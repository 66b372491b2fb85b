/* gen_man.c - man pages in roff; see gen.h. */
#include "cli/gen.h"

#include <ctype.h>
#include <string.h>

#include "base/auto.h"
#include "cli/help.h"
#include "config/keys.h"
#include "config/value.h"

void gen_roff_text(FILE *out, const char *text)
{
    bool code = false;
    bool line_start = true;

    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '`') {
            code = !code;
            (void)fputs(code ? "\\fB" : "\\fR", out);
        } else if (*p == '\\') {
            (void)fputs("\\e", out);
        } else if (*p == '-') {
            (void)fputs("\\-", out);
        } else if (line_start && (*p == '.' || *p == '\'')) {
            (void)fprintf(out, "\\&%c", *p);
        } else {
            (void)fputc(*p, out);
        }
        line_start = *p == '\n';
    }
}

static void put_paragraph(FILE *out, const char *text)
{
    (void)fputs(".PP\n", out);
    gen_roff_text(out, text);
    (void)fputc('\n', out);
}

/* A tagged paragraph: a bold tag, the text indented below it. */
static void put_item(FILE *out, const char *tag, const char *text)
{
    (void)fputs(".TP\n\\fB", out);
    gen_roff_text(out, tag);
    (void)fputs("\\fR\n", out);
    gen_roff_text(out, text);
    if (text[0] != '\0' && text[strlen(text) - 1] != '.')
        (void)fputc('.', out);
    (void)fputc('\n', out);
}

static void put_options(FILE *out, const struct cli_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)fputs(".TP\n", out);
        if (options[i].letter != 0)
            (void)fprintf(out, "\\fB\\-%c\\fR, ", options[i].letter);
        (void)fputs("\\fB\\-\\-", out);
        gen_roff_text(out, options[i].name);
        (void)fputs("\\fR", out);
        if (options[i].argument != NULL) {
            (void)fputs(" \\fI", out);
            gen_roff_text(out, options[i].argument);
            (void)fputs("\\fR", out);
        }
        (void)fputc('\n', out);
        gen_roff_text(out, options[i].help);
        (void)fputc('\n', out);
    }
}

void gen_man_global_options(FILE *out)
{
    put_options(out, CLI_GLOBAL_OPTIONS, CLI_GLOBAL_OPTION_COUNT);
}

static void put_pairs(FILE *out, const char *title, const char *const *pairs)
{
    if (pairs == NULL)
        return;
    (void)fprintf(out, ".SH %s\n", title);
    for (; *pairs != NULL; pairs += 2)
        put_item(out, pairs[0], pairs[1]);
}

void gen_man_verb(const struct verb *verb, FILE *out)
{
    char upper[32];
    size_t n;

    for (n = 0; verb->name[n] != '\0' && n + 1 < sizeof(upper); n++)
        upper[n] = (char)toupper((unsigned char)verb->name[n]);
    upper[n] = '\0';
    (void)fprintf(out, ".TH RUNLET\\-%s 1 \"\" \"runlet %s\" \"runlet\"\n.SH NAME\nrunlet\\-%s \\- ", upper,
                  RUNLET_VERSION, verb->name);
    (void)fputc(tolower((unsigned char)verb->summary[0]), out);
    gen_roff_text(out, verb->summary + 1);
    (void)fprintf(out, "\n.SH SYNOPSIS\n\\fBrunlet %s\\fR ", verb->name);
    gen_roff_text(out, verb->synopsis);
    (void)fputs("\n.SH DESCRIPTION\n", out);
    for (const char *const *p = verb->description; *p != NULL; p++)
        put_paragraph(out, *p);
    (void)fputs(".SH OPTIONS\n", out);
    put_options(out, verb->options, verb->option_count);
    gen_man_global_options(out);
    put_pairs(out, "EXIT STATUS", verb_statuses(verb));
    put_pairs(out, "EXAMPLES", verb->examples);
    (void)fputs(".SH SEE ALSO\n\\fBrunlet\\fR(1), \\fBrunletd\\fR(8), \\fBrunlet.yaml\\fR(5)\n", out);
}

void gen_man_verbs(FILE *out)
{
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (VERBS[i].hidden)
            continue;
        (void)fprintf(out, ".TP\n\\fBrunlet %s\\fR ", VERBS[i].name);
        gen_roff_text(out, VERBS[i].synopsis);
        (void)fputc('\n', out);
        gen_roff_text(out, VERBS[i].summary);
        (void)fprintf(out, ". See \\fBrunlet\\-%s\\fR(1).\n", VERBS[i].name);
    }
}

void gen_man_config_keys(FILE *out)
{
    for (int key = 0; key < CONFIG_KEY_COUNT; key++) {
        const struct config_key_info *info = config_key_info((enum config_key)key);
        AUTO(strbuf) struct strbuf bounds = STRBUF_INIT(128);

        config_value_bounds((enum config_key)key, &bounds);
        (void)fprintf(out, ".TP\n\\fB%s\\fR: ", info->path);
        gen_roff_text(out, config_type_text(info->type));
        (void)fputc('\n', out);
        gen_roff_text(out, info->help);
        (void)fputs(bounds.len > 0 ? "\nBounds: " : "", out);
        gen_roff_text(out, strbuf_str(&bounds));
        (void)fputs(bounds.len > 0 ? "." : "", out);
        (void)fputs("\nDefault: ", out);
        gen_roff_text(out, info->default_text);
        (void)fputs(".\n", out);
    }
}
