/* test_cache.c - the cache on disk: what becomes an object, what is evicted, what is in use. */
#include "cmocka_all.h"

#include <errno.h>
#include <time.h>
#include <utime.h>

#include "base/auto.h"
#include "fetch/cache.h"
#include "scratch.h"

#define KEY   "1111111111111111111111111111111111111111111111111111111111111111"
#define OTHER "2222222222222222222222222222222222222222222222222222222222222222"

static struct scratch scratch;
static struct cache cache = CACHE_INIT;

static int make(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    return scratch_make(&scratch) < 0 ? -1 : cache_open(scratch.path, 100, &cache, &e);
}

static int unmake(void **state)
{
    (void)state;
    cache_close(&cache);
    scratch_remove(&scratch);
    return 0;
}

/* An object of n bytes, all of them c; its last use is `age` seconds ago. */
static struct cache_object put(char c, size_t n, int age)
{
    struct cache_object object = {.bytes = n};
    AUTO_CLOSE int fd = cache_partial_lock(&cache, KEY);
    char text[128], path[256];
    struct utimbuf times = {.actime = time(NULL) - age, .modtime = time(NULL) - age};

    assert_true(fd >= 0 && n < sizeof(text));
    memset(text, c, n);
    text[n] = '\0';
    assert_int_equal(digest_text(text, object.sha256), 0);
    assert_int_equal(fd_write_all(fd, text, n), 0);
    assert_int_equal(cache_commit(&cache, KEY, fd, &object), 0);
    (void)snprintf(path, sizeof(path), "%s/objects/%s.%zu", scratch.path, object.sha256, n);
    assert_int_equal(utime(path, &times), 0);
    return object;
}

static bool has(const struct cache_object *object)
{
    struct cache_object found;

    return cache_peek(&cache, object->sha256, &found) == 0 && found.bytes == object->bytes;
}

static void an_object_is_found_by_its_digest(void **state)
{
    struct cache_object object = put('a', 10, 0), found;
    AUTO_CLOSE int fd = -1;
    char text[11] = "";

    (void)state;
    assert_int_equal(cache_find(&cache, object.sha256, &found), 0);
    assert_int_equal(found.bytes, 10);
    fd = cache_read(&cache, &found);
    assert_int_equal(read(fd, text, 10), 10);
    assert_string_equal(text, "aaaaaaaaaa");
    assert_int_equal(cache_find(&cache, KEY, &found), -ENOENT);
    assert_int_equal(faccessat(cache.partial_fd, KEY, F_OK, 0), -1);
}

static void what_is_shorter_than_its_name_is_no_object(void **state)
{
    struct cache_object object = put('b', 20, 0);
    char name[100];

    (void)state;
    (void)snprintf(name, sizeof(name), "%s.20", object.sha256);
    assert_int_equal(unlinkat(cache.objects_fd, name, 0), 0);
    {
        AUTO_CLOSE int fd = openat(cache.objects_fd, name, O_CREAT | O_WRONLY, 0640);
        assert_int_equal(fd_write_all(fd, "bbb", 3), 0);
    }
    assert_false(has(&object));
    assert_int_equal(faccessat(cache.objects_fd, name, F_OK, 0), -1);
}

static void fewer_bytes_than_said_are_not_committed(void **state)
{
    AUTO_CLOSE int fd = cache_partial_lock(&cache, OTHER);
    struct cache_object object = {.sha256 = OTHER, .bytes = 5};

    (void)state;
    assert_int_equal(fd_write_all(fd, "1234", 4), 0);
    assert_int_equal(cache_commit(&cache, OTHER, fd, &object), -EIO);
    assert_false(has(&object));
    assert_int_equal(unlinkat(cache.partial_fd, OTHER, 0), 0);
}

static void a_partial_file_has_one_owner(void **state)
{
    AUTO_CLOSE int first = cache_partial_lock(&cache, OTHER);

    (void)state;
    assert_true(first >= 0);
    assert_int_equal(cache_partial_lock(&cache, OTHER), -EWOULDBLOCK);
    fd_close(&first);
    first = cache_partial_lock(&cache, OTHER);
    assert_true(first >= 0);
}

static void notes_of_a_partial_file_are_of_this_boot(void **state)
{
    const struct partial about = {.validator = {.etag = "\"x\""}, .total = 7, .md5 = "abc"};
    static const char OLD[] = "{\"boot\":\"another\",\"etag\":\"x\",\"total\":7}\n";
    struct partial got;

    (void)state;
    assert_int_equal(cache_partial_write(&cache, OTHER, &about), 0);
    assert_int_equal(cache_partial_read(&cache, OTHER, &got), 0);
    assert_string_equal(got.validator.etag, "\"x\"");
    assert_int_equal(got.total, 7);
    assert_string_equal(got.md5, "abc");
    assert_int_equal(file_replace(cache.partial_fd, OTHER ".about", OLD, sizeof(OLD) - 1, 0640), 0);
    assert_int_equal(cache_partial_read(&cache, OTHER, &got), -ENOENT);
}

static void what_a_run_holds_stays(void **state)
{
    struct cache_object held = put('c', 60, 300), old = put('d', 60, 200), young = put('e', 30, 100);

    (void)state;
    assert_int_equal(cache_give(&cache, &held, scratch.fd, "part"), 0);
    assert_int_equal(cache_give(&cache, &held, scratch.fd, "part"), 0); /* in the place of what is there */
    cache_evict(&cache, clock_wall());
    assert_true(has(&held) && !has(&old) && has(&young));
    assert_int_equal(cache_give(&cache, &old, scratch.fd, "other"), -ENOENT);
    assert_int_equal(unlinkat(scratch.fd, "part", 0), 0);
    assert_int_equal(put('f', 50, 0).bytes, 50);
    cache_evict(&cache, clock_wall());
    assert_true(!has(&held) && has(&young));
}

static void what_a_uri_led_to_goes_with_the_object(void **state)
{
    struct cache_known known = {.object = put('g', 90, 0), .validator = {.last_modified = "then"}, .at = {5}},
                       got;

    (void)state;
    assert_int_equal(cache_known_write(&cache, KEY, &known), 0);
    assert_int_equal(cache_known_read(&cache, KEY, &got), 0);
    assert_string_equal(got.validator.last_modified, "then");
    assert_int_equal(got.at.ms, 5);
    assert_int_equal(got.object.bytes, 90);
    cache_drop(&cache, &known.object);
    assert_int_equal(cache_known_read(&cache, KEY, &got), -ENOENT);
    cache_evict(&cache, clock_wall());
    assert_int_equal(faccessat(cache.index_fd, KEY, F_OK, 0), -1);
}

static void partial_files_go_after_a_day_unless_somebody_writes(void **state)
{
    AUTO_CLOSE int busy = cache_partial_lock(&cache, OTHER);
    wall_ms_t tomorrow = {clock_wall().ms + 25LL * 3600 * 1000};
    AUTO_CLOSE int idle = cache_partial_lock(&cache, KEY);

    (void)state;
    assert_true(busy >= 0);
    fd_close(&idle);
    cache_evict(&cache, clock_wall());
    assert_int_equal(faccessat(cache.partial_fd, KEY, F_OK, 0), 0);
    cache_evict(&cache, tomorrow);
    assert_int_equal(faccessat(cache.partial_fd, KEY, F_OK, 0), -1);
    assert_int_equal(faccessat(cache.partial_fd, OTHER, F_OK, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_object_is_found_by_its_digest, make, unmake),
        cmocka_unit_test_setup_teardown(what_is_shorter_than_its_name_is_no_object, make, unmake),
        cmocka_unit_test_setup_teardown(fewer_bytes_than_said_are_not_committed, make, unmake),
        cmocka_unit_test_setup_teardown(a_partial_file_has_one_owner, make, unmake),
        cmocka_unit_test_setup_teardown(notes_of_a_partial_file_are_of_this_boot, make, unmake),
        cmocka_unit_test_setup_teardown(what_a_run_holds_stays, make, unmake),
        cmocka_unit_test_setup_teardown(what_a_uri_led_to_goes_with_the_object, make, unmake),
        cmocka_unit_test_setup_teardown(partial_files_go_after_a_day_unless_somebody_writes, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
