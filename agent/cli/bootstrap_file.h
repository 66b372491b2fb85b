/*
 * bootstrap_file.h - the document that a new machine finds: how it gets its credential, and its configuration.
 *
 *     bootstrap:
 *       token: b7Jx0f3qA9            or tokenFile: PATH
 *       run: ocid1.run.x             the run that the machine was made for; may be missing
 *     http:
 *       endpoint: https://...        and any other key of the configuration
 */
#ifndef CLI_BOOTSTRAP_FILE_H
#define CLI_BOOTSTRAP_FILE_H

#include "config/config.h"
#include "format/diag.h"

struct bootstrap_file {
    char *token;          /* owned; NULL: token_file has it */
    char *token_file;     /* owned; or NULL */
    char *run;            /* owned; or NULL */
    struct config config; /* what the document sets, and nothing else */
};

void bootstrap_file_free(struct bootstrap_file *f);
#define bootstrap_file_auto bootstrap_file_free

/* Reads the n bytes of YAML into *ret, which must be zero. What is wrong goes to `diags`, whose `file` names the document.
 * 0, -EINVAL or -ENOMEM. */
int bootstrap_file_read(const char *text, size_t n, struct bootstrap_file *ret, struct diag_list *diags);

#endif
