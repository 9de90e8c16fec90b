#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/heap.h"

#define MODEL_NODES 64
#define MODEL_STEPS 20000

struct timer {
    int number;
    struct heap_node node;
};

static void test_empty_heap_has_nothing_due(void **state)
{
    (void)state;
    struct heap h = {0};
    struct heap_node node = {0};
    assert_null(heap_first(&h));
    assert_null(heap_pop_due(&h, UINT64_MAX));
    heap_remove(&h, &node);
    assert_false(heap_contains(&node));
    heap_free(&h);
}

static void test_pops_in_order_and_only_what_is_due(void **state)
{
    (void)state;
    struct heap h;
    heap_init(&h);
    struct timer timers[5] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}, {0}};
    const uint64_t keys[] = {50, 10, 40, 20};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(heap_set(&h, &timers[i].node, keys[i]), 0);

    assert_int_equal(heap_entry(heap_pop_due(&h, 20), struct timer, node)->number, 1);
    assert_int_equal(heap_entry(heap_pop_due(&h, 20), struct timer, node)->number, 3);
    assert_null(heap_pop_due(&h, 39));
    assert_int_equal(heap_entry(heap_first(&h), struct timer, node)->number, 2);
    assert_int_equal(h.count, 2);
    heap_free(&h);
    assert_false(heap_contains(&timers[0].node));
}

static void test_set_moves_a_node_both_ways(void **state)
{
    (void)state;
    struct heap h;
    heap_init(&h);
    struct heap_node a = {0}, b = {0}, c = {0};
    assert_int_equal(heap_set(&h, &a, 10), 0);
    assert_int_equal(heap_set(&h, &b, 20), 0);
    assert_int_equal(heap_set(&h, &c, 30), 0);
    assert_int_equal(heap_set(&h, &a, 40), 0);
    assert_ptr_equal(heap_first(&h), &b);
    assert_int_equal(heap_set(&h, &c, 5), 0);
    assert_ptr_equal(heap_first(&h), &c);
    assert_int_equal(h.count, 3);
    heap_free(&h);
}

static void test_reserve_makes_room(void **state)
{
    (void)state;
    struct heap h = {0};
    assert_int_equal(heap_reserve(&h, 1000), 0);
    assert_int_equal(h.capacity, 1000);
    assert_int_equal(heap_reserve(&h, 10), 0);
    assert_int_equal(h.capacity, 1000);
    assert_true(heap_reserve(&h, SIZE_MAX) < 0);
    heap_free(&h);
}

/* xorshift64: the same steps in every run. */
static uint64_t random_next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* The smallest key of all nodes that are in, by looking at each. */
static const struct heap_node *model_first(const struct heap_node *nodes, const bool *in)
{
    const struct heap_node *first = NULL;
    for (size_t i = 0; i < MODEL_NODES; i++)
        if (in[i] && (first == NULL || nodes[i].key < first->key))
            first = &nodes[i];
    return first;
}

static void test_agrees_with_a_plain_search(void **state)
{
    (void)state;
    struct heap h = {0};
    struct heap_node nodes[MODEL_NODES] = {0};
    bool in[MODEL_NODES] = {false};
    size_t count = 0;
    uint64_t seed = 0x5eed;
    for (int step = 0; step < MODEL_STEPS; step++) {
        size_t i = random_next(&seed) % MODEL_NODES;
        uint64_t what = random_next(&seed) % 4;
        if (what < 2) {
            assert_int_equal(heap_set(&h, &nodes[i], random_next(&seed) % 200), 0);
            count += in[i] ? 0 : 1;
            in[i] = true;
        } else if (what == 2) {
            heap_remove(&h, &nodes[i]);
            count -= in[i] ? 1 : 0;
            in[i] = false;
        } else {
            const struct heap_node *expected = model_first(nodes, in);
            struct heap_node *popped = heap_pop_due(&h, 150);
            assert_int_equal(popped != NULL, expected != NULL && expected->key <= 150);
            if (popped != NULL) {
                assert_int_equal(popped->key, expected->key);
                in[popped - nodes] = false;
                count--;
            }
        }
        assert_int_equal(h.count, count);
        const struct heap_node *first = model_first(nodes, in);
        assert_int_equal(first == NULL, heap_first(&h) == NULL);
        if (first != NULL)
            assert_int_equal(heap_first(&h)->key, first->key);
        assert_int_equal(heap_contains(&nodes[i]), in[i]);
    }
    heap_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_heap_has_nothing_due),
        cmocka_unit_test(test_pops_in_order_and_only_what_is_due),
        cmocka_unit_test(test_set_moves_a_node_both_ways),
        cmocka_unit_test(test_reserve_makes_room),
        cmocka_unit_test(test_agrees_with_a_plain_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
