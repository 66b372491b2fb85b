/* landlock.c - see landlock.h. */
#include "sys/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"

/* Rights and members that came after the first Landlock, for headers that are older than the kernel. */
#define RIGHT_REFER     (1ULL << 13)
#define RIGHT_TRUNCATE  (1ULL << 14)
#define RIGHT_IOCTL_DEV (1ULL << 15)
#define SCOPE_ABSTRACT  (1ULL << 0)
#define SCOPE_SIGNAL    (1ULL << 1)

struct ruleset {
    uint64_t files;
    uint64_t network; /* ABI 4 */
    uint64_t scoped;  /* ABI 6 */
};

static const uint64_t FILE_RIGHTS = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                    LANDLOCK_ACCESS_FS_READ_FILE | RIGHT_TRUNCATE | RIGHT_IOCTL_DEV;

int landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    return abi < 1 ? 0 : (int)abi;
}

static uint64_t known_rights(int abi)
{
    uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

    if (abi >= 2)
        all |= RIGHT_REFER;
    if (abi >= 3)
        all |= RIGHT_TRUNCATE;
    if (abi >= 5)
        all |= RIGHT_IOCTL_DEV;
    return all;
}

int landlock_begin(int abi, bool scoped)
{
    const struct ruleset rules = {.files = known_rights(abi),
                                  .scoped = scoped && abi >= 6 ? SCOPE_ABSTRACT | SCOPE_SIGNAL : 0};
    size_t size = abi >= 6   ? sizeof(rules)
                  : abi >= 4 ? offsetof(struct ruleset, scoped)
                             : offsetof(struct ruleset, network);
    long fd = syscall(SYS_landlock_create_ruleset, &rules, size, 0);

    return fd < 0 ? -errno : (int)fd;
}

static uint64_t rights_of(unsigned grants)
{
    uint64_t rights = 0;

    if ((grants & GRANT_READ) != 0)
        rights |= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    if ((grants & GRANT_EXECUTE) != 0)
        rights |= LANDLOCK_ACCESS_FS_EXECUTE;
    if ((grants & GRANT_WRITE) != 0)
        rights |= LANDLOCK_ACCESS_FS_WRITE_FILE | RIGHT_TRUNCATE | RIGHT_IOCTL_DEV;
    if ((grants & GRANT_CHANGE) != 0)
        rights |= LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                  LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                  LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM | RIGHT_REFER;
    return rights;
}

int landlock_allow(int ruleset_fd, int abi, int path_fd, unsigned grants)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = rights_of(grants) & known_rights(abi),
                                              .parent_fd = path_fd};
    struct stat st;

    if (fstat(path_fd, &st) < 0)
        return -errno;
    if (!S_ISDIR(st.st_mode))
        rule.allowed_access &= FILE_RIGHTS;
    if (rule.allowed_access == 0)
        return 0;
    return syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

int landlock_allow_path(int ruleset_fd, int abi, const char *path, unsigned grants)
{
    AUTO_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    return landlock_allow(ruleset_fd, abi, fd, grants);
}

int landlock_enforce(int ruleset_fd)
{
    return syscall(SYS_landlock_restrict_self, ruleset_fd, 0) < 0 ? -errno : 0;
}
