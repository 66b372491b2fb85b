/* retry.c - see parts.h: `retry` in the block x-runlet, read and written. */
#include "job/parts.h"

#include "base/auto.h"

/* The causes that a document may name; how many. */
static size_t selectable(const char *names[CAUSE_COUNT], enum cause causes[CAUSE_COUNT])
{
    size_t count = 0;

    for (unsigned i = 0; i < CAUSE_COUNT; i++)
        if (run_retry_selectable((enum cause)i)) {
            names[count] = cause_name((enum cause)i);
            causes[count++] = (enum cause)i;
        }
    return count;
}

static void read_causes(struct reader *rd, const struct node *list, struct run_retry *ret)
{
    const char *names[CAUSE_COUNT];
    enum cause causes[CAUSE_COUNT];
    size_t count = selectable(names, causes);

    if (list == NULL)
        return;
    ret->has_causes = true;
    for (unsigned i = 0; i < CAUSE_COUNT; i++)
        ret->cause[i] = false;
    for (size_t i = 0; i < list->count; i++) {
        int choice = item_choice(rd, list->item[i], "on", names, count);
        if (choice >= 0)
            ret->cause[causes[choice]] = true;
    }
}

static void read_exit_codes(struct reader *rd, const struct node *list, struct run_retry *ret)
{
    if (list == NULL)
        return;
    ret->has_exit_codes = true;
    for (unsigned i = 0; i <= RETRY_EXIT_CODE_MAX; i++)
        ret->exit_code[i] = false;
    for (size_t i = 0; i < list->count; i++) {
        const struct node *n = list->item[i];
        if (n->kind != NODE_INT || n->integer < 1 || n->integer > RETRY_EXIT_CODE_MAX)
            diag_error(rd->diags, node_where(n), "'exitCodes': expected numbers from 1 to %d",
                       RETRY_EXIT_CODE_MAX);
        else
            ret->exit_code[n->integer] = true;
    }
}

void retry_read(struct reader *rd, const struct node *block, struct run_retry *ret)
{
    static const char *const KNOWN[] = {"attempts", "delay", "on", "exitCodes"};

    if (block == NULL)
        return;
    check_keys(rd, block, KNOWN, ARRAY_SIZE(KNOWN));
    field_int(rd, block, "attempts", 1, RETRY_ATTEMPTS_MAX, &ret->attempts);
    x_runlet_duration(rd, block, "delay", 0, RETRY_DELAY_MS_MAX, "0 to 1d", &ret->delay_ms);
    read_causes(rd, field_list(rd, block, "on"), ret);
    read_exit_codes(rd, field_list(rd, block, "exitCodes"), ret);
}

void retry_write(struct json_out *w, const struct run_retry *retry)
{
    if (retry->attempts <= 0 && retry->delay_ms < 0 && !retry->has_causes && !retry->has_exit_codes)
        return;
    json_out_open(w, "retry", '{');
    if (retry->attempts > 0)
        json_out_int(w, "attempts", retry->attempts);
    if (retry->delay_ms >= 0)
        json_out_ms(w, "delay", retry->delay_ms);
    if (retry->has_causes) {
        json_out_open(w, "on", '[');
        for (unsigned i = 0; i < CAUSE_COUNT; i++)
            if (retry->cause[i])
                json_out_string(w, NULL, cause_name((enum cause)i));
        json_out_close(w, ']');
    }
    if (retry->has_exit_codes) {
        json_out_open(w, "exitCodes", '[');
        for (unsigned i = 1; i <= RETRY_EXIT_CODE_MAX; i++)
            if (retry->exit_code[i])
                json_out_int(w, NULL, i);
        json_out_close(w, ']');
    }
    json_out_close(w, '}');
}
