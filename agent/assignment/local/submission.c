/* submission.c - see submission.h. */
#include "assignment/local/submission.h"

#include <dirent.h>
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
#include "base/parse.h"
#include "engine/engine.h"
#include "job/assignment.h"
#include "sys/fd.h"

#define DOCUMENT_NAME "assignment.json"
/* Whoever removes what a killed submitter left holds it for a moment only; a living submitter may hold it longer. */
#define MAKE_ATTEMPTS    100
#define MAKE_PAUSE_NANOS (10L * 1000 * 1000)
/* Whoever handed a run in twice may want to look at what was ignored. */
#define REPEATED_KEPT_MS (24LL * 60 * 60 * 1000)

void submission_new_id(const char *kind, wall_ms_t now, char ret[64])
{
    static const char LETTERS[] = "abcdefghijkmnpqrstuvwxyz23456789";
    unsigned char random[8];
    char text[9], time[16];
    time_t seconds = (time_t)(now.ms / 1000);
    struct tm tm = {0};
    size_t n;

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        memset(random, 0, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++)
        text[i] = LETTERS[random[i] % 32];
    text[8] = '\0';
    (void)gmtime_r(&seconds, &tm);
    n = strftime(time, sizeof(time), "%Y%m%d%H%M%S", &tm);
    (void)snprintf(ret, 64, "%.20s.%.*s.%s", kind, (int)n, time, text);
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
        if (part->path == NULL)
            continue;
        (void)snprintf(name, sizeof(name), "parts/%zu", i);
        r = name_part(dir_fd, parts[i], name);
        if (r < 0)
            return err_errno(e, -r, BLAME_NODE, "store the artifact %s", part->name);
        copy = strdup(name);
        if (copy == NULL)
            return err_oom(e);
        free(part->path);
        part->path = copy;
        part->form = artifact_form_collected(part->form);
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

/* The first word of the agent's journal, before anybody can see the folder. */
static int put_accepted(int dir_fd, enum run_origin origin, int64_t epoch, struct err *e)
{
    struct journal j = {.fd = -1};
    struct fact_writer *w;
    int r;

    if (journal_open(dir_fd, AGENT_JOURNAL_NAME, 0640, &j, e) < 0)
        return e->code;
    w = journal_begin(&j, clock_wall(), FACT_ACCEPTED);
    fact_put_int(w, "epoch", epoch);
    fact_put_string(w, "origin", run_origin_name(origin));
    r = journal_commit(&j, true, e);
    journal_close(&j);
    return r;
}

/* Nobody else takes the run up meanwhile. */
static int put_foreground(int dir_fd, int *ret_lock_fd, struct err *e)
{
    AUTO_CLOSE int lock = openat(dir_fd, AGENT_LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);

    if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0)
        return err_errno(e, errno, BLAME_NODE, "lock the run");
    if (put_accepted(dir_fd, ORIGIN_FOREGROUND, 1, e) < 0)
        return e->code;
    *ret_lock_fd = take_fd(&lock);
    return 0;
}

/* Opens a folder and takes it: whoever makes or removes one holds it. fd, -EWOULDBLOCK when somebody else does, or
 * another -errno. */
static int take_folder(int parent_fd, const char *name)
{
    AUTO_CLOSE int fd = dir_open(parent_fd, name);
    struct stat st;

    if (fd < 0)
        return fd;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0)
        return -errno;
    return st.st_nlink > 0 ? take_fd(&fd) : -ENOENT; /* removed between the two */
}

/* Makes the folder and holds it. What a killed submitter left in its place goes first. fd or negative with *e. */
static int make_folder(int parent_fd, const char *name, struct err *e)
{
    const struct timespec pause = {.tv_nsec = MAKE_PAUSE_NANOS};

    for (int attempt = 0; attempt < MAKE_ATTEMPTS; attempt++) {
        bool stale = mkdirat(parent_fd, name, 0770) < 0;
        AUTO_CLOSE int fd = -1;
        if (stale && errno != EEXIST)
            return err_errno(e, errno, BLAME_NODE, "make a folder for the run");
        CRASH_POINT("submission-made");
        fd = take_folder(parent_fd, name);
        if (fd == -EWOULDBLOCK)
            (void)nanosleep(&pause, NULL);
        if (fd < 0 && fd != -ENOENT && fd != -EWOULDBLOCK)
            return err_errno(e, -fd, BLAME_NODE, "open the run's folder");
        if (fd >= 0 && !stale)
            return take_fd(&fd);
        if (fd >= 0)
            (void)tree_remove(parent_fd, name);
    }
    return err_set(e, -EBUSY, BLAME_NODE, "the run is being handed in by somebody else right now");
}

/* Gives the complete folder its place, or removes it when r is an error. 0 or negative with *e. */
static int hand_in(int parent_fd, const char *temporary, const char *name, int r, struct err *e)
{
    if (r >= 0 && renameat2(parent_fd, temporary, parent_fd, name, RENAME_NOREPLACE) < 0)
        r = err_errno(e, errno, BLAME_NODE, "hand in the run %s", name);
    CRASH_POINT("submission-renamed");
    if (r >= 0 && fsync(parent_fd) < 0)
        r = err_errno(e, errno, BLAME_NODE, "hand in the run %s", name);
    CRASH_POINT("submission-kept");
    if (r < 0)
        (void)tree_remove(parent_fd, temporary);
    return r < 0 ? r : 0;
}

int submission_put(int parent_fd, struct job_request *request, const int *parts, bool foreground,
                   int *ret_lock_fd, struct err *e)
{
    AUTO_CLOSE int dir_fd = -1;
    char temporary[256];
    int r;

    (void)snprintf(temporary, sizeof(temporary), SUBMISSION_HALF_MADE "%s", request->run.id);
    dir_fd = make_folder(parent_fd, temporary, e);
    if (dir_fd < 0)
        return dir_fd;
    /* Whatever the umask: the agent's group moves it from the queue to its place. */
    r = fchmod(dir_fd, 0770) < 0 ? err_errno(e, errno, BLAME_NODE, "open the run's folder to the agent") : 0;
    if (r >= 0)
        r = put_parts(dir_fd, request, parts, e);
    CRASH_POINT("submission-parts");
    if (r >= 0)
        r = put_document(dir_fd, request, e);
    if (r >= 0 && foreground)
        r = put_foreground(dir_fd, ret_lock_fd, e);
    return hand_in(parent_fd, temporary, request->run.id, r, e);
}

int submission_put_received(int agent_fd, const struct received *received, struct err *e)
{
    AUTO_CLOSE int dir_fd = -1;
    char temporary[256];
    int r;

    if (faccessat(agent_fd, received->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return err_set(e, -EEXIST, BLAME_ASSIGNMENT, "run %s was accepted before", received->name);
    (void)snprintf(temporary, sizeof(temporary), SUBMISSION_HALF_MADE "%s", received->name);
    dir_fd = make_folder(agent_fd, temporary, e);
    if (dir_fd < 0)
        return dir_fd;
    r = file_replace(dir_fd, DOCUMENT_NAME, received->text, received->size, 0640);
    if (r < 0)
        r = err_errno(e, -r, BLAME_NODE, "write the assignment");
    if (r >= 0)
        r = put_accepted(dir_fd, received->origin, received->epoch, e);
    return hand_in(agent_fd, temporary, received->name, r, e);
}

/* Since when a repeated submission has been put aside; INT64_MAX for any other name. */
static int64_t repeated_at(const char *name)
{
    char digits[24];
    uint64_t at;
    const char *number = name + sizeof(SUBMISSION_REPEATED) - 1;

    if (strncmp(name, SUBMISSION_REPEATED, sizeof(SUBMISSION_REPEATED) - 1) != 0)
        return INT64_MAX;
    (void)snprintf(digits, sizeof(digits), "%.*s", (int)strcspn(number, "."), number);
    return parse_u64(digits, INT64_MAX, &at) < 0 ? INT64_MAX : (int64_t)at;
}

static bool half_made(int parent_fd, const char *name)
{
    AUTO_CLOSE int fd = -1;

    if (strncmp(name, SUBMISSION_HALF_MADE, sizeof(SUBMISSION_HALF_MADE) - 1) != 0)
        return false;
    fd = take_folder(parent_fd, name);
    return fd >= 0 && tree_remove(parent_fd, name) == 0;
}

size_t submission_sweep(int parent_fd, wall_ms_t now)
{
    int copy = openat(parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;
    size_t count = 0;

    if (dir == NULL) {
        if (copy >= 0)
            (void)close(copy);
        return 0;
    }
    while ((entry = readdir(dir)) != NULL) {
        int64_t since = repeated_at(entry->d_name);
        bool old = since != INT64_MAX && now.ms - since > REPEATED_KEPT_MS;
        if (half_made(parent_fd, entry->d_name) || (old && tree_remove(parent_fd, entry->d_name) == 0))
            count++;
    }
    (void)closedir(dir);
    return count;
}
