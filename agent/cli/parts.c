/* parts.c - see parts.h. */
#include "cli/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "fetch/pack.h"
#include "sys/fd.h"

static int copy_bytes(int from, int to, unsigned long long max_bytes, const char *name, struct err *e)
{
    char chunk[65536];
    unsigned long long total = 0;
    ssize_t n;

    /* Within one file system the kernel copies, or shares the blocks; across two it may refuse. */
    while ((n = copy_file_range(from, NULL, to, NULL, 1U << 30, 0)) > 0)
        total += (unsigned long long)n;
    while (n != 0) {
        n = read(from, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, errno, BLAME_ASSIGNMENT, "read %s", name);
        if (n > 0 && fd_write_all(to, chunk, (size_t)n) < 0)
            return err_errno(e, errno, BLAME_NODE, "copy %s", name);
        total += (unsigned long long)n;
        if (total > max_bytes)
            break;
    }
    if (total > max_bytes)
        return err_set(e, -E2BIG, BLAME_ASSIGNMENT, "%s is larger than the limit of %llu bytes", name,
                       max_bytes);
    return 0;
}

static int collect_part(const struct artifact_part *part, const struct layout *layout, int to,
                        unsigned long long max_bytes, struct err *e)
{
    char program[1024];
    const char *path = part->path;
    AUTO_CLOSE int from = -1;

    if (part->form == ARTIFACT_ENTRY_PROGRAM) {
        (void)snprintf(program, sizeof(program), "%s/entry/%s", layout->libexec, part->path);
        path = program;
    }
    from = open(path, O_RDONLY | O_CLOEXEC | (part->form == ARTIFACT_DIRECTORY ? O_DIRECTORY : 0));
    if (from < 0)
        return err_errno(e, errno, part->form == ARTIFACT_ENTRY_PROGRAM ? BLAME_NODE : BLAME_ASSIGNMENT,
                         "open %s", path);
    if (part->form == ARTIFACT_DIRECTORY)
        return pack_directory(from, part->flatten ? NULL : part->name, to, max_bytes, e);
    return copy_bytes(from, to, max_bytes, path, e);
}

int parts_collect(const struct artifact *artifact, const struct layout *layout, const char *folder,
                  unsigned long long max_bytes, struct parts *ret, struct err *e)
{
    for (size_t i = 0; i < artifact->count; i++) {
        AUTO_CLOSE int to = -1;
        if (artifact->part[i].path == NULL)
            continue;
        to = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0640);
        if (to < 0)
            return err_errno(e, errno, BLAME_NODE, "make a file in %s", folder);
        if (collect_part(&artifact->part[i], layout, to, max_bytes, e) < 0)
            return e->code;
        if (fchmod(to, 0640) < 0)
            return err_errno(e, errno, BLAME_NODE, "open the artifact to the agent");
        ret->fd[i] = take_fd(&to);
    }
    return 0;
}

int parts_give(const struct parts *p, const struct layout *layout, struct err *e)
{
    for (size_t i = 0; i < ARTIFACT_PARTS_MAX; i++)
        if (p->fd[i] >= 0 && fchown(p->fd[i], layout->agent_ids.uid, layout->agent_ids.gid) < 0)
            return err_errno(e, errno, BLAME_NODE, "give the artifact to the agent");
    return 0;
}

void parts_close(struct parts *p)
{
    for (size_t i = 0; i < ARTIFACT_PARTS_MAX; i++)
        fd_close(&p->fd[i]);
}
