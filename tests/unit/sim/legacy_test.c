/*
 * The model of an original does what running originals were seen to do (protocol.md, appendix A);
 * and what relays of ours do in their place.
 */
#include "tests/sim/legacy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/sim/names.h"
#include "tests/sim/person.h"
#include "tests/sim/world.h"

#define RELAYS_MAX 3
#define PEOPLE_MAX 16
#define HOP (60 * CLOCK_US) /* on loopback, from one relay to the next, with all its work */

static const char *const rooms[] = {"general"};

struct originals {
    struct net net;
    struct legacy *relays[RELAYS_MAX];
    struct person *people[PEOPLE_MAX];
    int count;
};

/* `count` originals, each of which peers with all others, as the documents say. */
static struct originals *originals_new(int count, uint64_t hop)
{
    struct originals *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    net_init(&w->net, 1);
    w->count = count;
    for (int i = 0; i < count; i++) {
        struct fingerprint_tls self = name_relay(i);
        struct address address = name_relay_address(i);
        w->relays[i] = legacy_new(&w->net, &address, &self, rooms, 1, RELAYS_MAX);
        w->relays[i]->endpoint->latency = hop / 2;
        for (int k = 0; k < count; k++) {
            struct fingerprint_tls other = name_relay(k);
            struct address at = name_relay_address(k);
            char label[LEGACY_LABEL];
            snprintf(label, sizeof(label), "relay-%d", k);
            if (k != i)
                legacy_add_peer(w->relays[i], &other, &at, label, k < i);
        }
    }
    for (int i = 0; i < count; i++)
        legacy_begin(w->relays[i]);
    net_run(&w->net, w->net.now + 20 * CLOCK_SECOND);
    return w;
}

static struct person *enter(struct originals *w, int person, int relay)
{
    struct person *p = w->people[person] = person_new(&w->net, person, PEOPLE_MAX);
    person_join(p, relay, w->relays[relay]->endpoint, "general");
    net_run(&w->net, w->net.now + CLOCK_SECOND);
    assert_true(p->joined);
    return p;
}

static void originals_free(struct originals *w)
{
    for (int i = 0; i < PEOPLE_MAX; i++)
        person_free(w->people[i]);
    for (int i = 0; i < w->count; i++)
        legacy_free(w->relays[i]);
    net_free(&w->net);
    free(w);
}

static void talk(struct net *net, struct person **people, int talkers, unsigned packets,
                 uint64_t every)
{
    for (unsigned n = 0; n < packets; n++) {
        for (int i = 0; i < talkers; i++)
            person_say(people[i], n);
        net_run(net, net->now + every);
    }
    net_run(net, net->now + CLOCK_SECOND);
}

static uint64_t received(struct person *const *people, int count)
{
    uint64_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += people[i]->received;
    return sum;
}

/* Defect 30: one person joins one room, and three relays announce it for ever. */
static void test_triangle_storms(void **state)
{
    (void)state;
    struct originals *w = originals_new(3, HOP);
    assert_int_equal(w->relays[0]->announcements_in, 0);
    enter(w, 0, 0);
    for (int second = 0; second < 3; second++) {
        uint64_t before = w->relays[1]->announcements_in;
        net_run(&w->net, w->net.now + CLOCK_SECOND);
        assert_in_range(w->relays[1]->announcements_in - before, 10000, 12000);
    }
    originals_free(w);
}

static void test_pair_is_silent(void **state)
{
    (void)state;
    struct originals *w = originals_new(2, HOP);
    enter(w, 0, 0);
    net_run(&w->net, w->net.now + 10 * CLOCK_SECOND);
    assert_int_equal(w->relays[1]->announcements_in, 1);
    originals_free(w);
}

/* Defect 42: those who start together send the same bytes. */
static void test_talkers_are_taken_for_copies(void **state)
{
    (void)state;
    struct originals *w = originals_new(2, HOP);
    for (int i = 0; i < 4; i++)
        enter(w, i, i / 2)->identical = true;
    talk(&w->net, w->people, 4, 200, 20 * CLOCK_MS);
    assert_int_equal(received(w->people, 4), 2400 - 800);
    originals_free(w);
}

static void test_one_talker_a_relay_is_heard(void **state)
{
    (void)state;
    struct originals *w = originals_new(2, HOP);
    enter(w, 0, 0);
    enter(w, 1, 1);
    talk(&w->net, w->people, 2, 32, 20 * CLOCK_MS);
    assert_int_equal(person_heard(w->people[0], 1), 32);
    assert_int_equal(person_heard(w->people[1], 0), 32);
    originals_free(w);
}

/* Defect 46: 500 packets a second for all of a room, which is ten talkers. */
static void test_the_eleventh_talker_is_cut_off(void **state)
{
    (void)state;
    struct originals *w = originals_new(2, HOP);
    for (int i = 0; i < 12; i++)
        enter(w, i, i == 11);
    talk(&w->net, w->people, 11, 200, 20 * CLOCK_MS);
    assert_in_range(w->people[11]->received, 4 * 500, 11 * 200 - 1);
    assert_int_equal(w->people[11]->received + w->relays[1]->over_rate, 11 * 200);
    originals_free(w);
}

/* Defects 24 and 26: whoever comes second is not announced, and a lost link leaves its list. */
static void test_lists_are_out_of_date(void **state)
{
    (void)state;
    size_t count;
    struct originals *w = originals_new(2, HOP);
    enter(w, 0, 0);
    enter(w, 1, 1);
    enter(w, 2, 1);
    free(person_sees(w->people[0], &count));
    assert_int_equal(count, 2);
    net_part(w->relays[0]->endpoint, w->relays[1]->endpoint);
    net_run(&w->net, w->net.now + CLOCK_SECOND);
    assert_null(w->relays[0]->links);
    free(person_sees(w->people[0], &count));
    assert_int_equal(count, 2); /* a ghost */
    originals_free(w);
}

/* The same talkers, with relays of ours: nobody loses anything. */
static void test_ours_hears_all(void **state)
{
    (void)state;
    struct world w;
    const struct world_options options = {.seed = 1,
                                          .shape = SHAPE_CHAIN,
                                          .relays = 2,
                                          .people = 4,
                                          .hops = 2,
                                          .global_rooms = 1,
                                          .room_pps = 4000,
                                          .latency = HOP,
                                          .trusting = true};
    world_init(&w, &options);
    for (int i = 0; i < 4; i++) {
        w.people[i]->identical = true;
        world_join(&w, i, i / 2, 0);
    }
    world_pass(&w, 3 * CLOCK_SECOND);
    talk(&w.net, w.people, 4, 200, 20 * CLOCK_MS);
    assert_int_equal(received(w.people, 4), 2400);
    world_free(&w);
}

/* And in a triangle of ours a join costs at most six messages. */
static void test_ours_is_silent(void **state)
{
    (void)state;
    struct world w;
    const struct world_options options = {.seed = 1,
                                          .shape = SHAPE_RING,
                                          .relays = 3,
                                          .people = 1,
                                          .hops = 2,
                                          .global_rooms = 1,
                                          .room_pps = 4000,
                                          .latency = HOP,
                                          .trusting = true};
    world_init(&w, &options);
    net_reset_counts(&w.net);
    world_join(&w, 0, 0, 0);
    world_pass(&w, 60 * CLOCK_SECOND);
    assert_in_range(w.net.messages, 2, 6);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_triangle_storms),
        cmocka_unit_test(test_pair_is_silent),
        cmocka_unit_test(test_talkers_are_taken_for_copies),
        cmocka_unit_test(test_one_talker_a_relay_is_heard),
        cmocka_unit_test(test_the_eleventh_talker_is_cut_off),
        cmocka_unit_test(test_lists_are_out_of_date),
        cmocka_unit_test(test_ours_hears_all),
        cmocka_unit_test(test_ours_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
