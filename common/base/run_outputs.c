/* run_outputs.c - see run_outputs.h. */
#include "base/run_outputs.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FROM_MAX 1024

void run_outputs_free(struct run_outputs *o)
{
    for (size_t i = 0; i < o->count; i++) {
        free(o->item[i].from);
        free(o->item[i].to);
    }
    *o = (struct run_outputs){.count = 0};
}

int run_outputs_add(struct run_outputs *o, const char *from, const char *to, bool always)
{
    struct run_output *added = &o->item[o->count];

    if (o->count == RUN_OUTPUTS_MAX)
        return -E2BIG;
    *added = (struct run_output){.from = strdup(from), .to = strdup(to), .always = always};
    o->count++;
    return added->from != NULL && added->to != NULL ? 0 : -ENOMEM;
}

int run_outputs_addall(struct run_outputs *o, const struct run_outputs *from)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < from->count; i++)
        r = run_outputs_add(o, from->item[i].from, from->item[i].to, from->item[i].always);
    return r;
}

bool run_output_from_valid(const char *from)
{
    if (strlen(from) > FROM_MAX)
        return false;
    if (strcmp(from, ".") == 0)
        return true;
    for (const char *part = from;; part++) {
        size_t n = strcspn(part, "/");
        if (n == 0 || (n == 1 && part[0] == '.') || (n == 2 && part[0] == '.' && part[1] == '.'))
            return false;
        for (size_t i = 0; i < n; i++)
            if (iscntrl((unsigned char)part[i]))
                return false;
        part += n;
        if (*part == '\0')
            return true;
    }
}
