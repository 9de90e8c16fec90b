#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/signal_arena.h"

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct signal_arena *arena = NULL;
    unsigned char *pieces[100];
    for (size_t i = 0; i < 100; i++) {
        size_t size = 1 + i * 7;
        pieces[i] = signal_arena_take(&arena, size, 1000);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < size; k++)
            assert_int_equal(pieces[i][k], 0);
        memset(pieces[i], (int)i + 1, size);
    }
    for (size_t i = 0; i < 100; i++)
        for (size_t k = 0; k < 1 + i * 7; k++)
            assert_int_equal(pieces[i][k], i + 1);
    signal_arena_free(arena);
}

static void small_pieces_share_a_block(void **state)
{
    (void)state;
    struct signal_arena *arena = NULL;
    assert_int_equal(signal_arena_size(arena), 0);
    assert_non_null(signal_arena_take(&arena, 16, 1000));
    size_t size = signal_arena_size(arena);
    for (int i = 0; i < 50; i++)
        assert_non_null(signal_arena_take(&arena, 16, 1000));
    assert_int_equal(signal_arena_size(arena), size);
    assert_non_null(signal_arena_take(&arena, 5000, 1000)); /* a block of its own */
    assert_non_null(signal_arena_take(&arena, 16, 1000));   /* still of the first block */
    assert_true(signal_arena_size(arena) < size + 5000 + 100);
    signal_arena_free(arena);
}

static void absurd_sizes_fail(void **state)
{
    (void)state;
    struct signal_arena *arena = NULL;
    assert_null(signal_arena_take(&arena, SIZE_MAX, 0));
    assert_null(signal_arena_take(&arena, SIZE_MAX / 2 + 1, 0));
    assert_null(arena);
    signal_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(small_pieces_share_a_block),
        cmocka_unit_test(absurd_sizes_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
