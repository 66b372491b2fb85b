/*
 * help.h - help texts for a terminal of 80 columns, all from the table of verbs.
 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdio.h>

#include "cli/verbs.h"

/* `runlet --help` */
void help_print_overview(FILE *out);

/* `runlet VERB --help` */
void help_print_verb(const struct verb *verb, FILE *out);

/* What a wrong command line gets: the synopsis and where help is. `verb` may be NULL. */
void help_print_usage(const struct verb *verb, FILE *out);

/* Writes text wrapped at 80 columns, each line after the first indented by `indent`; the cursor stands at
 * column `at`. */
void help_wrap(FILE *out, const char *text, int at, int indent);

/* "-f, --follow", "    --name NAME" into buf. */
#define OPTION_TEXT_MAX 64
void help_option_text(const struct cli_option *option, char buf[OPTION_TEXT_MAX]);

/* The statuses of a verb, or those that every verb has. */
const char *const *verb_statuses(const struct verb *verb);

#endif
