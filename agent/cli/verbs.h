/*
 * verbs.h - the one table of verbs: names, options, help. Parser, --help, man pages and bash completion all
 * read it.
 *
 * To add a verb: a row in verb_table.c, its function below, a line in functions.c, its code in verb_<name>.c.
 */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

#include <stdbool.h>
#include <stddef.h>

/* What the shell completes in an argument's place. */
enum completion {
    COMPLETE_NOTHING = 0,
    COMPLETE_FILE,
    COMPLETE_DIRECTORY,
    COMPLETE_RUN,  /* ids of runs on this machine */
    COMPLETE_VERB, /* names of verbs */
    COMPLETE_WORD, /* the words of `words` */
};

struct cli_option {
    const char *name;     /* without the dashes */
    char letter;          /* 0: none */
    const char *argument; /* NULL: a flag */
    bool repeatable;      /* else the last one wins */
    enum completion completion;
    const char *help;
};

struct verb {
    const char *name;
    const char *synopsis;           /* what follows "runlet NAME" */
    const char *summary;            /* one line, without a final full stop */
    const char *const *description; /* paragraphs, up to NULL */
    const struct cli_option *options;
    size_t option_count;
    size_t args_min, args_max; /* words before "--" */
    bool takes_rest;           /* whether words may follow "--" */
    enum completion completion;
    const char *words;           /* with COMPLETE_WORD */
    const char *const *statuses; /* pairs: status, meaning; up to NULL; NULL: 0, 1 and 2 as everywhere */
    const char *const *examples; /* pairs: command, what it does; up to NULL; may be NULL */
    int usage_status; /* exit status of a wrong command line: 2, but 125 where other statuses are the job's */
    bool hidden;
};

/* Options that every verb has, before or after the verb's name. */
extern const struct cli_option CLI_GLOBAL_OPTIONS[];
extern const size_t CLI_GLOBAL_OPTION_COUNT;

extern const struct verb VERBS[];
extern const size_t VERB_COUNT;

/* The verb of that name, or NULL. */
const struct verb *verb_find(const char *name);

/* The verb nearest to a mistyped name, or NULL. */
const struct verb *verb_suggest(const char *name);

struct cli;

/* What a verb does; returns the exit status. */
typedef int verb_function(struct cli *cli);

/* The function of the verb; a test sees that each has one. functions.c. */
verb_function *verb_function_of(const struct verb *verb);

verb_function verb_bootstrap, verb_cancel, verb_config, verb_deadline, verb_drain, verb_gen, verb_help,
    verb_leave, verb_logs, verb_nodes, verb_preempt, verb_remove, verb_run, verb_runs, verb_status,
    verb_submit, verb_undrain, verb_validate, verb_version, verb_wait, verb_why;

#endif
