/* stage_storage.c - what the room of storage says, as stages of the run. See supervision.h. */
#include "supervisor/supervision.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "sys/fd.h"

static const char *const STATES[] = {
    [STORAGE_DONE] = "done",      [STORAGE_IGNORED] = "ignored", [STORAGE_FAILED] = "failed",
    [STORAGE_LOST] = "lost",      [STORAGE_BACK] = "back",       [STORAGE_SAVING] = "uploading",
    [STORAGE_UNSAVED] = "failed",
};

static void note(struct supervision *s, const struct storage_word *word)
{
    struct fact_writer *w = journal_begin(&s->journal, clock_wall(), "storage");

    fact_put_string(w, "step", word->step);
    fact_put_string(w, "object", word->object);
    fact_put_string(w, "state", STATES[word->kind]);
    fact_put_int(w, "ms", word->took_ms);
    if (word->detail[0] != '\0')
        fact_put_string(w, "detail", word->detail);
    if (word->error.text[0] != '\0')
        fact_put_string(w, "reason", word->error.text);
    stage_note(s, false);
}

/* The home is what is mounted there now. */
static int open_home(struct supervision *s, struct err *e)
{
    char path[RUN_PATH_MAX + 16];

    if (s->policy->storage.volume == VOLUME_DIRECTORY)
        return 0;
    (void)snprintf(path, sizeof(path), "%s/%s/%s", s->policy->runs_dir, s->run.name, HOME_NAME);
    fd_close(&s->run.home_fd);
    s->run.home_fd = dir_open(AT_FDCWD, path);
    return s->run.home_fd < 0 ? err_errno(e, -s->run.home_fd, BLAME_NODE, "open the home on its volume") : 0;
}

/* Whose server it is tells its name, before " on ". */
static bool lost_ends(const struct supervision *s, const char *object)
{
    return strstr(object, "://") != NULL ? s->policy->objects.lost_ends : s->policy->storage.lost_ends;
}

static void lost(struct supervision *s, const char *object, const struct err *e)
{
    log_warning("run=%s %s", s->plan.run_id, e->text);
    if (!lost_ends(s, object) || s->stopping || s->stop.main_ended)
        return;
    if (s->record.reason[0] == '\0') {
        s->record.blame = e->blame;
        (void)snprintf(s->record.reason, sizeof(s->record.reason), "%s", e->text);
    }
    stage_stop(s, CAUSE_STORAGE_FAILED, -1, clock_boot());
}

static void ready(struct supervision *s)
{
    struct err e = ERR_INIT;

    if (s->stage != STAGE_STORAGE)
        return;
    if (s->stopping)
        stage_storage_failed(s, &(struct err){.text = "the run was stopped before the job started"});
    else if (open_home(s, &e) < 0)
        stage_storage_failed(s, &e);
    else
        stage_place(s);
}

static void take(struct supervision *s, const struct storage_word *word)
{
    if ((size_t)word->kind < ARRAY_SIZE(STATES) && STATES[word->kind] != NULL)
        note(s, word);
    switch (word->kind) {
    case STORAGE_IGNORED:
        log_warning("run=%s storage: %s %s: %s", s->plan.run_id, word->step, word->object, word->error.text);
        break;
    case STORAGE_READY: ready(s); break;
    case STORAGE_FAILED: stage_storage_failed(s, &word->error); break;
    case STORAGE_LOST: lost(s, word->object, &word->error); break;
    case STORAGE_UNSAVED: log_warning("run=%s %s", s->plan.run_id, word->error.text); break;
    case STORAGE_SAVED: stage_saved(s, &word->error); break;
    case STORAGE_BACK: log_notice("run=%s storage: %s answers again", s->plan.run_id, word->object); break;
    default: break;
    }
}

bool stage_succeeded(const struct supervision *s)
{
    const struct exit_record *r = &s->record;

    return r->stop_cause == CAUSE_NONE && r->main_end == MAIN_EXITED && r->status == 0;
}

void stage_note_saves(struct supervision *s)
{
    if (!storage_saves(&s->plan))
        return;
    (void)journal_begin(&s->journal, clock_wall(), "saves-storage");
    stage_note(s, false);
}

void stage_judge_saving(struct supervision *s, const struct err *e)
{
    struct exit_record *r = &s->record;

    /* The job's own failure, and why it was stopped, come first: they are told, and this is in log and journal. */
    if (e->code < 0 && stage_succeeded(s)) {
        r->stop_cause = CAUSE_STORAGE_FAILED;
        r->blame = e->blame;
        (void)snprintf(r->reason, sizeof(r->reason), "%s", e->text);
    }
    (void)journal_begin(&s->journal, clock_wall(), "saved");
    stage_note(s, true);
}

void stage_storage_says(struct supervision *s)
{
    struct storage_word word;
    int r;

    while ((r = storage_hear(&s->storage, &word)) == 1)
        take(s, &word);
    if (r < 0 && s->stage == STAGE_SAVING)
        stage_saved(s, &(struct err){.code = -EPIPE,
                                     .blame = BLAME_BUG,
                                     .text = "the process for storage ended too early"});
    if (r < 0 && s->stage == STAGE_STORAGE)
        stage_storage_failed(
            s, &(struct err){.blame = BLAME_BUG, .text = "the process for storage ended too early"});
}

void stage_storage_due(struct supervision *s, boot_ms_t now)
{
    struct err e = ERR_INIT;

    if (s->stage == STAGE_STORAGE && storage_hung(&s->storage, now, &e))
        stage_storage_failed(s, &e);
    if (s->stage == STAGE_SAVING && storage_hung(&s->storage, now, &e))
        stage_saved(s, &e);
}
