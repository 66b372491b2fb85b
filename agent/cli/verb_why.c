/*
 * verb_why.c - runlet why: how a run ended and what it went through, for the person who is asked at night.
 *
 * Everything comes from the run's folders: the verdict on the exit record, the supervisor's journal as a time line,
 * the record of its containment, and what it used.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "cli/cli.h"
#include "cli/configuration.h"
#include "cli/run_name.h"
#include "cli/style.h"
#include "daemon/run_view.h"
#include "engine/engine.h"
#include "record/containment.h"
#include "record/journal.h"
#include "sys/fd.h"

#define LABEL_COLUMN 20

struct page {
    const struct cli *cli;
    bool color;
    bool titled; /* the section's title stands */
    const char *title;
    struct containment_list containment; /* collected on the way through the journal */
};

/* A title is printed when its first line is: empty sections do not appear. */
static void section(struct page *page, const char *title)
{
    page->title = title;
    page->titled = false;
}

static void line_begin(struct page *page)
{
    if (!page->titled) {
        (void)fputc('\n', page->cli->out);
        style_put(page->cli->out, page->color, STYLE_TITLE, page->title);
        (void)fputc('\n', page->cli->out);
    }
    page->titled = true;
}

/* One member of a fact, its control characters made harmless. */
static void put_member(const struct page *page, const struct fact_member *m)
{
    AUTO(strbuf) struct strbuf quoted = STRBUF_INIT(FACT_LINE_MAX);

    if (m->type == FACT_STRING) {
        json_put_string(&quoted, m->string, strlen(m->string));
        (void)fprintf(page->cli->out, " %s=%s", m->key, strbuf_str(&quoted));
    } else if (m->type == FACT_BOOL) {
        (void)fprintf(page->cli->out, " %s=%s", m->key, m->value != 0 ? "true" : "false");
    } else {
        (void)fprintf(page->cli->out, " %s=%lld", m->key, (long long)m->value);
    }
}

static int put_event(const struct fact *f, void *context)
{
    struct page *page = context;

    if (strcmp(fact_str(f, "event"), CONTAINMENT_EVENT) == 0)
        return containment_take(f, &page->containment) == -ENOMEM ? -ENOMEM : 0;
    line_begin(page);
    (void)fprintf(page->cli->out, "  %s  %s", fact_str(f, "t"), fact_str(f, "event"));
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->member[i].key, "t") != 0 && strcmp(f->member[i].key, "event") != 0)
            put_member(page, &f->member[i]);
    (void)fputc('\n', page->cli->out);
    return 0;
}

/* What the agent did before there was a supervisor. */
static int put_fetch(const struct fact *f, void *context)
{
    return strncmp(fact_str(f, "event"), "fetch-", 6) == 0 ? put_event(f, context) : 0;
}

static void show_fetch(struct page *page, const struct layout *layout, const char *id)
{
    char path[LAYOUT_PATH_MAX + 256];
    struct err e = ERR_INIT;
    AUTO_CLOSE int dir = -1;

    (void)snprintf(path, sizeof(path), "%s/%s", layout->agent, id);
    dir = dir_open(AT_FDCWD, path);
    section(page, "What was fetched");
    if (dir >= 0)
        (void)journal_read(dir, AGENT_JOURNAL_NAME, put_fetch, page, &e);
}

static void show_usage(struct page *page, const struct run_usage *usage)
{
    section(page, "What it used");
    for (unsigned i = 0; i < USAGE_COUNT; i++) {
        char text[USAGE_TEXT_MAX];
        int64_t value;
        if (!usage_get(usage, (enum usage_counter)i, &value))
            continue;
        usage_format(usage, (enum usage_counter)i, text);
        line_begin(page);
        (void)fprintf(page->cli->out, "  %-*s %s\n", LABEL_COLUMN, usage_title((enum usage_counter)i), text);
    }
}

static void show_containment(struct page *page, const struct containment_list *list)
{
    section(page, "How it was contained");
    for (size_t i = 0; i < list->count; i++) {
        const struct containment_fact *f = &list->item[i];
        line_begin(page);
        (void)fprintf(page->cli->out, "  %-*s %s%s%s%s%s\n", LABEL_COLUMN, f->name,
                      containment_state_name(f->state), f->value[0] != '\0' ? ": " : "", f->value,
                      f->by[0] != '\0' ? ", by " : "", f->by);
    }
}

static void show(const struct cli *cli, const struct layout *layout, const struct run_view *v)
{
    struct page page = {.cli = cli, .color = style_wanted(cli->out)};
    struct err e = ERR_INIT;
    char path[LAYOUT_PATH_MAX + 256];
    AUTO_CLOSE int dir = -1;

    (void)snprintf(path, sizeof(path), "%s/%s", layout->runs, v->id);
    dir = dir_open(AT_FDCWD, path);
    (void)fprintf(cli->out, "%s  ", v->id);
    style_put(cli->out, page.color,
              !v->ended                     ? STYLE_PLAIN
              : v->state == STATE_SUCCEEDED ? STYLE_GOOD
                                            : STYLE_BAD,
              state_name(v->state));
    if (v->ended)
        (void)fprintf(cli->out, "  %s (end code %d)", cause_name(v->verdict.cause), v->verdict.end_code);
    (void)fprintf(cli->out, "\n%s\n", v->details);
    if (v->ended && v->record.checkpoint[0] != '\0')
        (void)fprintf(cli->out, "The job says that it saved a checkpoint at %s.\n", v->record.checkpoint);
    show_fetch(&page, layout, v->id);
    if (dir < 0)
        return;
    section(&page, "What happened");
    (void)journal_read(dir, "supervisor.journal", put_event, &page, &e);
    show_containment(&page, &page.containment);
    show_usage(&page, &v->record.usage);
    containment_free(&page.containment);
}

int verb_why(struct cli *cli)
{
    AUTO(config) struct config config = {0};
    struct layout layout;
    struct named_run name;
    struct run_view view;
    struct err e = ERR_INIT;

    if (cli_load_config(cli, &config) < 0)
        return 1;
    if (layout_paths(&config, &layout, &e) < 0 || run_name_find(&layout, cli_arg(cli, 0), &name, &e) < 0)
        return cli_fail(cli, 1, &e);
    if (name.queued) {
        (void)fprintf(cli->out, "%s waits in the queue: runletd has not accepted it yet\n", name.id);
        return 0;
    }
    if (run_view_read(&layout, name.id, &view, &e) < 0)
        return cli_fail(cli, 1, &e);
    show(cli, &layout, &view);
    return 0;
}
