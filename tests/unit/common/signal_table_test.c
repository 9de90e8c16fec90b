#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/signal_table.h"

static size_t held_size(const struct signal_field *f)
{
    switch (f->type) {
    case SIGNAL_FIELD_TEXTS:
    case SIGNAL_FIELD_STRUCTS:
        return sizeof(struct signal_list);
    case SIGNAL_FIELD_MESSAGE:
        return sizeof(const struct signal *) + sizeof(struct bytes);
    default:
        return signal_field_is_pointer(f) ? sizeof(void *) : signal_field_size(f);
    }
}

static void check_struct(const struct signal_struct *s)
{
    size_t end = 0;
    assert_in_range(s->count, 1, 32); /* signal_parse marks what it saw in 32 bits */
    for (size_t i = 0; i < s->count; i++) {
        const struct signal_field *f = &s->fields[i];
        assert_true(f->offset >= end); /* in the order of declaration, none over another */
        end = f->offset + held_size(f);
        assert_true(end <= s->size);
        assert_int_equal(f->names != NULL, f->type == SIGNAL_FIELD_ENUM);
        assert_int_equal(f->max != 0, held_size(f) == sizeof(struct signal_list) &&
                                          f->type >= SIGNAL_FIELD_TEXTS &&
                                          f->type <= SIGNAL_FIELD_STRUCTS);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(s->fields[k].name, f->name);
        if (f->part != NULL)
            check_struct(f->part);
    }
}

static void fields_lie_in_their_structs(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIGNAL_TYPES; i++)
        if (signal_variants[i].body != NULL)
            check_struct(signal_variants[i].body);
}

static void bodies_start_at_one_place(void **state)
{
    (void)state;
    assert_int_equal(SIGNAL_TYPES, 36);
#define B(upper, wire, lower) assert_int_equal(offsetof(struct signal, lower), SIGNAL_BODY_OFFSET);
#define U(upper, wire, lower) assert_null(signal_variants[SIGNAL_##upper].body);
    SIGNAL_VARIANTS(B, U)
#undef B
#undef U
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_lie_in_their_structs),
        cmocka_unit_test(bodies_start_at_one_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
