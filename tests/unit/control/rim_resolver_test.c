#include "control/rim/resolver.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"

#define PATIENCE_MS 20000

static struct resolver *resolver;

static int setup(void **state)
{
    (void)state;
    return resolver_init(&resolver);
}

static int teardown(void **state)
{
    (void)state;
    resolver_free(resolver);
    return 0;
}

static void ask(uint64_t id, const char *name)
{
    const struct core_question q = {
        .id = id, .type = CORE_ASK_RESOLVE, .address = bytes_of_string(name)};
    assert_int_equal(resolver_ask(resolver, &q), 0);
}

static struct core_answer next_answer(void)
{
    struct core_answer answer;
    while (!resolver_answer(resolver, &answer)) {
        struct pollfd fd = {.fd = resolver_fd(resolver), .events = POLLIN};
        assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
    }
    return answer;
}

static bool readable(void)
{
    struct pollfd fd = {.fd = resolver_fd(resolver), .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

static void literal_addresses(void **state)
{
    (void)state;
    static const char *const names[] = {"127.0.0.1:4433", "192.0.2.9:1", "[2001:db8::1]:65535"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char text[ADDRESS_TEXT];
        ask(40 + i, names[i]);
        struct core_answer answer = next_answer();
        assert_true(answer.ok);
        assert_int_equal(answer.id, 40 + i);
        assert_int_equal(answer.type, CORE_ASK_RESOLVE);
        assert_int_equal(answer.address_count, 1);
        address_text(&answer.addresses[0], text);
        assert_string_equal(text, names[i]);
    }
}

static void a_name_of_this_machine(void **state)
{
    (void)state;
    ask(1, "localhost:4433");
    struct core_answer answer = next_answer();
    assert_true(answer.ok);
    assert_in_range(answer.address_count, 1, CORE_ADDRESSES_MAX);
    for (size_t i = 0; i < answer.address_count; i++) {
        assert_true(address_is_loopback(&answer.addresses[i]));
        assert_int_equal(address_port(&answer.addresses[i]), 4433);
    }
}

/* No label is that long, so that nobody is asked for it. */
#define LONG_LABEL "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void names_that_have_no_address(void **state)
{
    (void)state;
    static const char *const names[] = {"",      "nonsense", "relay:0",      "relay:99999",
                                        "a b:1", ":1",       LONG_LABEL ":1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ask(i, names[i]);
        struct core_answer answer = next_answer();
        assert_false(answer.ok);
        assert_int_equal(answer.id, i);
        assert_string_not_equal(answer.why, "");
        assert_int_equal(answer.address_count, 0);
    }
}

static void a_name_that_is_too_long(void **state)
{
    (void)state;
    static char name[1024];
    memset(name, 'a', sizeof name);
    const struct core_question q = {.address = {(uint8_t *)name, sizeof name}};
    assert_int_equal(resolver_ask(resolver, &q), ERR_TOO_LARGE);
}

static void answers_come_in_order_and_once(void **state)
{
    (void)state;
    struct core_answer ignored;
    for (uint64_t id = 0; id < 200; id++)
        ask(id, "127.0.0.1:1");
    for (uint64_t id = 0; id < 200; id++)
        assert_int_equal(next_answer().id, id);
    assert_false(resolver_answer(resolver, &ignored));
    assert_false(readable());
}

static void freeing_drops_what_is_under_way(void **state)
{
    (void)state;
    for (uint64_t id = 0; id < 50; id++)
        ask(id, "localhost:1"); /* teardown comes before most answers */
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(literal_addresses),
        CASE(a_name_of_this_machine),
        CASE(names_that_have_no_address),
        CASE(a_name_that_is_too_long),
        CASE(answers_come_in_order_and_once),
        CASE(freeing_drops_what_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
