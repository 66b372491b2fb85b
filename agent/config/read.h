/*
 * read.h - one configuration document laid over what is already there.
 */
#ifndef CONFIG_READ_H
#define CONFIG_READ_H

#include "config/config.h"
#include "format/node.h"

/* Sets the values that the document names; what is wrong goes to diags (whose `file` names the document) and
 * leaves the earlier value in place. 0 or -ENOMEM. */
int config_read(struct config *c, const struct node *root, struct diag_list *diags);

#endif
