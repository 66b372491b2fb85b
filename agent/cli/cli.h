/*
 * cli.h - one command line: the verb, the options that were given, the words, and where to write.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdio.h>

#include "base/err.h"
#include "base/strlist.h"
#include "cli/verbs.h"

/* Exit statuses of runlet itself. */
#define EXIT_USAGE     2
#define EXIT_RUN_ERROR 125 /* `run`: runlet itself could not run the job */

struct cli_value {
    const struct cli_option *option;
    const char *value; /* borrowed from argv; NULL for a flag */
};

struct cli {
    const struct verb *verb;  /* NULL: none was named */
    struct cli_value *values; /* owned; in the order given */
    size_t value_count;
    struct strlist args; /* words before "--" */
    struct strlist rest; /* words after "--" */
    bool has_rest;       /* "--" was there */
    FILE *out, *err;
};

void cli_free(struct cli *cli);
#define cli_auto cli_free

/* Reads argv into *cli, whose `out` and `err` the caller has set; the rest must be zero. argv must outlive
 * it. On a wrong command line: -EINVAL with the reason, and cli->verb says how far it got. Numbers of words
 * are not checked when --help was given. */
int cli_parse(struct cli *cli, int argc, char *const *argv, struct err *e);

/* Whether the flag was given. Here and below the name must be an option of the verb: anything else is a bug
 * and aborts. */
bool cli_flag(const struct cli *cli, const char *name);

/* The option's last value; NULL when it was not given. */
const char *cli_value(const struct cli *cli, const char *name);

/* Walks a repeatable option: start with *position = 0; NULL at the end. */
const char *cli_next_value(const struct cli *cli, const char *name, size_t *position);

/* The i-th word, or NULL. */
const char *cli_arg(const struct cli *cli, size_t i);

/* Parses argv, and executes the verb: the body of main. Returns the exit status. */
int cli_main(int argc, char *const *argv, FILE *out, FILE *err);

/* Writes "runlet: <text>" and returns `status`: how a verb reports its one error. */
int cli_fail(const struct cli *cli, int status, const struct err *e);

#endif
