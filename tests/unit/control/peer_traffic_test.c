#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/clock.h"
#include "control/core/peer_traffic.h"

static void take(struct peer_traffic *t, uint64_t in, uint64_t out, uint64_t lost, uint64_t seconds)
{
    const struct ipc_link_state state = {.rtt_us = 500,
                                         .datagram_max = 1400,
                                         .datagrams_in = in,
                                         .datagrams_out = out,
                                         .datagrams_lost = lost};
    peer_traffic_take(t, &state, (1000 + seconds) * CLOCK_SECOND);
}

static void test_sums_go_on_when_the_link_begins_anew(void **state)
{
    (void)state;
    struct peer_traffic t = {0};
    take(&t, 100, 200, 3, 0);
    take(&t, 150, 260, 4, 1);
    take(&t, 5, 6, 0, 2);
    take(&t, 7, 8, 1, 3);
    assert_int_equal(t.sum.in, 157);
    assert_int_equal(t.sum.out, 268);
    assert_int_equal(t.sum.lost, 5);
    assert_int_equal(t.rtt_us, 500);
    assert_int_equal(t.datagram_max, 1400);
}

static void test_loss_is_of_the_last_window(void **state)
{
    (void)state;
    struct peer_traffic t = {0};
    take(&t, 0, 0, 0, 0);
    assert_true(peer_traffic_loss(&t) == PEER_TRAFFIC_NO_LOSS);
    take(&t, 0, 400, 100, 9);
    assert_true(peer_traffic_loss(&t) == PEER_TRAFFIC_NO_LOSS);
    take(&t, 0, 500, 100, 10);
    assert_true(peer_traffic_loss(&t) == 20.0);
    take(&t, 0, 700, 102, 20);
    assert_true(peer_traffic_loss(&t) == 1.0);
    take(&t, 0, 700, 102, 30); /* nothing went out */
    assert_true(peer_traffic_loss(&t) == PEER_TRAFFIC_NO_LOSS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_go_on_when_the_link_begins_anew),
        cmocka_unit_test(test_loss_is_of_the_last_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
