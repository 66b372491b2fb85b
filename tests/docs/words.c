/*
 * words.c - prints what the documents say in tables, from the program's own functions: names, edges, budgets, states, statuses.
 * tests/docs/documents.py compiles and runs it.
 */
#include <stdio.h>

#include "record/verdict.h"
#include "run/table.h"

static void print_phases(void)
{
    for (int p = 0; p < PHASE_COUNT; p++) {
        printf("phase %s %s %s %lld\n", phase_name((enum phase)p),
               state_name(phase_state((enum phase)p, CAUSE_NONE)),
               state_name(phase_state((enum phase)p, CAUSE_CANCELLED)),
               phase_budget_ms((enum phase)p) / 60000);
        for (int e = 0; e < RUN_EVENT_COUNT; e++) {
            struct edge edge = run_edge((enum phase)p, (enum run_event)e);
            if (edge.kind == EDGE_GO)
                printf("edge %s %s %s\n", phase_name((enum phase)p), run_event_name((enum run_event)e),
                       phase_name(edge.next));
        }
    }
}

static void print_status(const char *what, struct exit_record record)
{
    struct verdict verdict = verdict_of(&record);

    printf("status %s %d %s %s\n", what, verdict_shell_status(&verdict, &record), cause_name(verdict.cause),
           state_name(verdict.state));
}

/* Each cause, with a main process that SIGKILL ended. */
static void print_causes(void)
{
    for (int c = 0; c < CAUSE_COUNT; c++) {
        struct exit_record record = {.main_end = MAIN_SIGNALED,
                                     .status = 9,
                                     .stop_cause = (enum cause)c,
                                     .tree_gone = c != CAUSE_UNKILLABLE};
        struct verdict verdict;
        if (c == CAUSE_EXITED || c == CAUSE_SIGNALED)
            record.stop_cause = CAUSE_NONE;
        if (c == CAUSE_EXITED)
            record.main_end = MAIN_EXITED;
        verdict = verdict_of(&record);
        printf("end-code %s %d\n", cause_name((enum cause)c), verdict.end_code);
        printf("cause %s %s %s %d\n", cause_name((enum cause)c), cause_name(verdict.cause),
               state_name(verdict.state), verdict_shell_status(&verdict, &record));
    }
}

int main(void)
{
    print_phases();
    for (int s = 0; s < STATE_COUNT; s++)
        printf("state %s\n", state_name((enum lifecycle_state)s));
    print_causes();
    print_status("success", (struct exit_record){.main_end = MAIN_EXITED, .tree_gone = true});
    print_status("deadline", (struct exit_record){.main_end = MAIN_EXITED,
                                                  .status = 3,
                                                  .stop_cause = CAUSE_DEADLINE_EXCEEDED,
                                                  .tree_gone = true});
    print_status(
        "code", (struct exit_record){
                    .main_end = MAIN_EXITED, .status = 61, .stop_cause = CAUSE_CANCELLED, .tree_gone = true});
    print_status("cancelled", (struct exit_record){.main_end = MAIN_SIGNALED,
                                                   .status = 15,
                                                   .stop_cause = CAUSE_CANCELLED,
                                                   .tree_gone = true});
    print_status("not-found", (struct exit_record){
                                  .stop_cause = CAUSE_LAUNCH_FAILED, .launch_errno = 2, .tree_gone = true});
    print_status(
        "not-executable",
        (struct exit_record){.stop_cause = CAUSE_LAUNCH_FAILED, .launch_errno = 13, .tree_gone = true});
    print_status("signal", (struct exit_record){.main_end = MAIN_SIGNALED, .status = 9, .tree_gone = true});
    print_status("else", (struct exit_record){.stop_cause = CAUSE_ARTIFACT_REJECTED, .tree_gone = true});
    print_status("unknown", (struct exit_record){.main_end = MAIN_UNKNOWN, .tree_gone = true});
    print_status(
        "stopped-with-0",
        (struct exit_record){.main_end = MAIN_EXITED, .stop_cause = CAUSE_DISK_FULL, .tree_gone = true});
    return 0;
}
