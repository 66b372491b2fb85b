/*
 * value.h - one configuration value: from text to its field, and back to text. Used inside the folder only.
 */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "config/config.h"

/* Reads text (without YAML quotes) into the key's field. 0; -EINVAL when it is not of the type; -ERANGE when
 * it is out of bounds; -ENOMEM. The field is untouched on failure. */
int config_value_set(struct config *c, enum config_key key, const char *text);

/* Appends the key's bounds for people, "1 to 1000"; nothing for keys without bounds. */
void config_value_bounds(enum config_key key, struct strbuf *out);

#endif
