#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/table.h"

#define NODES 500

struct thing {
    struct table_node node;
    uint32_t key;
};

static const struct siphash_key secret = {7, 9};

static uint64_t hash_of(const struct table *t, uint32_t key)
{
    return table_hash(t, (struct bytes){(const uint8_t *)&key, sizeof(key)});
}

static struct thing *find(const struct table *t, uint32_t key)
{
    struct table_node *node = table_first(t, hash_of(t, key));
    for (; node; node = table_next(node)) {
        struct thing *thing = table_entry(node, struct thing, node);
        if (thing->key == key)
            return thing;
    }
    return NULL;
}

static void fill(struct table *t, struct thing *things, uint32_t count)
{
    table_init(t, &secret);
    for (uint32_t i = 0; i < count; i++) {
        things[i].key = i;
        assert_int_equal(table_insert(t, &things[i].node, hash_of(t, i)), 0);
    }
}

static void test_finds_what_is_in_and_not_what_was_removed(void **state)
{
    (void)state;
    struct table t;
    struct thing things[NODES];
    fill(&t, things, NODES);
    for (uint32_t i = 0; i < NODES; i += 2)
        table_remove(&t, &things[i].node);
    assert_int_equal(t.count, NODES / 2);
    for (uint32_t i = 0; i < NODES; i++)
        assert_ptr_equal(find(&t, i), i % 2 ? &things[i] : NULL);
    table_free(&t);
}

static void test_an_empty_table_finds_nothing(void **state)
{
    (void)state;
    struct table t;
    uint64_t slot = 0;
    table_init(&t, &secret);
    assert_null(find(&t, 1));
    assert_null(table_walk(&t, &slot));
    table_free(&t);
}

static void test_equal_hashes_are_all_walked(void **state)
{
    (void)state;
    struct table t;
    struct thing things[3];
    unsigned seen = 0;
    table_init(&t, &secret);
    for (uint32_t i = 0; i < 3; i++) {
        things[i].key = i;
        assert_int_equal(table_insert(&t, &things[i].node, 42), 0);
    }
    for (struct table_node *n = table_first(&t, 42); n; n = table_next(n))
        seen |= 1u << table_entry(n, struct thing, node)->key;
    assert_int_equal(seen, 7);
    table_free(&t);
}

/* What is there all the time is walked exactly once, whatever comes and goes meanwhile. */
static void test_a_walk_resumes_after_changes(void **state)
{
    (void)state;
    struct table t;
    static struct thing things[NODES];
    static struct thing more[NODES];
    unsigned seen[NODES] = {0};
    uint64_t slot = 0;
    fill(&t, things, NODES);
    for (uint32_t step = 0;; step++) {
        struct table_node *node = table_walk(&t, &slot);
        if (!node)
            break;
        struct thing *thing = table_entry(node, struct thing, node);
        if (thing->key < NODES)
            seen[thing->key]++;
        if (step < NODES / 4) { /* the walked part loses one, the table gains one */
            table_remove(&t, &things[step].node);
            more[step].key = NODES + step;
            assert_int_equal(table_insert(&t, &more[step].node, hash_of(&t, NODES + step)), 0);
        }
    }
    for (uint32_t i = NODES / 4; i < NODES; i++)
        assert_int_equal(seen[i], 1);
    table_free(&t);
}

static void test_reserved_places_take_no_memory_later(void **state)
{
    (void)state;
    struct table t;
    struct thing things[100];
    table_init(&t, &secret);
    assert_int_equal(table_reserve(&t, 100), 0);
    const void *slots = t.slots;
    const void *buckets = t.buckets;
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(table_insert(&t, &things[i].node, hash_of(&t, i)), 0);
    assert_ptr_equal(t.slots, slots);
    assert_ptr_equal(t.buckets, buckets);
    table_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_what_is_in_and_not_what_was_removed),
        cmocka_unit_test(test_an_empty_table_finds_nothing),
        cmocka_unit_test(test_equal_hashes_are_all_walked),
        cmocka_unit_test(test_a_walk_resumes_after_changes),
        cmocka_unit_test(test_reserved_places_take_no_memory_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
