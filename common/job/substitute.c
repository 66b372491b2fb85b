/* substitute.c - see resolve.h: ${NAME} among one set of variables, the way ADS does it. */
#include "job/resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/strbuf.h"

/* ADS follows references in the values it puts in, ten deep. */
#define DEPTH_MAX 10
/* Bounds for the whole set, far above what the service's 20,000 characters can need. */
#define STEPS_MAX 20000
#define BYTES_MAX (256U * 1024)

struct expansion {
    const struct env *env;
    struct strbuf out;
    unsigned steps;
    int failed;
};

/* The value of the reference ${NAME} at p, and its end. NULL: it is none that can be replaced. */
static const char *referenced(const struct expansion *x, const char *p, const char **ret_end)
{
    AUTO_FREE char *name = NULL;
    const char *close = strchr(p, '}');

    if (close == NULL)
        return NULL;
    name = strndup(p + 2, (size_t)(close - p - 2));
    if (name == NULL)
        return NULL;
    *ret_end = close + 1;
    return env_value(x->env, name);
}

static void expand(struct expansion *x, const char *p, unsigned depth)
{
    while (*p != '\0' && x->failed == 0) {
        size_t plain = strcspn(p, "$");
        const char *value;
        const char *end = NULL;

        strbuf_add(&x->out, p, plain);
        p += plain;
        if (*p == '\0')
            return;
        if (p[1] != '{') {
            strbuf_addch(&x->out, '$');
            p += p[1] == '$' ? 2 : 1;
            continue;
        }
        value = depth < DEPTH_MAX ? referenced(x, p, &end) : NULL;
        if (value == NULL) {
            /* As in ADS, what follows an unknown name is not looked at either. */
            strbuf_addstr(&x->out, p);
            return;
        }
        if (++x->steps > STEPS_MAX || x->out.failed != 0)
            x->failed = -E2BIG;
        else
            expand(x, value, depth + 1);
        p = end;
    }
}

int env_substitute(struct env *env)
{
    AUTO(env) struct env done = {0};
    size_t bytes = 0;
    unsigned steps = 0;

    for (size_t i = 0; i < env->count; i++) {
        const struct env_var *v = &env->var[i];
        struct expansion x = {.env = env, .out = STRBUF_INIT(BYTES_MAX), .steps = steps};
        AUTO_FREE char *value = NULL;

        expand(&x, v->value, 0);
        steps = x.steps;
        bytes += x.out.len;
        if (x.failed == 0)
            x.failed = bytes > BYTES_MAX ? -E2BIG : x.out.failed;
        value = strbuf_take(&x.out);
        strbuf_free(&x.out);
        if (x.failed != 0)
            return x.failed;
        if (value == NULL || env_set(&done, v->layer, v->key, value) < 0)
            return -ENOMEM;
    }
    for (size_t i = 0; i < env->count; i++) {
        char *old = env->var[i].value;
        env->var[i].value = done.var[i].value;
        done.var[i].value = old;
    }
    return 0;
}
