/* submission.c - see submission.h. */
#include "assignment/local/submission.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"
#include "engine/engine.h"
#include "job/assignment.h"
#include "sys/fd.h"

#define DOCUMENT_NAME "assignment.json"

void submission_new_id(wall_ms_t now, char ret[64])
{
    static const char LETTERS[] = "abcdefghijkmnpqrstuvwxyz23456789";
    unsigned char random[8];
    char text[9];
    time_t seconds = (time_t)(now.ms / 1000);
    struct tm tm = {0};
    size_t n;

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        memset(random, 0, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++)
        text[i] = LETTERS[random[i] % 32];
    text[8] = '\0';
    (void)gmtime_r(&seconds, &tm);
    n = strftime(ret, 64, "local.%Y%m%d%H%M%S.", &tm);
    (void)snprintf(ret + n, 64 - n, "%s", text);
}

/* Gives a nameless file a name in the folder. */
static int name_part(int dir_fd, int part_fd, const char *name)
{
    char source[64];

    (void)snprintf(source, sizeof(source), "/proc/self/fd/%d", part_fd);
    return linkat(AT_FDCWD, source, dir_fd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

static int put_parts(int dir_fd, struct job_request *request, const int *parts, struct err *e)
{
    if (mkdirat(dir_fd, "parts", 0770) < 0)
        return err_errno(e, errno, BLAME_NODE, "make the folder for the artifact");
    for (size_t i = 0; i < request->artifact.count; i++) {
        struct artifact_part *part = &request->artifact.part[i];
        char name[32];
        char *copy;
        int r;
        (void)snprintf(name, sizeof(name), "parts/%zu", i);
        r = name_part(dir_fd, parts[i], name);
        if (r < 0)
            return err_errno(e, -r, BLAME_NODE, "store the artifact %s", part->name);
        copy = strdup(name);
        if (copy == NULL)
            return err_oom(e);
        free(part->path);
        part->path = copy;
        if (part->form == ARTIFACT_DIRECTORY)
            part->form = ARTIFACT_ARCHIVE;
        else if (part->form == ARTIFACT_ENTRY_PROGRAM)
            part->form = ARTIFACT_FILE;
    }
    return 0;
}

static int put_document(int dir_fd, const struct job_request *request, struct err *e)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(DOCUMENT_BYTES_MAX);
    int r = assignment_write(request, 1, &text);

    if (r < 0)
        return err_set(e, r, BLAME_ASSIGNMENT, "the assignment is longer than %u bytes", DOCUMENT_BYTES_MAX);
    r = file_replace(dir_fd, DOCUMENT_NAME, text.data, text.len, 0640);
    return r < 0 ? err_errno(e, -r, BLAME_NODE, "write the assignment") : 0;
}

/* The first word of the agent's journal, and the lock, before anybody can see the folder. */
static int put_foreground(int dir_fd, int *ret_lock_fd, struct err *e)
{
    struct journal j = {.fd = -1};
    AUTO_CLOSE int lock = openat(dir_fd, AGENT_LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    struct fact_writer *w;
    int r;

    if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0)
        return err_errno(e, errno, BLAME_NODE, "lock the run");
    if (journal_open(dir_fd, AGENT_JOURNAL_NAME, 0640, &j, e) < 0)
        return e->code;
    w = journal_begin(&j, clock_wall(), FACT_ACCEPTED);
    fact_put_int(w, "epoch", 1);
    fact_put_string(w, "origin", run_origin_name(ORIGIN_FOREGROUND));
    r = journal_commit(&j, true, e);
    journal_close(&j);
    if (r == 0)
        *ret_lock_fd = take_fd(&lock);
    return r;
}

int submission_put(int parent_fd, struct job_request *request, const int *parts, bool foreground,
                   int *ret_lock_fd, struct err *e)
{
    AUTO_CLOSE int dir_fd = -1;
    char temporary[256];
    int r;

    (void)snprintf(temporary, sizeof(temporary), ".new.%s", request->run.id);
    if (mkdirat(parent_fd, temporary, 0770) < 0)
        return err_errno(e, errno, BLAME_NODE, "make a folder for the run");
    CRASH_POINT("submission-made");
    r = dir_fd = dir_open(parent_fd, temporary);
    if (r < 0)
        (void)err_errno(e, -r, BLAME_NODE, "open the run's folder");
    /* Whatever the umask: the agent's group moves it from the queue to its place. */
    if (r >= 0)
        r = fchmod(dir_fd, 0770) < 0 ? err_errno(e, errno, BLAME_NODE, "open the run's folder to the agent")
                                     : 0;
    if (r >= 0)
        r = put_parts(dir_fd, request, parts, e);
    CRASH_POINT("submission-parts");
    if (r >= 0)
        r = put_document(dir_fd, request, e);
    if (r >= 0 && foreground)
        r = put_foreground(dir_fd, ret_lock_fd, e);
    if (r >= 0 && renameat2(parent_fd, temporary, parent_fd, request->run.id, RENAME_NOREPLACE) < 0)
        r = err_errno(e, errno, BLAME_NODE, "hand in the run %s", request->run.id);
    CRASH_POINT("submission-renamed");
    if (r >= 0 && fsync(parent_fd) < 0)
        r = err_errno(e, errno, BLAME_NODE, "hand in the run %s", request->run.id);
    CRASH_POINT("submission-kept");
    if (r < 0)
        (void)tree_remove(parent_fd, temporary);
    return r < 0 ? r : 0;
}
