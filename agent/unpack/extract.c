/*
 * extract.c - one archive into the landing folder, by libarchive.
 */
#include "unpack/extract.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/crash_point.h"

#define READ_BLOCK 65536
#define TAR_BLOCK  512

/* A folder's time, set when everything in it has been made. */
struct folder_time {
    char *path; /* owned */
    struct timespec mtime;
};

struct extraction {
    struct archive *reader; /* owned */
    const char *name;
    struct tree *tree;
    const struct unpack_limits *limits;
    struct unpack_usage *usage;
    struct folder_time *folder; /* owned; bounded by max_files */
    size_t folder_count, folder_cap;
};

static void extraction_auto(struct extraction *x)
{
    for (size_t i = 0; i < x->folder_count; i++)
        free(x->folder[i].path);
    free(x->folder);
    (void)archive_read_free(x->reader);
}

static int damaged(struct extraction *x, struct err *e)
{
    const char *text = archive_error_string(x->reader);

    if (archive_errno(x->reader) == ENOMEM)
        /* The unpacker's limit, which is far more than any archive needs that wants to be read. */
        return err_set(e, -ENOMEM, BLAME_ASSIGNMENT,
                       "more memory is needed to unpack it than there is for that");
    if (archive_errno(x->reader) == EIO)
        return err_errno(e, EIO, BLAME_NODE, "read");
    return err_set(e, -EBADMSG, BLAME_ASSIGNMENT, "damaged or cut short (%s)",
                   text != NULL ? text : "no details");
}

static int remember_folder(struct extraction *x, const char *path, struct timespec mtime, struct err *e)
{
    if (x->folder_count == x->folder_cap) {
        size_t cap = x->folder_cap > 0 ? 2 * x->folder_cap : 64;
        struct folder_time *grown = reallocarray(x->folder, cap, sizeof(*grown));
        if (grown == NULL)
            return err_oom(e);
        x->folder = grown;
        x->folder_cap = cap;
    }
    x->folder[x->folder_count].path = strdup(path);
    if (x->folder[x->folder_count].path == NULL)
        return err_oom(e);
    x->folder[x->folder_count++].mtime = mtime;
    return 0;
}

static int write_at(int fd, const char *bytes, size_t n, off_t offset, struct err *e)
{
    while (n > 0) {
        ssize_t w = pwrite(fd, bytes, n, offset);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return tree_write_failed(errno, e);
        bytes += w;
        n -= (size_t)w;
        offset += w;
    }
    return 0;
}

/* Checks the limits as if the member at hand had `size` bytes. */
static int check_size(const struct extraction *x, uint64_t size, struct err *e)
{
    struct unpack_usage would = *x->usage;

    if (__builtin_add_overflow(would.bytes, size, &would.bytes))
        would.bytes = UINT64_MAX;
    return usage_check(&would, x->limits, e);
}

/* Copies the data of the current member; gaps between its blocks become holes. */
static int write_data(struct extraction *x, struct archive_entry *entry, int fd, struct err *e)
{
    uint64_t declared = archive_entry_size_is_set(entry) ? (uint64_t)archive_entry_size(entry) : 0;
    uint64_t size = 0;
    int r = check_size(x, declared, e);

    while (r == 0) {
        const void *block = NULL;
        size_t n = 0;
        la_int64_t offset = 0;
        int got = archive_read_data_block(x->reader, &block, &n, &offset);
        if (got == ARCHIVE_EOF)
            break;
        /* A warning here is a wrong checksum or length: the bytes are not those that were packed. */
        if (got != ARCHIVE_OK || offset < 0)
            return damaged(x, e);
        x->usage->inflated += n;
        if (n > 0)
            size = (uint64_t)offset + n;
        r = check_size(x, size, e);
        if (r == 0)
            r = write_at(fd, block, n, (off_t)offset, e);
    }
    if (r == 0 && size < declared) {
        size = declared;
        if (ftruncate(fd, (off_t)size) < 0)
            return tree_write_failed(errno, e);
    }
    x->usage->bytes += size;
    return r;
}

static struct timespec entry_mtime(struct archive_entry *entry)
{
    if (!archive_entry_mtime_is_set(entry))
        return (struct timespec){.tv_nsec = UTIME_OMIT};
    return (struct timespec){.tv_sec = archive_entry_mtime(entry),
                             .tv_nsec = archive_entry_mtime_nsec(entry)};
}

static int put_file(struct extraction *x, struct archive_entry *entry, const struct member_path *path,
                    struct err *e)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, entry_mtime(entry)};
    AUTO_CLOSE int fd = -1;
    int r = 0;

    if (archive_entry_is_encrypted(entry))
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "it is encrypted");
    r = tree_create(x->tree, path->text, member_file_mode(archive_entry_perm(entry)), &fd, e);
    CRASH_POINT("file-made");
    if (r == 0)
        r = write_data(x, entry, fd, e);
    if (r == 0)
        (void)futimens(fd, times);
    return r;
}

static int put_folder(struct extraction *x, struct archive_entry *entry, const struct member_path *path,
                      struct err *e)
{
    int r = tree_mkdir(x->tree, path->text, e);

    if (r < 0 || !archive_entry_mtime_is_set(entry))
        return r;
    return remember_folder(x, path->text, entry_mtime(entry), e);
}

static int put_symlink(struct extraction *x, struct archive_entry *entry, const struct member_path *path,
                       struct err *e)
{
    const char *target = archive_entry_symlink(entry);
    int r = member_symlink_check(path, target != NULL ? target : "", e);

    if (r == 0)
        r = tree_symlink(x->tree, path->text, target, e);
    if (r == 0)
        tree_set_mtime(x->tree, path->text, entry_mtime(entry));
    return r;
}

static int put_hardlink(struct extraction *x, const char *target, const struct member_path *path,
                        struct err *e)
{
    struct member_path from = {.text = ""};

    if (member_path_read(target, &from, e) < 0)
        return err_context(e, "it is a hard link to a name that is not accepted");
    return tree_hardlink(x->tree, path->text, from.text, e);
}

/*
 * Creates one member. A name that comes twice is refused even where tar lets the last one win (folders may
 * repeat): programs disagree on which one counts, and an archive whose content depends on who reads it is not
 * worth guessing about. Names that differ only in case are different names here.
 */
static int put_member(struct extraction *x, struct archive_entry *entry, const struct member_path *path,
                      struct err *e)
{
    const char *hardlink = archive_entry_hardlink(entry);
    mode_t type = archive_entry_filetype(entry);

    if (path->text[0] == '\0')
        return type == AE_IFDIR ? 0 : err_set(e, -EINVAL, BLAME_ASSIGNMENT, "it has no name");
    if (hardlink != NULL)
        return put_hardlink(x, hardlink, path, e);
    switch (type) {
    case AE_IFDIR: return put_folder(x, entry, path, e);
    case AE_IFLNK: return put_symlink(x, entry, path, e);
    case AE_IFREG:
    case 0: return put_file(x, entry, path, e);
    case AE_IFIFO: return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "it is a named pipe");
    case AE_IFSOCK: return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "it is a socket");
    default: return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "it is a device");
    }
}

static int read_member(struct extraction *x, struct archive_entry *entry, struct err *e)
{
    char print[MEMBER_PRINT_MAX + 1];
    const char *raw = archive_entry_pathname(entry);
    struct member_path path = {.text = ""};
    int r = 0;

    x->usage->members++;
    r = usage_check(x->usage, x->limits, e);
    if (r < 0)
        return r;
    if (raw == NULL)
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT,
                       "member %llu has a name that is not in the encoding it claims",
                       (unsigned long long)x->usage->members);
    r = member_path_read(raw, &path, e);
    if (r == 0 && member_is_junk(path.text))
        return 0;
    if (r == 0)
        r = put_member(x, entry, &path, e);
    if (r < 0)
        return err_context(e, "member '%s'", member_print(raw, print));
    x->usage->files += path.text[0] != '\0' && archive_entry_filetype(entry) != AE_IFDIR;
    return 0;
}

static bool name_ends(const char *name, const char *end)
{
    size_t n = strlen(name);
    size_t m = strlen(end);

    return n >= m && strcasecmp(name + n - m, end) == 0;
}

/* A zip named .tar.gz, or the reverse, is most likely the wrong file. How a tar is compressed is the
 * content's business. */
static int check_kind(struct extraction *x, struct err *e)
{
    static const char *const TAR_NAMES[] = {".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2"};
    bool is_zip = (archive_format(x->reader) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_ZIP;

    /* The last filter is always the file itself. */
    if (archive_filter_count(x->reader) > (is_zip ? 1 : 2))
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "it is compressed more than once");
    if (!is_zip && name_ends(x->name, ".zip"))
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "a zip by its name, but its content is a tar");
    for (size_t i = 0; is_zip && i < ARRAY_SIZE(TAR_NAMES); i++)
        if (name_ends(x->name, TAR_NAMES[i]))
            return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "a tar by its name, but its content is a zip");
    return 0;
}

static int read_members(struct extraction *x, struct err *e)
{
    struct archive_entry *entry = NULL; /* owned by the reader */

    for (bool first = true;; first = false) {
        la_int64_t before = archive_filter_bytes(x->reader, 0);
        int got = archive_read_next_header(x->reader, &entry);
        bool end = got == ARCHIVE_EOF;
        int r = 0;
        if (!end && got != ARCHIVE_OK && got != ARCHIVE_WARN)
            return damaged(x, e);
        if (first)
            r = check_kind(x, e);
        /* libarchive takes the end of the file for the end of a tar; a tar that is complete ends with empty
         * blocks. */
        if (r == 0 && end && (archive_format(x->reader) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_TAR &&
            archive_filter_bytes(x->reader, 0) - before < TAR_BLOCK)
            r = err_set(e, -EBADMSG, BLAME_ASSIGNMENT, "cut short (its end mark is missing)");
        if (r == 0 && !end)
            r = read_member(x, entry, e);
        if (r < 0 || end)
            return r;
    }
}

static int open_reader(struct extraction *x, int fd, struct err *e)
{
    struct archive *a = archive_read_new();
    int r = ARCHIVE_OK;

    if (a == NULL)
        return err_oom(e);
    x->reader = a;
    (void)archive_read_support_filter_gzip(a);
    (void)archive_read_support_filter_xz(a);
    (void)archive_read_support_filter_zstd(a);
    (void)archive_read_support_filter_bzip2(a);
    (void)archive_read_support_format_tar(a);
    /* By its central directory only, as Python and unzip read it: the streaming reader can see other members.
     */
    (void)archive_read_support_format_zip_seekable(a);
    /* Read on after the end mark, so that a compressed stream is read, and checked, to its own end. */
    r = archive_read_set_format_option(a, "tar", "read_concatenated_archives", "1");
    if (r == ARCHIVE_OK && lseek(fd, 0, SEEK_SET) < 0)
        return err_errno(e, errno, BLAME_NODE, "rewind");
    if (r == ARCHIVE_OK)
        r = archive_read_open_fd(a, fd, READ_BLOCK);
    if (r == ARCHIVE_OK)
        return 0;
    if (archive_errno(a) == ENOMEM || archive_errno(a) == EIO)
        return damaged(x, e);
    return err_set(
        e, -EINVAL, BLAME_ASSIGNMENT,
        "not an archive that is accepted (zip, tar, tar.gz, tar.xz, tar.zst, tar.bz2), or cut short");
}

int extract_archive(int fd, const char *name, struct tree *t, const struct unpack_limits *limits,
                    struct unpack_usage *usage, struct err *e)
{
    __attribute__((cleanup(extraction_auto))) struct extraction x = {
        .name = name, .tree = t, .limits = limits, .usage = usage};
    struct stat st;
    int r = 0;

    if (fstat(fd, &st) < 0)
        return err_errno(e, errno, BLAME_NODE, "%s", name);
    if (st.st_size == 0)
        return err_set(e, -EINVAL, BLAME_ASSIGNMENT, "%s: it is an empty file", name);
    usage->packed = (uint64_t)st.st_size;
    usage->inflated = 0;
    r = open_reader(&x, fd, e);
    if (r == 0)
        r = read_members(&x, e);
    if (r < 0)
        return err_context(e, "%s", name);
    for (size_t i = x.folder_count; i > 0; i--)
        tree_set_mtime(t, x.folder[i - 1].path, x.folder[i - 1].mtime);
    return 0;
}
