/*
 * Rooms, media joins, call rooms (protocol.md 4.4, 5.3, 5.6).
 */
#include "harness.h"

struct scene {
    struct harness *h;
    struct relay *r;
    struct caller a, b, third;
};

static struct scene scene_new(const char *yaml)
{
    struct scene s = {.h = harness_new()};
    s.r = harness_relay(s.h, yaml);
    s.a = phone_new(s.r, 1);
    s.b = phone_new(s.r, 2);
    s.third = phone_new(s.r, 3);
    return s;
}

static void scene_end(struct scene *s)
{
    expect_nothing_left(s->r);
    harness_free(s->h);
}

static void test_members_hear_of_each_join_and_leave_in_order(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    struct fake_connection *x = phone_join(&s.a, "general");
    expect_message(x, "CallAnswer", "Opus24k", "\"frames_per_block\":5", NULL);
    expect_message(x, "RoomUpdate", "\"count\":1", NULL);
    struct fake_connection *y = phone_join(&s.b, "general");
    skip_messages(y);
    char order[256];
    snprintf(order, sizeof(order),
             "[{\"fingerprint\":\"%s\",\"alias\":null,\"relay_label\":null},"
             "{\"fingerprint\":\"%s\"",
             s.a.name, s.b.name);
    expect_message(x, "RoomUpdate", "\"count\":2", order, NULL);
    sim_hang(s.r, x);
    expect_message(y, "RoomUpdate", "\"count\":1", s.b.name, NULL);
    sim_hang(s.r, y);
    assert_int_equal(s.r->plane.room_count, 0);
    scene_end(&s);
}

static void defect_35_only_the_newest_room_update_waits(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    struct fake_connection *x = phone_join(&s.a, "general");
    phone_join(&s.b, "general");
    for (size_t i = 0; i < x->message_count; i++) {
        bool update = strncmp(x->messages[i].text, "{\"RoomUpdate\"", 13) == 0;
        assert_int_equal(x->messages[i].replace_key != 0, update);
    }
    scene_end(&s);
}

static void defect_54_rooms_limit_their_senders(void **state)
{
    (void)state;
    struct scene s = scene_new("limits: { participant_pps: 77 }\n");
    phone_join(&s.a, "general");
    assert_int_equal(s.r->plane.rooms[0].pps, 77);
    scene_end(&s);
}

static void defect_28_both_spellings_of_a_global_room_are_one(void **state)
{
    (void)state;
    struct scene s = scene_new("global_rooms: [General]\n");
    struct fake_connection *raw = phone_join(&s.a, "general");
    struct fake_connection *hashed = phone_join(&s.b, "a47b63f7d5b511ba5bc4089a74446906");
    assert_string_equal(raw->room, "general");
    assert_string_equal(hashed->room, "general");
    skip_messages(raw);
    struct fake_connection *other = phone_join(&s.third, "3f8466a8c694c38ccbe4ff7479015ae0");
    assert_string_equal(other->room, "3f8466a8c694c38ccbe4ff7479015ae0"); /* not global here */
    scene_end(&s);
}

static void join_with(struct scene *s, struct fake_connection *conn, int key, int ephemeral,
                      int signature_length, int signature)
{
    char numbers[1024];
    size_t at = 0;
    numbers[0] = '\0';
    for (int i = 0; i < signature_length; i++)
        at += (size_t)snprintf(numbers + at, sizeof(numbers) - at, "%s%d", i == 0 ? "" : ",",
                               signature);
    sim_sayf(s->r, conn,
             "{\"CallOffer\":{\"identity_pub\":%s,\"ephemeral_pub\":%s,\"signature\":[%s],"
             "\"supported_profiles\":[],\"alias\":\"Al\"}}",
             key_json(key), key_json(ephemeral), numbers);
}

static void test_a_join_without_a_good_signature_is_refused(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    struct fake_connection *conn = sim_connect(s.r, "general");
    join_with(&s, conn, 1, 9, 63, 1);
    expect_closed(conn, "the signature of the CallOffer is not 64 bytes");
    conn = sim_connect(s.r, "general");
    join_with(&s, conn, 1, 9, 64, 255);
    expect_closed(conn, "the signature of the CallOffer is wrong");
    expect_silence(conn);
    assert_int_equal(s.r->plane.room_count, 0);
    scene_end(&s);
}

static void defect_14_a_join_cannot_be_replayed(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    struct fake_connection *conn = sim_connect(s.r, "general");
    join_with(&s, conn, 1, 9, 64, 1);
    expect_message(conn, "CallAnswer", NULL);
    expect_message(conn, "RoomUpdate", "\"alias\":\"Al\"", NULL);
    sim_hang(s.r, conn);

    struct fake_connection *replay = sim_connect(s.r, "general");
    join_with(&s, replay, 1, 9, 64, 1);
    expect_closed(replay, "this CallOffer was seen before");
    assert_true(sim_logged(s.r, "seen before"));
    sim_adopt(s.r); /* nor at the next control plane */
    replay = sim_connect(s.r, "other");
    join_with(&s, replay, 1, 9, 64, 1);
    expect_closed(replay, "this CallOffer was seen before");
    replay = sim_connect(s.r, "general");
    join_with(&s, replay, 1, 10, 64, 1);
    expect_message(replay, "CallAnswer", NULL);
    assert_int_equal(fake_plane_records_of(&s.r->plane, "replay/"), 2);
    harness_pass(s.h, 700 * CLOCK_SECOND);
    assert_int_equal(fake_plane_records_of(&s.r->plane, "replay/"), 0);
    scene_end(&s);
}

static void defect_14_two_at_the_same_time_are_one_too_many(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    s.r->hold_answers = true;
    struct fake_connection *x = sim_connect(s.r, "general"), *y = sim_connect(s.r, "general");
    join_with(&s, x, 1, 9, 64, 1);
    join_with(&s, y, 1, 9, 64, 1);
    s.r->hold_answers = false;
    harness_settle(s.h);
    expect_message(x, "CallAnswer", NULL);
    expect_closed(y, "this CallOffer was seen before");
    scene_end(&s);
}

static void test_aliases_are_bounded_and_clean(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    struct fake_connection *conn = sim_connect(s.r, "general");
    char signature[512];
    size_t at = 0;
    for (int i = 0; i < 64; i++)
        at += (size_t)snprintf(signature + at, sizeof(signature) - at, "%s1", i == 0 ? "" : ",");
    sim_sayf(s.r, conn,
             "{\"CallOffer\":{\"identity_pub\":%s,\"ephemeral_pub\":%s,\"signature\":[%s],"
             "\"supported_profiles\":[],\"alias\":\"evil\\u001b[2Jname\"}}",
             key_json(1), key_json(5), signature);
    expect_message(conn, "CallAnswer", NULL);
    expect_message(conn, "RoomUpdate", "\"alias\":null", NULL);
    scene_end(&s);
}

/* ---- call rooms ---- */

static void test_a_call_room_admits_its_two_phones_only(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    struct fake_connection *conn = phone_join(&s.a, "call-none");
    expect_closed(conn, "no such call");
    phone_offer(&s.a, s.b.name, "c1");
    conn = phone_join(&s.a, "call-c1"); /* nobody has answered */
    expect_closed(conn, "no such call");
    skip_messages(s.a.conn);
    skip_messages(s.b.conn);
    phone_answer(&s.b, "c1", "AcceptTrusted");
    struct fake_connection *x = phone_join(&s.a, "call-c1");
    struct fake_connection *y = phone_join(&s.b, "call-c1");
    struct fake_connection *z = phone_join(&s.third, "call-c1");
    expect_message(x, "CallAnswer", NULL);
    expect_message(y, "CallAnswer", NULL);
    expect_closed(z, "not a party of this call");
    expect_silence(z);
    assert_int_equal(core_gauges(s.r->core).sessions, 2);
    scene_end(&s);
}

static void defect_61_who_joins_again_replaces_his_own_zombie(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    phones_call(&s.a, &s.b, "c1");
    struct fake_connection *zombie = phone_join(&s.a, "call-c1");
    struct fake_connection *y = phone_join(&s.b, "call-c1");
    skip_messages(y);
    struct fake_connection *again = phone_join(&s.a, "call-c1");
    expect_message(again, "CallAnswer", NULL);
    expect_closed(zombie, "joined again elsewhere");
    expect_message(y, "RoomUpdate", "\"count\":2", NULL);
    expect_open(y);
    struct fake_connection *alone = phone_join(&s.b, "call-c1"); /* the last member, too */
    sim_hang(s.r, again);
    expect_closed(y, "joined again elsewhere");
    expect_open(alone);
    struct fake_connection *once_more = phone_join(&s.b, "call-c1");
    expect_closed(alone, "joined again elsewhere");
    expect_open(once_more);
    assert_string_equal(once_more->room, "call-c1");
    scene_end(&s);
}

static void defect_62_an_ended_call_empties_its_room(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    phones_call(&s.a, &s.b, "c1");
    struct fake_connection *x = phone_join(&s.a, "call-c1");
    struct fake_connection *y = phone_join(&s.b, "call-c1");
    phone_hangup(&s.a, "c1");
    struct fake_connection *late = phone_join(&s.a, "call-c1");
    expect_closed(late, "no such call");
    harness_pass(s.h, 3 * CLOCK_SECOND);
    expect_open(x);
    sim_adopt(s.r); /* the grace goes on */
    harness_pass(s.h, 3 * CLOCK_SECOND);
    expect_closed(x, "the call has ended");
    expect_closed(y, "the call has ended");
    assert_int_equal(s.r->plane.room_count, 0);
    scene_end(&s);
}

/* With a linked relay. */
static struct scene linked_scene_new(struct fake_connection **link)
{
    char yaml[512];
    snprintf(yaml, sizeof(yaml), "trusted:\n%s", harness_trusted(5, ""));
    struct scene s = scene_new(yaml);
    *link = puppet_link(s.r, 5, true);
    expect_open(*link);
    return s;
}

/* Whatever a peer says of a room of one relay, its media has no way in. */
static void defect_13_a_peer_is_not_heard_in_private_rooms(void **state)
{
    (void)state;
    struct fake_connection *link;
    struct scene s = linked_scene_new(&link);
    struct fake_connection *room = phone_join(&s.a, "kitchen");
    skip_messages(room);
    sim_say(s.r, link,
            "{\"GlobalRoomActive\":{\"room\":\"kitchen\",\"participants\":[{\"fingerprint\":"
            "\"f1\"}]}}");
    expect_silence(room);
    assert_int_equal(s.r->plane.route_count, 0);
    assert_int_equal(s.r->plane.room_count, 1);
    assert_int_equal(s.r->plane.rooms[0].hop_count, 0);
    sim_hang(s.r, room);
    scene_end(&s);
}

/* A call on one relay, and a peer that guesses its id. */
static void defect_13_a_peer_is_not_heard_in_calls_of_others(void **state)
{
    (void)state;
    struct fake_connection *link;
    struct scene s = linked_scene_new(&link);
    phones_call(&s.a, &s.b, "c1");
    phone_join(&s.a, "call-c1");
    sim_say(s.r, link, "{\"GlobalRoomActive\":{\"room\":\"call-c1\",\"participants\":[]}}");
    assert_int_equal(s.r->plane.route_count, 0);
    assert_int_equal(s.r->plane.rooms[0].hop_count, 0);
    phone_hangup(&s.a, "c1");
    scene_end(&s);
}

static void test_the_view_shows_rooms(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    assert_int_equal(view_count(core_view_rooms(s.r->core)), 0);
    phone_join(&s.a, "general");
    cJSON *view = core_view_rooms(s.r->core);
    const cJSON *o = cJSON_GetArrayItem(view, 0);
    assert_string_equal(cJSON_GetObjectItem(o, "name")->valuestring, "general");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(o, "members")), 1);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(o, "links")), 0);
    cJSON_Delete(view);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_hear_of_each_join_and_leave_in_order),
        cmocka_unit_test(defect_35_only_the_newest_room_update_waits),
        cmocka_unit_test(defect_54_rooms_limit_their_senders),
        cmocka_unit_test(defect_28_both_spellings_of_a_global_room_are_one),
        cmocka_unit_test(test_a_join_without_a_good_signature_is_refused),
        cmocka_unit_test(defect_14_a_join_cannot_be_replayed),
        cmocka_unit_test(defect_14_two_at_the_same_time_are_one_too_many),
        cmocka_unit_test(test_aliases_are_bounded_and_clean),
        cmocka_unit_test(test_a_call_room_admits_its_two_phones_only),
        cmocka_unit_test(defect_61_who_joins_again_replaces_his_own_zombie),
        cmocka_unit_test(defect_62_an_ended_call_empties_its_room),
        cmocka_unit_test(defect_13_a_peer_is_not_heard_in_private_rooms),
        cmocka_unit_test(defect_13_a_peer_is_not_heard_in_calls_of_others),
        cmocka_unit_test(test_the_view_shows_rooms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
