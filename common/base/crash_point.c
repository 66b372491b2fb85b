/* crash_point.c - see crash_point.h. Compiled for tests alone. */
#include "base/crash_point.h"

#ifdef RUNLET_CRASH_POINTS

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROLE_MAX  16
#define POINT_MAX 64
#define SLOTS     8192
#define NAMES     512
#define KIND_MAX  24

/* One point that a process passed. The layout is known to tests/faults/crash_points.py. */
struct slot {
    char role[ROLE_MAX];
    char name[POINT_MAX];
    uint32_t occurrence; /* of this name in this process, from 1 */
    uint32_t written;    /* the slot is whole */
};

struct crash_file {
    atomic_uint count; /* of slots taken */
    atomic_uint fired;
    uint32_t target_occurrence; /* 0: nobody dies */
    uint32_t reserved;
    char target_role[ROLE_MAX];
    char target_name[POINT_MAX];
    struct slot slot[SLOTS];
};

/* What this process passed so far. */
static struct {
    bool looked;
    struct crash_file *file;
    const char *role;
    size_t name_count;
    struct {
        char name[POINT_MAX];
        uint32_t passed;
    } name[NAMES];
} self = {.role = "unnamed"};

static void look(void)
{
    const char *path = getenv(CRASH_VARIABLE);
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;
    void *at;

    self.looked = true;
    if (fd < 0)
        return;
    at = mmap(NULL, sizeof(struct crash_file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (at != MAP_FAILED)
        self.file = at;
}

char *crash_environment(void)
{
    static char text[512];
    const char *path = getenv(CRASH_VARIABLE);

    if (path == NULL)
        return NULL;
    (void)snprintf(text, sizeof(text), CRASH_VARIABLE "=%s", path);
    return text;
}

void crash_role(const char *role)
{
    if (!self.looked)
        look();
    self.role = role;
    self.name_count = 0;
}

/* What a fact's line tells: its event, or the type of the message. */
static void kind_of(const char *line, char ret[KIND_MAX])
{
    static const char *const KEYS[] = {"\"event\":\"", "\"type\":\"", "\"message\":\"", "\"word\":\""};

    for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++) {
        const char *value = strstr(line, KEYS[i]);
        if (value == NULL)
            continue;
        value += strlen(KEYS[i]);
        (void)snprintf(ret, KIND_MAX, "%.*s", (int)strcspn(value, "\""), value);
        return;
    }
    (void)snprintf(ret, KIND_MAX, "fact");
}

static uint32_t count(const char *name)
{
    for (size_t i = 0; i < self.name_count; i++)
        if (strcmp(self.name[i].name, name) == 0)
            return ++self.name[i].passed;
    if (self.name_count == NAMES)
        return 0;
    memcpy(self.name[self.name_count].name, name, POINT_MAX);
    self.name[self.name_count].passed = 1;
    self.name_count++;
    return 1;
}

/* Pid 1 of a namespace cannot kill itself. */
static _Noreturn void die(void)
{
    (void)kill(getpid(), SIGKILL);
    for (;;)
        (void)syscall(SYS_exit_group, 128 + SIGKILL);
}

void crash_point(const char *name, const char *detail)
{
    char full[POINT_MAX] = {0};
    char kind[KIND_MAX];
    struct crash_file *f;
    uint32_t occurrence, index;
    unsigned not_yet = 0;

    if (!self.looked)
        look();
    f = self.file;
    if (f == NULL)
        return;
    if (detail != NULL && detail[0] == '{') {
        kind_of(detail, kind);
        detail = kind;
    }
    (void)snprintf(full, sizeof(full), detail != NULL ? "%s:%s" : "%s", name, detail);
    occurrence = count(full);
    index = atomic_fetch_add(&f->count, 1);
    if (index < SLOTS) {
        struct slot *slot = &f->slot[index];
        (void)snprintf(slot->role, sizeof(slot->role), "%s", self.role);
        memcpy(slot->name, full, sizeof(slot->name));
        slot->occurrence = occurrence;
        slot->written = 1;
    }
    if (f->target_occurrence == occurrence && occurrence > 0 && strcmp(f->target_role, self.role) == 0 &&
        strcmp(f->target_name, full) == 0 && atomic_compare_exchange_strong(&f->fired, &not_yet, 1))
        die();
}

#endif
