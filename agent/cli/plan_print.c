/* plan_print.c - the plan for people; see plan_print.h. */
#include "cli/plan_print.h"

#include <string.h>

#include "base/auto.h"
#include "base/clock.h"
#include "cli/secret.h"
#include "cli/style.h"
#include "wire/entry.h"

#define LABEL_COLUMN 14

struct page {
    FILE *out;
    bool color;
};

/* One line: nothing in a name or value can move the cursor. */
static void put_escaped(FILE *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '\n')
            (void)fputs("\\n", out);
        else if (c == '\\')
            (void)fputs("\\\\", out);
        else if (c < 0x20 || c == 0x7F)
            (void)fprintf(out, "\\x%02x", c);
        else
            (void)fputc(c, out);
    }
}

static void put_title(const struct page *page, const char *title)
{
    (void)fputc('\n', page->out);
    style_put(page->out, page->color, STYLE_TITLE, title);
    (void)fputc('\n', page->out);
}

static void put_label(const struct page *page, const char *label)
{
    (void)fprintf(page->out, "  %-*s", LABEL_COLUMN, label);
}

static void put_line(const struct page *page, const char *label, const char *text)
{
    put_label(page, label);
    put_escaped(page->out, text);
    (void)fputc('\n', page->out);
}

static void put_files(const struct page *page, const struct plan *plan)
{
    put_title(page, "Files");
    if (plan->placement_count == 0)
        put_line(page, "", "none");
    for (size_t i = 0; i < plan->placement_count; i++) {
        const struct placement *p = &plan->placement[i];
        put_label(page, p->form == PLACE_ARCHIVE ? "unpack" : "place");
        put_escaped(page->out, p->name);
        (void)fputs(p->form == PLACE_ARCHIVE ? " in " : " as ", page->out);
        (void)fputs(JOB_HOME "/", page->out);
        put_escaped(page->out, p->into);
        if (p->form == PLACE_FILE) {
            (void)fputs(p->into[0] != '\0' ? "/" : "", page->out);
            put_escaped(page->out, p->name);
        }
        (void)fputc('\n', page->out);
    }
}

static void put_command(const struct page *page, const struct plan *plan)
{
    AUTO(strlist) struct strlist argv = {0};
    struct err e = ERR_INIT;

    put_title(page, "Command");
    put_line(page, "directory", entry_directory(plan));
    if (plan_has_image(plan)) {
        put_line(page, "image", plan->image);
        for (size_t i = 0; i < plan->args.count; i++)
            put_line(page, i == 0 ? "argv" : "", plan->args.item[i]);
        put_line(page, "", "what the job does not say of them, the image does");
        return;
    }
    if (plan->entrypoint == NULL) {
        put_line(page, "program", "JOB_RUN_ENTRYPOINT of the archive's jobruntime.yaml decides");
        for (size_t i = 0; i < plan->args.count; i++)
            put_line(page, i == 0 ? "arguments" : "", plan->args.item[i]);
        return;
    }
    if (entry_command(plan, plan->entrypoint, NULL, &argv, &e) < 0) {
        put_line(page, "program", e.text);
        return;
    }
    for (size_t i = 0; i < argv.count; i++)
        put_line(page, i == 0 ? "argv" : "", argv.item[i]);
    if (plan->conda_prefix != NULL)
        put_line(page, "conda", plan->conda_prefix);
}

static void put_environment(const struct page *page, const struct env *env)
{
    put_title(page, "Environment (layer, variable)");
    for (size_t i = 0; i < env->count; i++) {
        const struct env_var *var = &env->var[i];
        put_label(page, env_layer_name(var->layer));
        (void)fprintf(page->out, "%s=", var->key);
        put_escaped(page->out, secret_name(var->key) ? SECRET_MASK : var->value);
        (void)fputc('\n', page->out);
    }
    if (env->count == 0)
        put_line(page, "", "none");
}

static void put_limits(const struct page *page, const struct plan *plan, const struct run_spec *spec)
{
    char runtime[DURATION_TEXT_MAX], grace[DURATION_TEXT_MAX];
    const char *signal_name = sigabbrev_np(plan->stop_signal);

    duration_format(plan->maximum_runtime_ms, runtime);
    duration_format(plan->stop_grace_ms, grace);
    put_title(page, "Limits");
    put_label(page, "deadline");
    (void)fprintf(page->out, "%s after the start (%s)\n", runtime,
                  env_layer_name(spec->maximum_runtime_layer));
    put_label(page, "stop");
    (void)fprintf(page->out, "SIG%s to %s; ", signal_name != NULL ? signal_name : "?",
                  plan->stop_whole_tree ? "every process" : "the main process");
    for (size_t i = 0; i < plan->stop_then.count; i++) {
        char after[DURATION_TEXT_MAX];
        const char *further = sigabbrev_np(plan->stop_then.item[i].signal);
        duration_format(plan->stop_then.item[i].after_ms, after);
        (void)fprintf(page->out, "SIG%s after %s; ", further != NULL ? further : "?", after);
    }
    (void)fprintf(page->out, "after %s all is killed\n", grace);
    put_line(page, "user", plan->as_root ? "root" : "the job's user");
    put_label(page, "niceness");
    (void)fprintf(page->out, "%d\n", plan->nice);
    put_label(page, "OOM score");
    (void)fprintf(page->out, "%d\n", plan->oom_score_adj);
    put_label(page, "umask");
    (void)fprintf(page->out, "%04o\n", plan->umask_bits);
}

static void put_asked(const struct page *page, const struct plan *plan)
{
    char text[LIMIT_TEXT_MAX];

    for (unsigned i = 0; i < LIMIT_COUNT; i++) {
        if (plan->limits.value[i] == LIMIT_UNSET)
            continue;
        run_limit_format((enum run_limit)i, plan->limits.value[i], text);
        put_line(page, run_limit_info((enum run_limit)i)->name, text);
    }
    if (plan->limits.cpuset[0] != '\0')
        put_line(page, "cpuset", plan->limits.cpuset);
    if (plan->notice_before_ms > 0) {
        char before[DURATION_TEXT_MAX];
        duration_format(plan->notice_before_ms, before);
        put_label(page, "notice");
        (void)fprintf(page->out, "%s before the deadline\n", before);
    }
}

static void put_sandbox(const struct page *page, const struct run_sandbox *sandbox)
{
    if (!run_sandbox_any(sandbox))
        return;
    put_title(page, "Sandbox");
    if (sandbox->network_off)
        put_line(page, "network", "none");
    if (sandbox->user_namespace)
        put_line(page, "users", "a namespace of its own");
    if (sandbox->learn)
        put_line(page, "learn", "every system call is noted and passes");
    for (size_t i = 0; i < sandbox->devices.count; i++)
        put_line(page, i == 0 ? "devices" : "", sandbox->devices.item[i]);
    for (size_t i = 0; i < sandbox->system_calls.count; i++)
        put_line(page, i == 0 ? "system calls" : "", sandbox->system_calls.item[i]);
}

static void put_storage(const struct page *page, const struct plan *plan)
{
    if (plan->volume_bytes == 0 && plan->mount_count == 0 && plan->outputs.count == 0)
        return;
    put_title(page, "Storage");
    if (plan->volume_bytes > 0) {
        put_label(page, "home");
        (void)fprintf(page->out, "%lld GiB, where the node gives it a volume\n",
                      (long long)(plan->volume_bytes >> 30));
    }
    for (size_t i = 0; i < plan->mount_count; i++) {
        put_label(page, "mount");
        put_escaped(page->out, plan->mount[i].source);
        (void)fprintf(page->out, " on %s%s\n", plan->mount[i].target,
                      plan->mount[i].read_only ? ", read-only" : "");
    }
    for (size_t i = 0; i < plan->outputs.count; i++) {
        put_label(page, "output");
        put_escaped(page->out, plan->outputs.item[i].from);
        (void)fprintf(page->out, " to %s%s\n", plan->outputs.item[i].to,
                      plan->outputs.item[i].always ? ", also after a failure" : "");
    }
}

void plan_print_text(const struct plan *plan, const struct run_spec *spec, bool color, FILE *out)
{
    struct page page = {.out = out, .color = color};

    style_put(out, color, STYLE_TITLE, "Run");
    (void)fputc('\n', out);
    put_line(&page, "id", plan->run_id);
    if (spec->run_name != NULL)
        put_line(&page, "name", spec->run_name);
    if (plan->job_name != NULL)
        put_line(&page, "job", plan->job_name);
    put_files(&page, plan);
    put_command(&page, plan);
    put_environment(&page, &plan->env);
    put_limits(&page, plan, spec);
    put_asked(&page, plan);
    put_sandbox(&page, &plan->sandbox);
    put_storage(&page, plan);
    (void)fputs("\nNothing was created.\n", out);
}

int plan_print(const struct plan *plan, const struct run_spec *spec, bool json, FILE *out)
{
    if (json)
        return plan_print_json(plan, spec, out);
    plan_print_text(plan, spec, style_wanted(out), out);
    return 0;
}
