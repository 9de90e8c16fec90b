#include "control/core/trail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "control/core/federation.h"

/* One relay for each letter. */
static struct path path_of(const char *letters)
{
    struct path path = {.count = strlen(letters)};
    for (size_t i = 0; i < path.count; i++)
        memset(&path.relays[i], letters[i], sizeof(path.relays[i]));
    return path;
}

static struct trail *trail_of(const char *letters)
{
    struct path path = path_of(letters);
    struct trail *trail = trail_new(&path);
    assert_non_null(trail);
    return trail;
}

static void test_is_what_it_was_made_of(void **state)
{
    (void)state;
    struct path path = path_of("abcdefghijklmnop");
    struct trail *trail = trail_new(&path);
    struct path back = trail_path(trail);
    assert_int_equal(trail->count, FEDERATION_PATH_MAX);
    assert_memory_equal(&back, &path, sizeof(path));
    assert_true(trail_is(trail, &path));
    assert_true(trail_contains(trail, &path.relays[0]));
    assert_true(trail_contains(trail, &path.relays[15]));
    path = path_of("z");
    assert_false(trail_contains(trail, &path.relays[0]));
    assert_false(trail_is(trail, &path));
    path = path_of("abcdefghijklmnoz");
    assert_false(trail_is(trail, &path));
    trail_release(trail);
}

static void test_order(void **state)
{
    (void)state;
    static const char *const sorted[] = {"a", "b", "aa", "ab", "ba", "aaa", "aba"};
    enum { COUNT = sizeof(sorted) / sizeof(sorted[0]) };
    struct trail *trails[COUNT];
    for (int i = 0; i < COUNT; i++)
        trails[i] = trail_of(sorted[i]);
    for (int i = 0; i < COUNT; i++) {
        for (int k = 0; k < COUNT; k++) {
            int order = trail_compare(trails[i], trails[k]);
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
        }
    }
    struct trail *same = trail_of("aba");
    assert_int_equal(trail_compare(same, trails[COUNT - 1]), 0);
    trail_release(same);
    for (int i = 0; i < COUNT; i++)
        trail_release(trails[i]);
}

static void test_one_in_front(void **state)
{
    (void)state;
    struct path first = path_of("x"), other = path_of("y");
    struct trail *rest = trail_of("ab"), *expected = trail_of("xab"), *wrong = trail_of("xac");
    struct trail *whole = trail_behind(&first.relays[0], rest);
    assert_int_equal(trail_compare(whole, expected), 0);
    assert_true(trail_is_behind(whole, &first.relays[0], rest));
    assert_false(trail_is_behind(whole, &other.relays[0], rest));
    assert_false(trail_is_behind(wrong, &first.relays[0], rest));
    assert_false(trail_is_behind(rest, &first.relays[0], rest));
    trail_release(rest);
    trail_release(expected);
    trail_release(wrong);
    trail_release(whole);
}

static void test_lives_as_long_as_somebody_keeps_it(void **state)
{
    (void)state;
    struct trail *trail = trail_of("ab");
    assert_ptr_equal(trail_retain(trail), trail);
    trail_release(trail);
    assert_int_equal(trail->count, 2);
    trail_release(trail);
    trail_release(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_what_it_was_made_of),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_one_in_front),
        cmocka_unit_test(test_lives_as_long_as_somebody_keeps_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
