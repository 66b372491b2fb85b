/*
 * run_sandbox.h - what one run asks of its walls, beside the ones every run gets.
 *
 * From `x-runlet: sandbox:` of the job document. The node's policy may refuse what weakens a wall (learn,
 * devices); nothing here can take one away.
 */
#ifndef BASE_RUN_SANDBOX_H
#define BASE_RUN_SANDBOX_H

#include <stdbool.h>

#include "base/strlist.h"

struct run_sandbox {
    bool network_off;            /* an own network namespace in which nothing but loopback exists */
    bool user_namespace;         /* an own user namespace */
    bool learn;                  /* note every system call and let it pass; policy must allow it */
    struct strlist system_calls; /* owned; when not empty, the calls that may be made and no other */
    struct strlist devices;      /* owned; paths of device nodes below /dev */
};

void run_sandbox_free(struct run_sandbox *s);

/* Whether anything is asked for. */
bool run_sandbox_any(const struct run_sandbox *s);

/* "openat": lower-case letters, digits and '_', at most 32. */
bool system_call_name_valid(const char *name);

/* "/dev/nvidia0", "/dev/dri/renderD128": below /dev, without "..". */
bool device_path_valid(const char *path);

#define SANDBOX_SYSTEM_CALLS_MAX 512
#define SANDBOX_DEVICES_MAX      32

#endif
