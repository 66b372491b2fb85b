/*
 * supervision.h - the state of one supervised run, shared by the files that handle its stages.
 *
 *   request.c     the first message: from plan to run directory, or a refusal
 *   supervise.c   the loop: what woke us, and what is due
 *   stages.c      what each stage does from the launch on; the only writer of `stage`
 *   stage_prepare.c  what comes before: image, storage, artifact, the launch itself
 *   stage_storage.c  what the room of storage says
 *   claim.c       the devices it was granted, before and after it
 *   explain.c     what the sandbox denied
 *   preempt.c     what the job is told before it is stopped
 *   stage_terms.c  its deadline and its lease
 *   finish.c      the exit record
 */
#ifndef SUPERVISOR_SUPERVISION_H
#define SUPERVISOR_SUPERVISION_H

#include "record/exit_record.h"
#include "record/journal.h"
#include "supervisor/capture.h"
#include "supervisor/channel.h"
#include "supervisor/denials.h"
#include "supervisor/devices.h"
#include "supervisor/helper_group.h"
#include "supervisor/image.h"
#include "supervisor/init.h"
#include "supervisor/measure.h"
#include "supervisor/notice.h"
#include "supervisor/oom.h"
#include "supervisor/place.h"
#include "supervisor/policy.h"
#include "supervisor/run_directory.h"
#include "supervisor/scratch_disk.h"
#include "supervisor/stop.h"
#include "supervisor/storage.h"
#include "supervisor/terms.h"
#include "sys/run_group.h"

enum stage {
    STAGE_IMAGE = 0, /* the container image is unpacked, where there is one */
    STAGE_STORAGE,   /* the volume is prepared, storage is mounted */
    STAGE_PLACING,   /* the helper puts the artifact into the home */
    STAGE_LAUNCHING, /* init builds the view and starts the job */
    STAGE_RUNNING,
    STAGE_LEFTOVERS, /* the main process ended; what it left behind is being ended */
    STAGE_SAVING,    /* nothing is alive any more; what the job wrote is brought to the servers */
    STAGE_GONE,      /* nothing is alive any more (or cannot be ended): record the end */
    STAGE_COUNT,
};

struct supervision {
    const struct policy *policy;
    struct plan plan;            /* owned */
    struct run_directory run;    /* owned */
    struct journal journal;      /* owned */
    struct capture capture;      /* owned */
    struct channel channel;      /* owned */
    struct image image;          /* owned: where the run has one */
    struct place_helper helper;  /* owned */
    struct notice_board notices; /* owned */
    struct scratch_disk scratch; /* owned: where the run has a disk of its own */
    struct storage storage;      /* owned: where the run has any */
    int placement_fd[PLAN_PLACEMENTS_MAX +
                     1];         /* owned: until they are placed; the image's layout behind them */
    struct run_group group;      /* owned: the run's control groups, where there are any */
    struct helper_group helpers; /* owned: those of the helpers */
    struct effective_limits limits;
    struct granted_devices devices; /* owned */
    struct measure measure;
    struct oom_watch oom;      /* owned */
    struct call_filter filter; /* what the run asked for, over the table of system calls */
    int listener_socket;       /* owned: where the filter's listener comes from; -1: it came */
    struct denials denials;    /* owned */
    struct rusage ended;       /* of everything that init reaped, once it is gone */
    pid_t main_pid;            /* 0 until it runs */
    int64_t disk_free_at_start;
    boot_ms_t look_at;                 /* when disk and usage are looked at next; INT64_MAX: not running */
    struct containment_list contained; /* owned: as it was read back, until it is noted */
    struct init_process init;          /* owned */
    int signal_fd, timer_fd;           /* owned */
    int output_fd[CAPTURE_STREAMS];    /* owned: write ends, for the job; -1 after the launch */
    enum stage stage;
    bool stopping; /* the ladder is being climbed */
    struct stop_policy stop_policy;
    struct stop_progress stop;
    boot_ms_t deadline;  /* 0 until the job runs */
    boot_ms_t notice_at; /* when the job is told of its deadline; INT64_MAX: never, or told */
    enum notice_reason preempt_reason;
    struct lease_terms lease;
    boot_ms_t preempt_at;      /* when a preempted run is stopped; INT64_MAX: it is not preempted */
    struct exit_record record; /* filled as facts become known */
};

const char *stage_name(enum stage stage);

/* request.c: reads the plan, makes the directory, opens everything. 0, or negative with *e and *ret_refusal.
 */
int request_accept(struct supervision *s, int plan_fd, size_t fd_count, enum refusal *ret_refusal,
                   struct err *e);

/* stages.c */
/* Commits the fact that was begun in the journal. Facts of a run in progress are evidence, not the record: a full disk must
 * not end the supervision, so a failure is logged and that is all. */
void stage_note(struct supervision *s, bool durable);
/* Enters a stage. */
void stage_set(struct supervision *s, enum stage stage);
/* Begins a fact of the journal; stage_note commits it. */
struct fact_writer *stage_fact(struct supervision *s, const char *event);
/* The run ends before the job ran: the first reason wins. */
void stage_not_started(struct supervision *s, enum cause cause, const struct err *e);
/* Nothing of the run lives: what it wrote is saved where that is to be, then the end is recorded. */
void stage_tree_gone(struct supervision *s);

/* stage_prepare.c */
/* The first: the image where there is one, then storage, then the artifact. */
void stage_begin(struct supervision *s, boot_ms_t now);
/* When storage is there: the helper begins to place the artifact. */
void stage_place(struct supervision *s);
/* The run ends before the job ran. */
void stage_storage_failed(struct supervision *s, const struct err *e);

/* What the job wrote has reached the servers, or not: *e. */
void stage_saved(struct supervision *s, const struct err *e);

/* The helper has ended, or was abandoned: the artifact's, or the image's. */
void stage_helper_ended(struct supervision *s);
void stage_image_ended(struct supervision *s);

/* stage_storage.c */
/* Whether the job ended by itself and well. */
bool stage_succeeded(const struct supervision *s);
/* Before the launch: whoever recovers the run must not take its end for a success before "saved" is there. */
void stage_note_saves(struct supervision *s);
/* What follows from *e, and "saved". */
void stage_judge_saving(struct supervision *s, const struct err *e);
/* Takes up what the room of storage says. */
void stage_storage_says(struct supervision *s);
/* A step that hangs ends the run. */
void stage_storage_due(struct supervision *s, boot_ms_t now);

/* stages.c, too */
void stage_init_report(struct supervision *s, const struct init_report *report);
void stage_init_exited(struct supervision *s);
/* Begins to stop the run for `cause` unless it is being stopped already; the first cause wins. grace_ms < 0:
 * the plan's. */
void stage_stop(struct supervision *s, enum cause cause, int64_t grace_ms, boot_ms_t now);
/* Tells the job that it will be stopped for `reason` in left_ms, and stops it then as preempted. A later call can make that
 * sooner, not later. */
void stage_preempt(struct supervision *s, enum notice_reason reason, int64_t left_ms, boot_ms_t now);
/* Tells a job that has just started, and is to be stopped. */
void stage_preempt_started(struct supervision *s, boot_ms_t now);
/* Stops a preempted run whose time has come. */
void stage_preempt_due(struct supervision *s, boot_ms_t now);
/* Tells the job of its deadline, once, when that is near. */
void stage_notice_deadline(struct supervision *s, boot_ms_t now);
/* Before there is a job: takes the devices it was granted. CAUSE_NONE, or the cause of the run's end with *e when it cannot
 * have one of them. */
enum cause stage_claim_devices(struct supervision *s, struct err *e);
/* When the run has ended, before its groups go: ends what is left in them, and notes in the record who holds on to a device
 * that was the run's alone. */
void stage_release_devices(struct supervision *s);
/* stage_terms.c */
/* The job may run that long from its start, as far as the node allows; a time that has passed ends it. Said to everybody. */
void stage_deadline(struct supervision *s, int64_t runtime_ms, boot_ms_t now);
/* The run's lease holds until then. */
void stage_lease(struct supervision *s, boot_ms_t until, boot_ms_t now);
/* Ends a run whose lease is about to end. Returns when to look again (INT64_MAX: never). */
int64_t stage_lease_due(struct supervision *s, boot_ms_t now);
/* stages.c: says that the job executes, and until when it may. */
void stage_say_running(struct supervision *s);

/* Takes the filter's listener over. */
void stage_listener(struct supervision *s);
/* Notes and answers denied system calls. */
void stage_denials(struct supervision *s);
/* Before the end is recorded: how often each call was denied, and what was learnt. */
void stage_sum_up_denials(struct supervision *s);
/* Looks at the running job's disk and usage when that is due. */
void stage_look(struct supervision *s, boot_ms_t now);
/* Takes the steps of the stop ladder that are due. Returns when to look again (INT64_MAX: never). */
int64_t stage_climb(struct supervision *s, boot_ms_t now);

/* finish.c: records the end and tells it. 0, or negative with *e when the record could not be written. */
int finish(struct supervision *s, struct err *e);

#endif
