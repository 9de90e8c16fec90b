#include "control/core/presence_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"

static const char *numbered(unsigned n)
{
    static char text[16];
    snprintf(text, sizeof(text), "n%u", n);
    return text;
}

/* Applies what `from` says happened since a version. */
static void apply(struct presence_set *to, const struct presence_set *from, uint64_t since,
                  uint64_t version)
{
    const struct presence_name *name = presence_set_since(from, since);
    for (; name != NULL; name = name->next)
        assert_int_equal(presence_set_put(to, name->text, name->here, version), 0);
}

static void expect_same(const struct presence_set *a, const struct presence_set *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->digest, b->digest);
    for (const struct presence_name *name = a->log; name != NULL; name = name->next)
        assert_true(!name->here || presence_set_has(b, name->text));
}

static void test_names_come_and_go(void **state)
{
    (void)state;
    struct presence_set set = {0};
    assert_int_equal(presence_set_put(&set, "a", true, 1), 0);
    assert_int_equal(presence_set_put(&set, "b", true, 2), 0);
    assert_int_equal(presence_set_put(&set, "a", false, 3), 0);
    assert_false(presence_set_has(&set, "a"));
    assert_true(presence_set_has(&set, "b"));
    assert_int_equal(set.count, 1);
    assert_int_equal(set.gone, 1);
    assert_string_equal(presence_set_since(&set, 2)->text, "a");
    assert_string_equal(presence_set_since(&set, 0)->text, "b");
    assert_null(presence_set_since(&set, 3));
    presence_set_raise(&set, 3);
    assert_int_equal(set.gone, 0);
    assert_int_equal(set.floor, 3);
    assert_null(presence_set_since(&set, 3));
    presence_set_free(&set);
    assert_int_equal(set.count, 0);
    assert_int_equal(set.digest, 0);
}

/* Whatever happened in between: from any older version on, the changes make the newest. */
static void test_changes_since_any_version_make_the_newest(void **state)
{
    (void)state;
    struct presence_set set = {0};
    struct presence_set old[40] = {0};
    unsigned random = 7;
    for (uint64_t version = 1; version <= 400; version++) {
        random = random * 1103515245 + 12345;
        assert_int_equal(
            presence_set_put(&set, numbered(random >> 16 & 31), (random >> 24 & 1) != 0, version),
            0);
        if (version % 10 == 0) /* an older one: a copy of what is there */
            apply(&old[version / 10 - 1], &set, 0, version);
    }
    for (uint64_t i = 0; i < 40; i++) {
        apply(&old[i], &set, (i + 1) * 10, 400);
        expect_same(&old[i], &set);
        presence_set_free(&old[i]);
    }
    presence_set_free(&set);
}

static void test_who_is_gone_is_forgotten_in_the_end(void **state)
{
    (void)state;
    struct presence_set set = {0};
    for (unsigned i = 0; i < PRESENCE_GONE_MAX + 10; i++) {
        assert_int_equal(presence_set_put(&set, numbered(i), true, i * 2 + 1), 0);
        assert_int_equal(presence_set_put(&set, numbered(i), false, i * 2 + 2), 0);
    }
    assert_int_equal(set.gone, PRESENCE_GONE_MAX);
    assert_int_equal(set.floor, 20); /* the first ten are forgotten, the last of them in 20 */
    presence_set_free(&set);
}

static void test_a_bucket_is_said_anew(void **state)
{
    (void)state;
    struct presence_set set = {0};
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(presence_set_put(&set, numbered(i), true, 1), 0);
    unsigned bucket = presence_bucket("n1");
    presence_set_clean(&set);
    presence_set_begin(&set, bucket, bucket);
    assert_int_equal(presence_set_say(&set, "n1", 2), 0);
    presence_set_end(&set, bucket, bucket);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(presence_set_has(&set, numbered(i)),
                         i == 1 || presence_bucket(numbered(i)) != bucket);
    for (size_t i = 0; i < set.bucket_count; i++)
        assert_true(set.buckets[i].dirty == (set.buckets[i].number == bucket));
    assert_string_equal(presence_set_bucket(&set, bucket)->text, "n1");
    assert_null(presence_set_bucket(&set, bucket)->bucket_next);
    presence_set_free(&set);
}

/* Empty buckets are not there, unless that is news. */
static void test_buckets_exist_while_they_are_needed(void **state)
{
    (void)state;
    struct presence_set set = {0};
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(presence_set_put(&set, numbered(i), true, i), 0);
    for (size_t i = 0; i < set.bucket_count; i++) {
        unsigned number = set.buckets[i].number;
        const struct presence_name *name = set.buckets[i].names;
        assert_true(i == 0 || number > set.buckets[i - 1].number);
        for (; name != NULL; name = name->bucket_next) {
            assert_int_equal(presence_bucket(name->text), number);
            assert_true(name->bucket_next == NULL ||
                        strcmp(name->text, name->bucket_next->text) < 0);
        }
    }
    presence_set_clean(&set);
    size_t all = set.bucket_count;
    for (unsigned i = 1; i < 1000; i++)
        assert_int_equal(presence_set_put(&set, numbered(i), false, 1000 + i), 0);
    presence_set_raise(&set, 2000); /* who is gone is forgotten, but it is still to be told */
    assert_int_equal(set.bucket_count, all);
    assert_null(presence_set_bucket(&set, presence_bucket("n1")));
    presence_set_clean(&set);
    assert_int_equal(set.bucket_count, 1);
    assert_true(presence_set_has(&set, "n0"));
    presence_set_free(&set);
}

static void test_sets_and_buckets_are_capped(void **state)
{
    (void)state;
    struct presence_set set = {0};
    unsigned refused = 0;
    for (unsigned i = 0; i < PRESENCE_NAMES_MAX + 5; i++) {
        int err = presence_set_put(&set, numbered(i), true, 1);
        refused += err == ERR_TOO_LARGE;
    }
    assert_int_equal(refused, 5);
    assert_int_equal(set.count, PRESENCE_NAMES_MAX);
    presence_set_free(&set);
    for (unsigned i = 0, in = 0; in <= PRESENCE_BUCKET_MAX; i++) {
        if (presence_bucket(numbered(i)) != 0)
            continue;
        int err = presence_set_put(&set, numbered(i), true, 1);
        assert_int_equal(err, in < PRESENCE_BUCKET_MAX ? 0 : ERR_TOO_LARGE);
        in++;
    }
    presence_set_free(&set);
}

/* All relays must agree. */
static void test_buckets(void **state)
{
    (void)state;
    assert_int_equal(presence_bucket(""), 0xc5);
    assert_int_equal(presence_bucket("a"), 0x2c);
    assert_int_equal(presence_bucket("foobar"), 0x68);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_come_and_go),
        cmocka_unit_test(test_changes_since_any_version_make_the_newest),
        cmocka_unit_test(test_who_is_gone_is_forgotten_in_the_end),
        cmocka_unit_test(test_a_bucket_is_said_anew),
        cmocka_unit_test(test_buckets_exist_while_they_are_needed),
        cmocka_unit_test(test_sets_and_buckets_are_capped),
        cmocka_unit_test(test_buckets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
