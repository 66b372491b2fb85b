/* gen_completion.c - the completion script for bash; see gen.h. */
#include "cli/gen.h"

/* The words compgen gets for an argument of that kind; `words` with COMPLETE_WORD. */
static void put_reply(FILE *out, const char *indent, enum completion completion, const char *words)
{
    (void)fputs(indent, out);
    switch (completion) {
    case COMPLETE_FILE:
        (void)fputs("compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")", out);
        break;
    case COMPLETE_DIRECTORY:
        (void)fputs("compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")", out);
        break;
    case COMPLETE_RUN:
        (void)fputs("mapfile -t COMPREPLY < <(compgen -W \"$(_runlet_runs)\" -- \"$cur\")", out);
        break;
    case COMPLETE_VERB:
        (void)fputs("mapfile -t COMPREPLY < <(compgen -W \"$verbs\" -- \"$cur\")", out);
        break;
    case COMPLETE_WORD:
        (void)fprintf(out, "mapfile -t COMPREPLY < <(compgen -W \"%s\" -- \"$cur\")", words);
        break;
    case COMPLETE_NOTHING: (void)fputs("COMPREPLY=()", out); break;
    }
    (void)fputc('\n', out);
}

static void put_option_words(FILE *out, const struct cli_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)fprintf(out, "--%s ", options[i].name);
}

/* One case for each option with an argument, keyed by "verb:--option"; "*" for those of every verb. */
static void put_option_arguments(FILE *out, const char *verb, const struct cli_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (options[i].argument == NULL)
            continue;
        (void)fprintf(out, "    %s:--%s", verb, options[i].name);
        if (options[i].letter != 0)
            (void)fprintf(out, "|%s:-%c", verb, options[i].letter);
        (void)fputs(")\n", out);
        put_reply(out, "        ", options[i].completion, "");
        (void)fputs("        return ;;\n", out);
    }
}

static void put_verb(FILE *out, const struct verb *verb)
{
    (void)fprintf(out, "    %s)\n        options=\"", verb->name);
    put_option_words(out, verb->options, verb->option_count);
    put_option_words(out, CLI_GLOBAL_OPTIONS, CLI_GLOBAL_OPTION_COUNT);
    (void)fputs("\"\n        [[ $cur == -* ]] || {\n", out);
    put_reply(out, "            ", verb->completion, verb->words);
    (void)fputs("            return\n        } ;;\n", out);
}

void gen_bash_completion(FILE *out)
{
    (void)fputs("# bash completion for runlet, derived from its table of verbs.\n"
                "_runlet_runs()\n{\n"
                "    runlet status 2>/dev/null | awk 'NR > 1 { print $1 }'\n}\n\n"
                "_runlet()\n{\n"
                "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb=\"\" "
                "options=\"\" word i\n"
                "    local verbs=\"",
                out);
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (!VERBS[i].hidden)
            (void)fprintf(out, "%s ", VERBS[i].name);
    (void)fputs("\"\n"
                "    COMPREPLY=()\n"
                "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                "        word=${COMP_WORDS[i]}\n"
                "        if [[ $word == -- ]]; then\n"
                "            compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
                "            return\n"
                "        fi\n"
                "        if [[ -z $verb && \" $verbs \" == *\" $word \"* ]]; then verb=$word; fi\n"
                "    done\n"
                "    case $verb:$prev in\n",
                out);
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (!VERBS[i].hidden)
            put_option_arguments(out, VERBS[i].name, VERBS[i].options, VERBS[i].option_count);
    put_option_arguments(out, "*", CLI_GLOBAL_OPTIONS, CLI_GLOBAL_OPTION_COUNT);
    (void)fputs("    esac\n    case $verb in\n", out);
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (!VERBS[i].hidden)
            put_verb(out, &VERBS[i]);
    (void)fputs("    *)\n        options=\"", out);
    put_option_words(out, CLI_GLOBAL_OPTIONS, CLI_GLOBAL_OPTION_COUNT);
    (void)fputs("$verbs\" ;;\n    esac\n"
                "    mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
                "}\ncomplete -F _runlet runlet\n",
                out);
}
