/*
 * gen.h - pages derived from the tables of verbs and configuration keys. The build calls them through `runlet
 * gen`.
 */
#ifndef CLI_GEN_H
#define CLI_GEN_H

#include <stdio.h>

#include "cli/verbs.h"

/* Man page runlet-VERB(1). */
void gen_man_verb(const struct verb *verb, FILE *out);

/* Sections for hand-written pages: the verbs of runlet(1), the options they share, the keys of
 * runlet.yaml(5). */
void gen_man_verbs(FILE *out);
void gen_man_global_options(FILE *out);
void gen_man_config_keys(FILE *out);

/* Writes text with roff's special characters escaped; `code` in backquotes becomes bold. */
void gen_roff_text(FILE *out, const char *text);

/* The completion script for bash. */
void gen_bash_completion(FILE *out);

/* The table of keys of docs/configuration.md. */
void gen_config_reference(FILE *out);

#endif
