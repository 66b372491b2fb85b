/*
 * layout.h - where everything of this node lies, and who owns which folder.
 *
 *   <state>/         root 0755
 *     agent/         agent 0750        what the agent knows of each run; files of the node itself begin with a dot, as no run can
 *     queue/         agent 2770        submissions: the agent's group may add some
 *     runs/          root:agent 0750   what happened: written by supervisors alone
 *     images/        root 0700         container images, unpacked
 *     cache/         agent 0750        what was fetched, for later runs too; images/ in it as registries send them
 *   <run>/           root 0755
 *     runs/          root:agent 0750   each live run's own socket
 *     api.sock       agent 0660        the agent's API
 *     supervisor.sock                  on a systemd host: where supervisors are asked for
 *     drain                            while root keeps a file here, the agent begins no run
 */
#ifndef DAEMON_LAYOUT_H
#define DAEMON_LAYOUT_H

#include "base/err.h"
#include "base/strlist.h"
#include "config/config.h"
#include "sys/process.h"

#define LAYOUT_PATH_MAX 512

struct layout {
    char agent[LAYOUT_PATH_MAX];
    char queue[LAYOUT_PATH_MAX];
    char runs[LAYOUT_PATH_MAX];
    char images[LAYOUT_PATH_MAX];
    char cache[LAYOUT_PATH_MAX];
    char image_cache[LAYOUT_PATH_MAX];
    char sockets[LAYOUT_PATH_MAX];
    char api_socket[LAYOUT_PATH_MAX];
    char supervisor_socket[LAYOUT_PATH_MAX];
    char drain[LAYOUT_PATH_MAX];
    char libexec[LAYOUT_PATH_MAX]; /* folder of runlet-supervisor, runlet-unpack and entry/ */
    struct user_ids agent_ids;     /* layout_users fills it */
};

/* Derives the paths. Where programs lie is asked of the running one unless the configuration says it. 0 or
 * negative with *e. */
int layout_paths(const struct config *config, struct layout *ret, struct err *e);

/* Looks up the agent's user and group. */
int layout_users(const struct config *config, struct layout *l, struct err *e);

/* Makes the folders, as root. */
int layout_ensure(const struct config *config, const struct layout *l, struct err *e);

/* The policy as options of runlet-supervisor. 0 or -ENOMEM. */
int layout_policy_options(const struct config *config, const struct layout *l, struct strlist *ret);

#endif
