#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/event_log.h"

#include "common/error.h"
#include "dataplane/media.h"
#include "setup.h"

#define PATIENCE 3000 /* looks, 10 ms apart */

/* ---- what the media path puts ---- */

struct scene {
    struct session *member;
    struct session *link;
};

static struct scene make_scene(struct setup *s)
{
    struct scene scene = {setup_session(s), setup_session(s)};
    struct ipc_item join = setup_link_join(scene.link, 1, true);
    struct ipc_item route = setup_route(1, 9, ROOM);
    join.u.link_join.label = BYTES_LITERAL("relay \"b\"");
    route.u.route_put.pps = 3;
    SETUP_APPLY(s, setup_room(ROOM, NULL, 0), setup_join(scene.member, ROOM), join, route);
    s->exchange.events = calloc(1, sizeof(struct event_ring));
    assert_non_null(s->exchange.events);
    return scene;
}

/* The next event as a line without its time; "" = none. The view lives until the next call. */
static const char *next_line(struct setup *s)
{
    static char text[1024];
    struct buffer line = {0};
    const struct media_event *event = event_ring_peek(s->exchange.events);
    if (event == NULL)
        return "";
    event_log_line(event, &line);
    event_ring_taken(s->exchange.events);
    assert_memory_equal(line.data, "{\"ts\":\"20", 9);
    assert_int_equal(line.data[line.len - 1], '\n');
    snprintf(text, sizeof(text), "%.*s", (int)line.len - 1, (const char *)line.data);
    buffer_free(&line);
    return strstr(text, "\"event\"");
}

static void end_scene(struct setup *s)
{
    assert_string_equal(next_line(s), "");
    free(s->exchange.events);
    s->exchange.events = NULL;
}

static void receive(struct setup *s, struct session *c, struct bytes data)
{
    media_datagram(&s->exchange, c, data, s->now);
}

#define INGRESS(seq)                                                                               \
    "\"event\":\"federation_ingress\",\"seq\":" #seq                                               \
    ",\"codec\":\"Opus24k\",\"fec_block\":0,\"fec_sym\":0,\"repair\":false,\"len\":8,"             \
    "\"peer\":\"relay \\\"b\\\"\"}"

static void test_the_seven_events_of_the_original(void **state)
{
    struct setup *s = *state;
    struct scene scene = make_scene(s);
    struct session *other = setup_session(s);
    SETUP_APPLY(s, setup_link_join(other, 2, false), setup_route(2, 8, ROOM));

    receive(s, scene.link, (struct bytes){(const uint8_t *)"short", 5});
    assert_string_equal(next_line(s), "\"event\":\"federation_ingress_malformed\",\"len\":5,"
                                      "\"peer\":\"relay \\\"b\\\"\"}");
    receive(s, scene.link, setup_tagged(7, 1));
    assert_string_equal(next_line(s), INGRESS(1));
    assert_string_equal(next_line(s), "\"event\":\"room_not_found\",\"seq\":1,"
                                      "\"peer\":\"relay \\\"b\\\"\"}");
    receive(s, scene.link, setup_tagged(9, 2));
    assert_string_equal(next_line(s), INGRESS(2));
    assert_string_equal(next_line(s), "\"event\":\"first_media\",\"room\":\"kitchen\","
                                      "\"peer\":\"relay \\\"b\\\"\",\"action\":\"in\"}");
    assert_string_equal(next_line(s), "\"event\":\"local_deliver\",\"room\":\"kitchen\","
                                      "\"seq\":2,\"to_count\":1}");
    receive(s, other, setup_tagged(8, 2));
    assert_non_null(strstr(next_line(s), "federation_ingress\""));
    assert_non_null(strstr(next_line(s), "first_media"));
    assert_string_equal(next_line(s), "\"event\":\"dedup_drop\",\"seq\":2,\"peer\":\"\"}");
    scene.member->quic->refuse_datagrams = ERR_TOO_LARGE;
    receive(s, scene.link, setup_tagged(9, 3));
    assert_string_equal(next_line(s), INGRESS(3));
    const char *line = next_line(s);
    assert_ptr_equal(strstr(line, "\"event\":\"local_deliver_error\",\"room\":\"kitchen\","
                                  "\"seq\":3,\"reason\":\""),
                     line);
    assert_non_null(strstr(line, error_text(ERR_TOO_LARGE)));
    receive(s, scene.link, setup_tagged(9, 4)); /* nobody gets it either */
    assert_string_equal(next_line(s), INGRESS(4));
    assert_non_null(strstr(next_line(s), "local_deliver_error"));
    receive(s, scene.link, setup_tagged(9, 5));
    assert_string_equal(next_line(s), INGRESS(5));
    assert_string_equal(next_line(s), "\"event\":\"rate_limit_drop\",\"room\":\"kitchen\","
                                      "\"seq\":5}");
    end_scene(s);
}

/* A relay between others has the room without members. */
static void test_what_is_only_passed_on_is_not_delivered(void **state)
{
    struct setup *s = *state;
    struct scene scene = make_scene(s);
    struct session *next = setup_session(s);
    struct ipc_hop onward = setup_hop(2, 7);
    struct ipc_item route = setup_route(1, 6, "attic");
    route.u.route_put.onward = (struct ipc_hops){&onward, 1};
    SETUP_APPLY(s, setup_room("attic", NULL, 0), setup_link_join(next, 2, true), route);
    receive(s, scene.link, setup_tagged(6, 1));
    assert_int_equal(next->quic->count, 1);
    assert_string_equal(next_line(s), INGRESS(1));
    assert_non_null(strstr(next_line(s), "first_media"));
    assert_non_null(strstr(next_line(s), "first_media"));
    end_scene(s);
}

static void test_media_of_members_alone_is_no_event(void **state)
{
    struct setup *s = *state;
    struct scene scene = make_scene(s);
    struct session *listener = setup_session(s);
    SETUP_APPLY(s, setup_join(listener, ROOM));
    receive(s, scene.member, setup_packet(1));
    assert_int_equal(listener->quic->count, 1);
    end_scene(s);
}

static void test_what_finds_no_place_is_counted(void **state)
{
    struct setup *s = *state;
    struct scene scene = make_scene(s);
    for (int i = 0; i < EVENT_RING_SIZE + 7; i++)
        receive(s, scene.link, (struct bytes){(const uint8_t *)"short", 5});
    assert_int_equal(s->exchange.events->lost, 7);
    for (int i = 0; i < EVENT_RING_SIZE; i++)
        assert_string_not_equal(next_line(s), "");
    end_scene(s);
}

/* ---- the writer ---- */

static size_t count_lines(const char *path, const char *text)
{
    char line[1024];
    size_t count = 0;
    FILE *in = fopen(path, "r");
    while (in != NULL && fgets(line, sizeof(line), in) != NULL)
        count += strstr(line, text) != NULL;
    if (in != NULL)
        fclose(in);
    return count;
}

static void wait_lines(struct event_log *log, const char *path, const char *text, size_t count)
{
    for (int i = 0; i < PATIENCE && count_lines(path, text) != count; i++) {
        event_log_wake(log);
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    }
    assert_int_equal(count_lines(path, text), count);
}

static void put(struct event_ring *ring, size_t count)
{
    const struct media_event_facts facts = {.kind = MEDIA_EVENT_federation_ingress_malformed,
                                            .packet = BYTES_LITERAL("xyz")};
    for (size_t i = 0; i < count; i++)
        event_ring_put(ring, &facts);
}

static void test_a_thread_writes_what_was_put(void **state)
{
    char directory[] = "/tmp/event_log_XXXXXX", one[64], two[64];
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(one, sizeof(one), "%s/one", directory);
    snprintf(two, sizeof(two), "%s/two", directory);
    struct event_log *log = event_log_new();
    assert_null(event_log_use(log, BYTES_LITERAL("")));
    struct event_ring *ring = event_log_use(log, bytes_of_string(one));
    assert_non_null(ring);
    put(ring, 3);
    wait_lines(log, one, "federation_ingress_malformed", 3);
    assert_ptr_equal(event_log_use(log, bytes_of_string(two)), ring);
    put(ring, 2);
    assert_null(event_log_use(log, BYTES_LITERAL("")));
    event_log_reopen(log);
    for (int i = 0; i < PATIENCE && event_log_counters(log).lines < 5; i++)
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    assert_int_equal(event_log_counters(log).lines, 5);
    event_log_free(log);
    assert_int_equal(count_lines(one, "ingress") + count_lines(two, "ingress"), 5);
    unlink(one);
    unlink(two);
    rmdir(directory);
}

static void test_losses_are_said_as_soon_as_one_can(void **state)
{
    char directory[] = "/tmp/event_log_XXXXXX", path[64];
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/events", directory);
    struct event_log *log = event_log_new();
    struct event_ring *ring = event_log_use(log, bytes_of_string(path));
    wait_lines(log, path, "x", 0);
    ring->lost = 11; /* as if the thread had slept too long */
    wait_lines(log, path, "\"event\":\"events_lost\",\"count\":11}", 1);
    assert_int_equal(event_log_counters(log).lost, 11);
    event_log_free(log);
    unlink(path);
    rmdir(directory);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_begin, setup_end)
    const struct CMUnitTest tests[] = {
        TEST(test_the_seven_events_of_the_original),
        TEST(test_what_is_only_passed_on_is_not_delivered),
        TEST(test_media_of_members_alone_is_no_event),
        TEST(test_what_finds_no_place_is_counted),
        cmocka_unit_test(test_a_thread_writes_what_was_put),
        cmocka_unit_test(test_losses_are_said_as_soon_as_one_can),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
