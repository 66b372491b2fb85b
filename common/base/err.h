/*
 * err.h - one error value: a code, who is to blame, and a chain of context.
 *
 * The caller owns a `struct err`, initialised with ERR_INIT, and passes it down. A function that fails fills
 * it and returns the negative code, so that the failing line is one statement:
 *
 *     return err_errno(e, errno, BLAME_NODE, "open %s", path);
 *
 * A caller that can add something prefixes it: `return err_context(e, "read the plan");` gives
 * "read the plan: open /x/plan: No such file or directory". Library code returns errors and never logs them;
 * programs log once, at their edge. The text never holds a secret: callers put names in it, not values.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* Who has to act. Retry and reporting decide by it. */
enum blame {
    BLAME_NONE = 0,   /* no error */
    BLAME_ASSIGNMENT, /* the job or run document, the artifact, the command line: its author */
    BLAME_NODE,       /* this machine: its operator */
    BLAME_SERVICE,    /* something reached over the network */
    BLAME_BUG,        /* runlet itself */
    BLAME_COUNT,
};

#define ERR_TEXT_MAX 512

struct err {
    int code; /* 0, or a negative errno */
    enum blame blame;
    char text[ERR_TEXT_MAX];
};

#define ERR_INIT                                                                                             \
    (struct err)                                                                                             \
    {                                                                                                        \
        .code = 0                                                                                            \
    }

/* Fills *e with `code` (a negative errno; 0 or positive is taken as -EINVAL) and returns the code. */
int err_set(struct err *e, int code, enum blame blame, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* As err_set with -errnum, and appends ": " and the system's text for errnum. */
int err_errno(struct err *e, int errnum, enum blame blame, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Out of memory: blames the node. */
int err_oom(struct err *e);

/* Prefixes the text with the formatted words and ": ". Returns e->code. A text over the limit loses its tail.
 */
int err_context(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "assignment", "node", "service", "bug", or "none". */
const char *blame_name(enum blame blame);

/* Reads a blame back from its name; BLAME_NONE when the name is unknown. */
enum blame blame_from_name(const char *name);

#endif
