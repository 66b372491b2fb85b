/*
 * secret.h - which environment variables hold secrets, by their names: their values are never shown.
 */
#ifndef CLI_SECRET_H
#define CLI_SECRET_H

#include <stdbool.h>

#define SECRET_MASK "******"

/* Whether a word of the name (between underscores) ends in SECRET, TOKEN, PASSWORD, PASSWD, PASSPHRASE,
 * CREDENTIAL or KEY, or their plural. */
bool secret_name(const char *key);

#endif
