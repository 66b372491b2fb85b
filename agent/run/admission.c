/* admission.c - see admission.h. */
#include "run/admission.h"

enum admission_answer admission_decide(const struct admission *a)
{
    if (a->stopping)
        return ADMIT_NOT_STOPPING;
    if (a->going_down)
        return ADMIT_NOT_GOING_DOWN;
    if (a->taken_away)
        return ADMIT_NOT_TAKEN_AWAY;
    if (a->drained)
        return ADMIT_NOT_DRAINED;
    if (a->attention)
        return ADMIT_NOT_ATTENTION;
    if (a->leaving)
        return ADMIT_NOT_LEAVING;
    if (a->unfit)
        return ADMIT_NOT_FIT;
    if (a->active + a->places > a->concurrency)
        return ADMIT_NOT_FULL;
    if (a->disk_free < a->disk_reserve)
        return ADMIT_NOT_DISK;
    return ADMIT;
}

const char *admission_text(enum admission_answer answer)
{
    switch (answer) {
    case ADMIT_NOT_FULL: return "the node executes as many runs as its configuration allows (concurrency)";
    case ADMIT_NOT_STOPPING: return "the agent is being stopped";
    case ADMIT_NOT_GOING_DOWN: return "the machine goes down (a file 'drain' in the runtime directory)";
    case ADMIT_NOT_TAKEN_AWAY: return "the machine is taken away by its provider";
    case ADMIT_NOT_DRAINED: return "the node is drained";
    case ADMIT_NOT_ATTENTION:
        return "what a run used could not be ended or freed, and the next one may need it; restart the "
               "machine, or remove the file '.needs-attention' in the agent's folder when it is gone";
    case ADMIT_NOT_LEAVING: return "nothing is left to do here, and the agent is about to end";
    case ADMIT_NOT_FIT: return "the node is not fit for a run";
    case ADMIT_NOT_DISK: return "there is too little disk space for another run";
    case ADMIT:
    default: return "";
    }
}
