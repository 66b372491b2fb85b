/* x_runlet.c - see parts.h: the `x-runlet` block, in which nothing unknown passes. */
#include "job/parts.h"

#include <signal.h>
#include <string.h>

#include "base/auto.h"
#include "base/parse.h"

static const struct {
    const char *name;
    int number;
} SIGNALS[] = {{"TERM", SIGTERM}, {"INT", SIGINT},   {"HUP", SIGHUP},
               {"QUIT", SIGQUIT}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}};

const char *stop_signal_name(int signal)
{
    for (size_t i = 0; i < ARRAY_SIZE(SIGNALS); i++)
        if (SIGNALS[i].number == signal)
            return SIGNALS[i].name;
    return NULL;
}

static void read_duration(struct reader *rd, const struct node *block, const char *key, int64_t min,
                          int64_t max, const char *range, int64_t *ret)
{
    const struct node *n = field(rd, block, key);
    int64_t value;

    if (n == NULL)
        return;
    if ((n->kind != NODE_STRING && n->kind != NODE_INT) || parse_duration_ms(n->text, &value) < 0)
        diag_error(rd->diags, node_where(n), "'%s': expected a length of time such as 90s, 5m, 2h or 30d",
                   key);
    else if (value < min || value > max)
        diag_error(rd->diags, node_where(n), "'%s': %.40s is out of range: expected %s", key, n->text, range);
    else
        *ret = value;
}

void x_runlet_read(struct reader *rd, const struct node *map, struct x_runlet *x)
{
    static const char *const KNOWN[] = {"maximumRuntime", "stopGrace", "stopSignal", "stopWholeTree"};
    const char *names[ARRAY_SIZE(SIGNALS)];
    enum key_style outer = rd->style;
    const struct node *block = field_map(rd, map, "x-runlet");
    bool whole_tree = x->stop_whole_tree == 1;
    int choice;

    if (block == NULL)
        return;
    rd->style = KEYS_EXACT;
    check_keys(rd, block, KNOWN, ARRAY_SIZE(KNOWN));
    read_duration(rd, block, "maximumRuntime", 1000, JOB_RUNTIME_MS_MAX, "1s to 30d", &x->maximum_runtime_ms);
    read_duration(rd, block, "stopGrace", 0, STOP_GRACE_MS_MAX, "0 to 1h", &x->stop_grace_ms);
    for (size_t i = 0; i < ARRAY_SIZE(SIGNALS); i++)
        names[i] = SIGNALS[i].name;
    choice = field_choice(rd, block, "stopSignal", names, ARRAY_SIZE(names));
    if (choice >= 0)
        x->stop_signal = SIGNALS[choice].number;
    field_bool(rd, block, "stopWholeTree", &whole_tree);
    if (field(rd, block, "stopWholeTree") != NULL)
        x->stop_whole_tree = whole_tree;
    rd->style = outer;
}
