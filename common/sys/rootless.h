/*
 * rootless.h - an ordinary user as root of a user namespace: what can be had of containment without being root.
 */
#ifndef SYS_ROOTLESS_H
#define SYS_ROOTLESS_H

#include "base/err.h"

/*
 * Makes the calling process, which must have one thread, root in a user namespace of its own. There is nobody else in
 * it: files of others show as nobody's, and supplementary groups stay, because only root can give them up. 0, or
 * negative with *e, which says what to change where the machine forbids it.
 */
int rootless_enter(struct err *e);

#endif
