/* inline_parts.c - see inline_parts.h. */
#include "cli/inline_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/base64.h"
#include "base/strbuf.h"
#include "sys/fd.h"

/* Four characters for three bytes, and what rounds up. */
#define ENCODED_MAX (INLINE_BYTES_MAX / 3 * 4 + 8)

static int too_large(const struct artifact_part *part, long long size, struct err *e)
{
    return err_set(e, -E2BIG, BLAME_ASSIGNMENT,
                   "%s has %lld bytes, and what goes to the nodes with the run itself may have %u: put it "
                   "where every node can "
                   "fetch it, and name that place in the job (a URI)",
                   part->name, size, INLINE_BYTES_MAX);
}

static int put_content(struct artifact_part *part, int fd, struct err *e)
{
    AUTO(strbuf) struct strbuf bytes = STRBUF_INIT(INLINE_BYTES_MAX);
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(ENCODED_MAX);
    struct stat st;
    int r;

    if (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return err_errno(e, errno, BLAME_NODE, "read the copy of %s", part->name);
    if (st.st_size > INLINE_BYTES_MAX)
        return too_large(part, (long long)st.st_size, e);
    r = fd_read_all(fd, &bytes);
    if (r < 0)
        return err_errno(e, -r, BLAME_NODE, "read the copy of %s", part->name);
    if (base64_encode(strbuf_str(&bytes), bytes.len, &text) < 0)
        return err_oom(e);
    part->source.content = strdup(strbuf_str(&text));
    if (part->source.content == NULL)
        return err_oom(e);
    free(part->path);
    part->path = NULL;
    part->form = artifact_form_collected(part->form);
    return 0;
}

int parts_inline(struct artifact *artifact, const struct parts *parts, struct err *e)
{
    for (size_t i = 0; i < artifact->count; i++)
        if (artifact->part[i].path != NULL && put_content(&artifact->part[i], parts->fd[i], e) < 0)
            return e->code;
    return 0;
}
