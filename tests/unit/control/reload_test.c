/*
 * A new config for a running relay: what changes, and above all what does not.
 */
#include "common/room.h"
#include "mesh.h"
#include "outcome.h"

#define REMOTE "1111:1111:1111:1111:1111:1111:1111:1111"

static const char *peers_with(const char *entries)
{
    static char yaml[2048];
    snprintf(yaml, sizeof(yaml), "peers:\n%s", entries);
    return yaml;
}

static const char *trusted_with(const char *entries)
{
    static char yaml[2048];
    snprintf(yaml, sizeof(yaml), "trusted:\n%s", entries);
    return yaml;
}

static cJSON *peer_view(struct relay *r, const char *label)
{
    cJSON *view = core_view_peers(r->core, r->harness->now), *o, *found = NULL;
    cJSON_ArrayForEach(o, view)
    {
        if (strcmp(cJSON_GetObjectItem(o, "label")->valuestring, label) == 0)
            found = cJSON_Duplicate(o, true);
    }
    cJSON_Delete(view);
    return found;
}

static void expect_state(struct relay *r, const char *label, const char *state)
{
    cJSON *o = peer_view(r, label);
    if (state == NULL) {
        assert_null(o);
        return;
    }
    assert_non_null(o);
    assert_string_equal(cJSON_GetObjectItem(o, "state")->valuestring, state);
    cJSON_Delete(o);
}

/* ---- what the data plane is told ---- */

static void test_settings_reach_the_data_plane(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "limits: { address_connections: 5 }\n");
    assert_int_equal(r->plane.settings.address_connections, 5);
    harness_configure(r,
                      "limits: { address_connections: 6, signal_bytes: 4096 }\n"
                      "log: { level: debug }\nrelay: { max_phones: 7, max_sessions: 8 }\n",
                      true);
    assert_int_equal(r->plane.settings.address_connections, 6);
    assert_int_equal(r->plane.settings.signal_bytes, 4096);
    assert_int_equal(r->plane.settings.log_level, LOG_DEBUG);
    assert_int_equal(r->plane.settings.max_phones, 7);
    assert_int_equal(r->plane.settings.max_sessions, 8);
    r->plane.settings = (struct ipc_settings){0};
    sim_adopt(r); /* whoever adopts says it again */
    assert_int_equal(r->plane.settings.address_connections, 6);
    harness_free(h);
}

static void rates_change(bool tell)
{
    struct harness *h = harness_linked_pair();
    struct relay *ra = &h->relays[0], *rb = &h->relays[1];
    struct caller a = phone_new(ra, 1), b = phone_new(rb, 2);
    struct fake_connection *lobby = phone_join(&a, "lobby");
    phones_call(&a, &b, "c1");
    assert_int_equal(ra->plane.room_count, 2);
    assert_int_equal(ra->plane.rooms[0].pps, 2000);
    assert_int_equal(ra->plane.routes[0].pps, 4000);
    char yaml[1024];
    snprintf(yaml, sizeof(yaml),
             "peers:\n%slimits: { participant_pps: 9, federation_room_pps: 10 }\n",
             harness_peer(1, ""));
    harness_configure(ra, yaml, tell);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(ra->plane.rooms[i].pps, 9);
    assert_int_equal(ra->plane.routes[0].pps, 10);
    assert_int_equal(ra->plane.room_count, 2);
    assert_int_equal(ra->plane.rooms[0].hop_count + ra->plane.rooms[1].hop_count, 1);
    assert_string_equal(lobby->room, "lobby");
    expect_silence(a.conn);
    harness_free(h);
}

static void test_rates_reach_rooms_and_routes(void **state)
{
    (void)state;
    rates_change(true);
    rates_change(false); /* also those of a config that changed while nobody looked */
}

static void test_nothing_changes_without_a_change(void **state)
{
    (void)state;
    struct harness *h = harness_linked_pair();
    struct relay *ra = &h->relays[0];
    struct caller a = phone_new(ra, 1), b = phone_new(&h->relays[1], 2);
    phones_call(&a, &b, "c1");
    harness_pass(h, CLOCK_SECOND);
    struct buffer before = {0}, after = {0};
    fake_plane_print(&ra->plane, &before);
    harness_configure(ra, peers_with(harness_peer(1, "")), true);
    harness_pass(h, 10 * CLOCK_SECOND);
    fake_plane_print(&ra->plane, &after);
    assert_true(bytes_equal(buffer_view(&before), buffer_view(&after)));
    buffer_free(&before);
    buffer_free(&after);
    harness_free(h);
}

/* ---- relays come and go ---- */

static void test_a_new_peer_is_dialed_at_once(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    harness_relay(h, trusted_with(harness_trusted(0, "")));
    assert_int_equal(r->plane.dial_count, 0);
    harness_configure(r, peers_with(harness_peer(1, "")), true);
    harness_pass(h, CLOCK_MS);
    expect_state(r, "relay-1", "linked");
    harness_free(h);
}

static void test_a_new_trusted_relay_is_let_in(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct fake_connection *early = puppet_link(r, 5, true);
    expect_closed(early, "unknown relay");
    harness_configure(r, trusted_with(harness_trusted(5, "")), true);
    puppet_link(r, 5, true);
    expect_state(r, "relay-5", "linked");
    harness_free(h);
}

static void test_a_removed_peer_loses_link_and_calls(void **state)
{
    (void)state;
    struct harness *h = harness_linked_pair();
    struct relay *ra = &h->relays[0], *rb = &h->relays[1];
    struct caller a = phone_new(ra, 1), b = phone_new(rb, 2), c = phone_new(ra, 3);
    phones_call(&a, &b, "c1");
    phones_call(&a, &c, "c2");
    struct fake_connection *link = sim_link_connection(ra, 1);
    harness_configure(ra, "", true);
    expect_message(a.conn, "Hangup", "\"call_id\":\"c1\"", "Error", NULL);
    expect_message(b.conn, "Hangup", "\"call_id\":\"c1\"", "Error", NULL);
    expect_silence(a.conn); /* the call on this relay goes on */
    expect_silence(c.conn);
    expect_closed(link, "no longer in the config");
    expect_state(ra, "relay-1", NULL);
    assert_int_equal(fake_plane_records_of(&ra->plane, "peer/"), 0);
    assert_int_equal(fake_plane_records_of(&ra->plane, "call/"), 1);
    assert_int_equal(ra->plane.route_count, 0);
    size_t dials = ra->plane.dial_count;
    harness_pass(h, 300 * CLOCK_SECOND);
    assert_int_equal(ra->plane.dial_count, dials);
    phone_hangup(&a, "c2");
    expect_nothing_left(ra);
    harness_free(h);
}

static void test_an_offer_is_withdrawn_from_a_removed_peer(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    char both[1024];
    snprintf(both, sizeof(both), "trusted:\n%s%s", harness_trusted(5, ""), harness_trusted(6, ""));
    struct relay *r = harness_relay(h, both);
    struct caller a = phone_new(r, 1);
    struct fake_connection *five = puppet_link(r, 5, true), *six = puppet_link(r, 6, true);
    phone_offer(&a, REMOTE, "c1");
    expect_message(five, "FederatedSignalForward", "DirectCallOffer", NULL);
    expect_message(six, "FederatedSignalForward", "DirectCallOffer", NULL);
    harness_configure(r, trusted_with(harness_trusted(6, "")), true);
    expect_message(five, "FederatedSignalForward", "Hangup", "c1", NULL);
    expect_closed(five, "no longer in the config");
    expect_silence(six);
    expect_silence(a.conn); /* the other may have the callee */
    harness_configure(r, "", true);
    expect_message(six, "FederatedSignalForward", "Hangup", "c1", NULL);
    expect_message(a.conn, "Hangup", "c1", NULL);
    harness_free(h);
}

/* The config changed while no control plane was there. */
static void test_a_peer_removed_meanwhile_is_not_adopted(void **state)
{
    (void)state;
    struct harness *h = harness_linked_pair();
    struct relay *ra = &h->relays[0];
    struct caller a = phone_new(ra, 1), b = phone_new(&h->relays[1], 2);
    phones_call(&a, &b, "c1");
    struct fake_connection *link = sim_link_connection(ra, 1);
    harness_configure(ra, "", false);
    harness_settle(h);
    assert_true(link->closing);
    expect_message(a.conn, "Hangup", "\"call_id\":\"c1\"", NULL);
    assert_int_equal(ra->plane.route_count, 0);
    assert_int_equal(fake_plane_records_of(&ra->plane, "peer/"), 0);
    harness_free(h);
}

/* ---- relays that change ---- */

static void test_label_and_delegate_keep_the_link(void **state)
{
    (void)state;
    struct harness *h = harness_linked_pair();
    struct relay *ra = &h->relays[0];
    char entry[512];
    snprintf(
        entry, sizeof(entry),
        "  - { address: \"127.0.1.2:4433\", fingerprint: \"%s\", label: other, delegate: true }\n",
        harness_fingerprint(1));
    struct fake_connection *link = sim_link_connection(ra, 1);
    harness_configure(ra, peers_with(entry), true);
    expect_open(link);
    expect_state(ra, "other", "linked");
    expect_state(ra, "relay-1", NULL);
    harness_free(h);
}

static void test_a_new_address_keeps_the_link_and_is_dialed_without_one(void **state)
{
    (void)state;
    struct harness *h = harness_linked_pair();
    struct relay *ra = &h->relays[0];
    char entry[512];
    snprintf(entry, sizeof(entry),
             "  - { address: \"127.0.1.99:4433\", fingerprint: \"%s\", label: relay-1 }\n",
             harness_fingerprint(1));
    struct fake_connection *link = sim_link_connection(ra, 1);
    size_t dials = ra->plane.dial_count;
    harness_configure(ra, peers_with(entry), true);
    expect_open(link);
    assert_int_equal(ra->plane.dial_count, dials);
    harness_cut(h, 0, 1);
    harness_pass(h, 30 * CLOCK_SECOND);
    expect_state(ra, "relay-1", "waiting"); /* nobody is there; it backs off */
    dials = ra->plane.dial_count;
    harness_configure(ra, peers_with(harness_peer(1, "")), true);
    harness_pass(h, CLOCK_MS);
    assert_int_equal(ra->plane.dial_count, dials + 1);
    expect_state(ra, "relay-1", "linked");
    harness_free(h);
}

static void test_legacy_taken_back_ends_an_originals_link(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    const char *legacy = ", legacy: true, address: \"192.0.2.7\"";
    struct relay *r = harness_relay(h, trusted_with(harness_trusted(7, legacy)));
    struct fake_connection *conn = puppet_link(r, 7, false);
    expect_state(r, "relay-7", "linked");
    harness_configure(r, trusted_with(harness_trusted(7, ", address: \"192.0.2.7\"")), true);
    expect_closed(conn, "not admitted by the new config");
    expect_state(r, "relay-7", "absent");
    harness_free(h);
}

static void test_legacy_does_not_touch_a_relay_of_ours(void **state)
{
    (void)state;
    struct harness *h = harness_linked_pair();
    struct relay *ra = &h->relays[0];
    struct fake_connection *link = sim_link_connection(ra, 1);
    harness_configure(ra, peers_with(harness_peer(1, ", legacy: true")), true);
    harness_configure(ra, peers_with(harness_peer(1, "")), true);
    expect_open(link);
    expect_state(ra, "relay-1", "linked");
    harness_free(h);
}

static void test_another_source_address_ends_the_link(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, trusted_with(harness_trusted(5, "")));
    struct fake_connection *conn = puppet_link(r, 5, true);
    harness_configure(r, trusted_with(harness_trusted(5, ", address: \"192.0.2.5\"")), true);
    expect_open(conn);
    harness_configure(r, trusted_with(harness_trusted(5, ", address: \"192.0.2.6\"")), true);
    expect_closed(conn, "not admitted by the new config");
    harness_free(h);
}

static void test_a_peer_may_become_one_that_only_dials_us(void **state)
{
    (void)state;
    struct harness *h = harness_linked_pair();
    struct relay *ra = &h->relays[0];
    struct fake_connection *link = sim_link_connection(ra, 1);
    harness_configure(ra, trusted_with(harness_trusted(1, "")), true);
    expect_open(link);
    harness_cut(h, 0, 1);
    size_t dials = ra->plane.dial_count;
    harness_pass(h, 100 * CLOCK_SECOND);
    assert_int_equal(ra->plane.dial_count, dials);
    expect_state(ra, "relay-1", "absent");
    harness_free(h);
}

/* ---- rooms ---- */

static void become_global(bool tell)
{
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct caller a = phone_new(r, 1), b = phone_new(r, 2), c = phone_new(r, 3);
    char hashed[ROOM_HASHED_SIZE];
    assert_int_equal(room_hashed_name(BYTES_LITERAL("general"), hashed), 0);
    struct fake_connection *ma = phone_join(&a, "general");
    struct fake_connection *mb = phone_join(&b, hashed), *mc = phone_join(&c, hashed);
    struct fake_connection *late = sim_connect(r, hashed);
    assert_string_equal(mb->room, hashed);
    skip_messages(ma);
    skip_messages(mb);
    harness_configure(r, "global_rooms: [general]\n", tell);
    assert_string_equal(mb->room, "general");
    assert_string_equal(mc->room, "general");
    expect_message(ma, "RoomUpdate", "\"count\":3", a.name, b.name, c.name, NULL);
    expect_message(mb, "RoomUpdate", "\"count\":3", NULL);
    expect_open(mb);
    assert_int_equal(r->plane.room_count, 1);
    sim_adopt(r); /* the records say the same */
    assert_int_equal(r->plane.room_count, 1);
    /* A signature is 64 numbers, two keys long. */
    const char *half = key_json(1);
    int inner = (int)strlen(half) - 2;
    sim_sayf(r, late,
             "{\"CallOffer\":{\"identity_pub\":%s,\"ephemeral_pub\":%s,\"signature\":[%.*s,%.*s],"
             "\"supported_profiles\":[]}}",
             key_json(4), key_json(44), inner, half + 1, inner, half + 1);
    assert_string_equal(late->room, "general");
    harness_free(h);
}

static void test_both_spellings_of_a_room_meet_when_it_becomes_global(void **state)
{
    (void)state;
    become_global(true);
    become_global(false);
}

/* ---- without a data plane ---- */

static void test_a_reload_before_the_first_adoption(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    harness_relay(h, trusted_with(harness_trusted(0, "")));
    core_adopting(r->core, 1);
    size_t transactions = r->plane.transactions;
    harness_configure(r, peers_with(harness_peer(1, "")), true);
    harness_configure(r, "", true);
    harness_configure(r, peers_with(harness_peer(1, "")), true);
    assert_int_equal(r->plane.transactions, transactions);
    core_adopted(r->core, h->now);
    harness_pass(h, CLOCK_MS);
    expect_state(r, "relay-1", "linked");
    harness_free(h);
}

/* ---- the same, whether it is reloaded or read by the next control plane ---- */

#define MORE ", delegate: true"
#define GENERAL "global_rooms: [general]\n"
#define FOUR_HOPS "limits: { federation_hops: 4 }\n"

/* Of relay 1 in a chain of four; with change -1 as in the beginning. */
static void change_config(int change, char *yaml, size_t size)
{
    const char *trusted = harness_trusted(0, change == 2 ? "" : MORE);
    const char *peer = harness_peer(2, change == 3 ? "" : MORE);
    snprintf(yaml, size, "%s%s%s%s%s%s", change == 4 ? "" : GENERAL,
             change == 5 ? "limits: { federation_hops: 1 }\n" : FOUR_HOPS,
             change == 0 ? "" : "trusted:\n", change == 0 ? "" : trusted,
             change == 1 ? "" : "peers:\n", change == 1 ? "" : peer);
}
#define CHANGES 6

static void read_config(struct harness *h, int change, bool tell)
{
    char yaml[1024];
    change_config(change, yaml, sizeof(yaml));
    harness_configure(&h->relays[1], yaml, tell);
    harness_settle(h);
    harness_pass(h, 70 * CLOCK_SECOND); /* also until somebody dials again */
}

/* `back`: it is as in the beginning again. */
static void live_through(int change, bool back, bool tell, struct buffer *out)
{
    static const struct mesh_edge chain[] = {{0, 1}, {1, 2}, {2, 3}};
    struct harness *h = mesh_new(4, chain, 3, 4, true);
    for (int i = 0; i < 4; i++)
        mesh_enter(h, i, i + 1, "general");
    harness_pass(h, 5 * CLOCK_SECOND);
    read_config(h, change, tell || back);
    if (back) {
        read_config(h, -1, tell);
        mesh_expect_all_hear(h, 0xf);
    }
    for (int i = 0; i < 4; i++) {
        buffer_printf(out, "== change %d, relay %d\n", change, i);
        outcome_print(&h->relays[i], out);
    }
    buffer_append_u8(out, 0);
    harness_free(h);
}

static void expect_same_either_way(int change, bool back)
{
    struct buffer told = {0}, adopted = {0};
    live_through(change, back, true, &told);
    live_through(change, back, false, &adopted);
    assert_true(outcome_same((const char *)told.data, (const char *)adopted.data));
    buffer_free(&told);
    buffer_free(&adopted);
}

static void test_what_is_read_at_adoption_counts_like_a_reload(void **state)
{
    (void)state;
    for (int change = 0; change < CHANGES; change++) {
        expect_same_either_way(change, false);
        expect_same_either_way(change, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings_reach_the_data_plane),
        cmocka_unit_test(test_rates_reach_rooms_and_routes),
        cmocka_unit_test(test_nothing_changes_without_a_change),
        cmocka_unit_test(test_a_new_peer_is_dialed_at_once),
        cmocka_unit_test(test_a_new_trusted_relay_is_let_in),
        cmocka_unit_test(test_a_removed_peer_loses_link_and_calls),
        cmocka_unit_test(test_an_offer_is_withdrawn_from_a_removed_peer),
        cmocka_unit_test(test_a_peer_removed_meanwhile_is_not_adopted),
        cmocka_unit_test(test_label_and_delegate_keep_the_link),
        cmocka_unit_test(test_a_new_address_keeps_the_link_and_is_dialed_without_one),
        cmocka_unit_test(test_legacy_taken_back_ends_an_originals_link),
        cmocka_unit_test(test_legacy_does_not_touch_a_relay_of_ours),
        cmocka_unit_test(test_another_source_address_ends_the_link),
        cmocka_unit_test(test_a_peer_may_become_one_that_only_dials_us),
        cmocka_unit_test(test_both_spellings_of_a_room_meet_when_it_becomes_global),
        cmocka_unit_test(test_a_reload_before_the_first_adoption),
        cmocka_unit_test(test_what_is_read_at_adoption_counts_like_a_reload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
