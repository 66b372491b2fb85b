/*
 * device_fence.h - the devices that the processes of a run's control group may open, whatever nodes for others they find.
 *
 * Behind the job's own /dev, mounts without devices and the missing right to make nodes: a node that gets into a job's
 * reach all the same (a mount of somebody else's, a descriptor of a folder) cannot be opened. Version 2 of control groups
 * runs a program for each attempt, version 1 has a list; both let through what every job's /dev has, the job's own
 * terminals, and what was granted.
 */
#ifndef SUPERVISOR_DEVICE_FENCE_H
#define SUPERVISOR_DEVICE_FENCE_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/run_sandbox.h"
#include "record/containment.h"
#include "supervisor/devices.h"
#include "sys/run_group.h"

#define DEVICE_RULES_MAX (SANDBOX_DEVICES_MAX + 8)
#define DEVICE_CODE_MAX  (DEVICE_RULES_MAX * 5 + 12)
#define DEVICE_RULE_TEXT 32

/* A device that may be read and written. For a granted one init makes the node; a job has not got that right anyway. */
struct device_rule {
    bool block;
    uint32_t major, minor;
    bool any_minor;
    const char *granted; /* borrowed: its path; NULL: of every job */
};

/* The rules of a run. Pure. Returns how many. */
size_t device_rules(const struct granted_devices *granted, struct device_rule ret[DEVICE_RULES_MAX]);

/* The program that lets those through and nothing else. Pure. Returns its length. */
size_t device_program(const struct device_rule *rules, size_t count, struct bpf_insn ret[DEVICE_CODE_MAX]);

/* "c 1:3 rw", "c 10:229 rwm": the rule as version 1 writes and shows it. Pure. */
void device_rule_format(const struct device_rule *rule, char ret[DEVICE_RULE_TEXT]);

/* Whether devices.list of version 1 has these rules and no other line. Pure. */
bool device_list_holds(const char *list, const struct device_rule *rules, size_t count);

/* The two ways, each read back. 0; -ENOTSUP when this machine has not got it or does not let us; or negative with *e:
 * when it was begun and does not hold, or a granted device is out of our own group's reach. */
int device_fence_by_program(const struct run_group *group, const struct device_rule *rules, size_t count,
                            struct err *e);
int device_fence_by_list(const struct run_group *group, const struct device_rule *rules, size_t count,
                         struct err *e);

/* Fences the run's group and notes it in *list. A machine with neither way is no reason to refuse: the walls before this
 * one hold alone, and the record says so. 0 or negative with *e. */
int device_fence(const struct granted_devices *granted, const struct run_group *group,
                 struct containment_list *list, struct err *e);

#endif
