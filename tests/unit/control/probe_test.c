/* Probes: what relays measure and tell each other on `_probe`. */
#include "control/core/probe.h"
#include "harness.h"

#define ALICE "0123:4567:89ab:cdef:0123:4567:89ab:cdef"
#define UPDATE(names)                                                                              \
    "{\"PresenceUpdate\":{\"fingerprints\":[" names "],\"relay_addr\":\"192.0.2.7:4433\"}}"

static struct harness *make(struct relay **r)
{
    struct harness *h = harness_new();
    char yaml[512];
    snprintf(yaml, sizeof(yaml), "relay: { advertise: \"203.0.113.5:4433\" }\ntrusted:\n%s",
             harness_trusted(7, ""));
    *r = harness_relay(h, yaml);
    return h;
}

/* Of relay 7, with its certificate. */
static struct fake_connection *prober(struct relay *r)
{
    return sim_connect_from(r, "_probe", "192.0.2.7:50000", 0xa7);
}

static bool knows(struct relay *r, const char *name)
{
    cJSON *view = core_view_presence(r->core);
    char *text = cJSON_PrintUnformatted(view);
    bool found = strstr(text, name) != NULL;
    free(text);
    cJSON_Delete(view);
    return found;
}

/* Defect 16: a stranger learns nothing, and changes nothing; nor does an original, which has no
   certificate. */
static void defect_16_strangers_get_pong_only(void **state)
{
    (void)state;
    struct relay *r;
    struct harness *h = make(&r);
    struct caller a = phone_new(r, 1);
    struct fake_connection *strangers[] = {sim_connect(r, "_probe"),
                                           sim_connect_from(r, "_probe", "192.0.2.7:1", 0),
                                           sim_connect_from(r, "_probe", "192.0.2.7:1", 0x55)};
    for (size_t i = 0; i < 3; i++) {
        sim_say(r, strangers[i], UPDATE("\"" ALICE "\""));
        sim_sayf(r, strangers[i], "{\"RouteQuery\":{\"fingerprint\":\"%s\",\"ttl\":3}}", a.name);
        sim_say(r, strangers[i], "{\"Ping\":{\"timestamp_ms\":5}}");
        expect_message(strangers[i], "Pong", "5", NULL);
        expect_silence(strangers[i]);
        expect_open(strangers[i]);
    }
    assert_false(knows(r, ALICE));
    assert_int_equal(core_counters(r->core)->signals_unexpected, 6);
    harness_free(h);
}

/* Defect 67: our own address is told, what is told is kept by certificate, and expires. */
static void defect_67_lists_have_an_address_and_an_end(void **state)
{
    (void)state;
    struct relay *r;
    struct harness *h = make(&r);
    struct caller a = phone_new(r, 1);
    struct fake_connection *p = prober(r);
    sim_say(r, p, UPDATE("\"" ALICE "\",\"\",\"x\\u0001\""));
    expect_message(p, "PresenceUpdate", a.name, "\"relay_addr\":\"203.0.113.5:4433\"", NULL);
    assert_true(knows(r, ALICE));
    assert_int_equal(core_counters(r->core)->presence_refused, 2);
    sim_say(r, p, "{\"RouteQuery\":{\"fingerprint\":\"" ALICE "\",\"ttl\":0}}");
    expect_message(p, "RouteResponse", "\"found\":true",
                   "\"relay_chain\":[\"203.0.113.5:4433\",\"192.0.2.7:4433\"]}", NULL);
    sim_sayf(r, p, "{\"RouteQuery\":{\"fingerprint\":\"%s\",\"ttl\":0}}", a.name);
    expect_message(p, "RouteResponse", "\"relay_chain\":[\"203.0.113.5:4433\"]}", NULL);
    sim_say(r, p, "{\"RouteQuery\":{\"fingerprint\":\"nobody\",\"ttl\":0}}");
    expect_message(p, "RouteResponse", "\"found\":false,\"relay_chain\":[]}", NULL);
    harness_pass(h, 40 * CLOCK_SECOND);
    sim_adopt(r);
    assert_true(knows(r, ALICE));
    harness_pass(h, 6 * CLOCK_SECOND);
    assert_false(knows(r, ALICE));
    assert_int_equal(fake_plane_records_of(&r->plane, "said/"), 0);
    sim_say(r, p, UPDATE("\"" ALICE "\""));
    sim_say(r, p, UPDATE(""));
    assert_false(knows(r, ALICE));
    harness_free(h);
}

/* Defect 16: lists are capped, in and out. */
static void defect_16_lists_are_capped(void **state)
{
    (void)state;
    struct relay *r;
    struct harness *h = make(&r);
    struct buffer text = {0};
    buffer_append_string(&text, "{\"PresenceUpdate\":{\"relay_addr\":\"\",\"fingerprints\":[\"n\"");
    for (int i = 0; i < PROBE_NAMES_MAX + 4; i++)
        buffer_printf(&text, ",\"n%d\"", i);
    buffer_append_string(&text, "]}}");
    buffer_append_u8(&text, 0);
    struct fake_connection *p = prober(r);
    sim_say(r, p, (const char *)text.data);
    assert_int_equal(core_counters(r->core)->presence_refused, 5);
    assert_int_equal(view_count(core_view_presence(r->core)), PROBE_NAMES_MAX);
    buffer_free(&text);
    harness_free(h);
}

static void test_who_leaves_the_config_is_forgotten(void **state)
{
    (void)state;
    struct relay *r;
    struct harness *h = make(&r);
    sim_say(r, prober(r), UPDATE("\"" ALICE "\""));
    harness_configure(r, "relay: { name: alone }\n", true);
    assert_false(knows(r, ALICE));
    assert_int_equal(fake_plane_records_of(&r->plane, "said/"), 0);
    harness_free(h);
}

/* ---- targets ---- */

#define TARGET "probe_targets: [\"127.0.1.9:4433\"]\n"

static struct ipc_dial last_dial(const struct relay *r)
{
    assert_true(r->plane.dial_count > 0);
    return r->plane.dials[r->plane.dial_count - 1].dial;
}

/* The last dial is answered, by a relay with this certificate. */
static struct fake_connection *answer_dial(struct relay *r, int certificate)
{
    struct ipc_dial dial = last_dial(r);
    r->plane.dials[r->plane.dial_count - 1].done = true;
    return sim_dialed(r, &dial, certificate);
}

static char *probes(struct relay *r)
{
    cJSON *view = core_view_probes(r->core, r->harness->now);
    char *text = cJSON_PrintUnformatted(view);
    cJSON_Delete(view);
    return text;
}

static void expect_probes(struct relay *r, const char *part)
{
    char *text = probes(r);
    if (strstr(text, part) == NULL)
        fail_msg("no %s in %s", part, text);
    free(text);
}

static struct harness *make_target(struct relay **r)
{
    struct harness *h = harness_new();
    char yaml[512];
    snprintf(yaml, sizeof(yaml), TARGET "trusted:\n%s", harness_trusted(7, ""));
    h->hold_dials = true;
    *r = harness_relay(h, yaml);
    harness_pass(h, CLOCK_MS);
    return h;
}

static void pong(struct harness *h, struct relay *r, struct fake_connection *conn, uint64_t after)
{
    const char *text = conn->messages[conn->message_count - 1].text;
    unsigned long long stamp = strtoull(strpbrk(text, "0123456789"), NULL, 10);
    h->now += after;
    sim_sayf(r, conn, "{\"Pong\":{\"timestamp_ms\":%llu}}", stamp);
}

static void test_a_target_is_measured(void **state)
{
    (void)state;
    struct relay *r;
    struct harness *h = make_target(&r);
    expect_probes(r, "\"state\":\"down\"");
    struct ipc_dial dial = last_dial(r);
    assert_true(bytes_equal_string(dial.sni, "_probe"));
    assert_true(dial.present_certificate);
    assert_false(dial.pinned);
    struct fake_connection *t = answer_dial(r, 0x55);
    expect_message(t, "Ping", NULL);
    pong(h, r, t, 20 * CLOCK_MS);
    expect_probes(r, "\"state\":\"up\"");
    expect_probes(r, "\"rtt_ms\":20");
    expect_probes(r, "\"loss_pct\":0");
    harness_pass(h, 30 * CLOCK_SECOND);
    assert_in_range(t->message_count, 30, 32); /* one a second, and no list for a stranger */
    for (size_t i = 0; i < t->message_count; i++)
        assert_int_equal(strncmp(t->messages[i].text, "{\"Ping\"", 7), 0);
    sim_say(r, t, UPDATE("\"" ALICE "\""));
    assert_false(knows(r, ALICE));
    harness_free(h);
}

/* An original proves by its certificate who it is when we dial it: its list counts. */
static void test_a_proven_target_is_told_and_heard(void **state)
{
    (void)state;
    struct relay *r;
    struct harness *h = make_target(&r);
    struct caller a = phone_new(r, 1);
    struct fake_connection *t = answer_dial(r, 0xa7);
    harness_pass(h, 9500 * CLOCK_MS);
    size_t told = 0;
    for (size_t i = 0; i < t->message_count; i++)
        told += strstr(t->messages[i].text, a.name) != NULL;
    assert_int_equal(told, 1); /* with every tenth ping */
    sim_say(r, t, UPDATE("\"" ALICE "\""));
    assert_true(knows(r, ALICE));
    expect_probes(r, "\"label\":\"relay-7\"");
    harness_free(h);
}

/* Defect 41: backoff with jitter; after a connection that lasted it begins anew. */
static void defect_41_targets_are_dialed_with_backoff(void **state)
{
    (void)state;
    struct relay *r;
    struct harness *h = make_target(&r);
    h->hold_dials = false; /* nobody listens there */
    harness_settle(h);
    harness_pass(h, 300 * CLOCK_SECOND);
    assert_in_range(r->plane.dial_count, 8, 18);
    size_t before = r->plane.dial_count;
    harness_pass(h, 600 * CLOCK_SECOND);
    assert_in_range(r->plane.dial_count - before, 9, 22);
    char *text = probes(r);
    assert_null(strstr(text, "\"last_error\":null"));
    free(text);
    harness_free(h);
}

static void test_targets_survive_adoption(void **state)
{
    (void)state;
    struct relay *r;
    struct harness *h = make_target(&r);
    sim_adopt(r); /* the dial is under way */
    assert_int_equal(r->plane.dial_count, 1);
    struct fake_connection *t = answer_dial(r, 0x55);
    expect_message(t, "Ping", NULL);
    for (int i = 0; i < 5; i++) {
        harness_pass(h, CLOCK_SECOND);
        sim_adopt(r);
    }
    expect_open(t);
    assert_int_equal(r->plane.dial_count, 1);
    pong(h, r, t, CLOCK_MS); /* of a ping that it did not send itself */
    harness_pass(h, CLOCK_MS);
    pong(h, r, t, CLOCK_MS);
    expect_probes(r, "\"state\":\"up\"");
    sim_hang(r, t);
    sim_adopt(r);
    harness_pass(h, 2 * CLOCK_SECOND);
    assert_int_equal(r->plane.dial_count, 2);
    harness_free(h);
}

static void test_targets_come_and_go_with_the_config(void **state)
{
    (void)state;
    struct relay *r;
    struct harness *h = make_target(&r);
    struct fake_connection *t = answer_dial(r, 0x55);
    harness_configure(r, "probe_targets: [\"127.0.1.9:4433\", \"127.0.1.10:4433\"]\n", true);
    harness_pass(h, CLOCK_MS);
    expect_open(t);
    assert_int_equal(r->plane.dial_count, 2);
    harness_configure(r, "relay: { name: alone }\n", true);
    expect_closed(t, "no longer in the config");
    assert_int_equal(view_count(core_view_probes(r->core, h->now)), 0);
    assert_int_equal(fake_plane_records_of(&r->plane, "probe/"), 0);
    harness_free(h);
}

/* Defect 71: the config says where a target is named twice; nothing falls over. */
static void defect_71_a_target_twice(void **state)
{
    (void)state;
    static const char yaml[] = "probe_targets: [\"127.0.1.9:4433\", \"127.0.1.9:4433\"]\n";
    struct config config;
    struct config_errors errors = {0};
    assert_int_equal(config_load_text(bytes_of_string(yaml), "x", &config, &errors), ERR_SYNTAX);
    assert_int_equal(errors.count, 1);
    config_errors_free(&errors);
    config_free(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defect_16_strangers_get_pong_only),
        cmocka_unit_test(defect_67_lists_have_an_address_and_an_end),
        cmocka_unit_test(defect_16_lists_are_capped),
        cmocka_unit_test(test_who_leaves_the_config_is_forgotten),
        cmocka_unit_test(test_a_target_is_measured),
        cmocka_unit_test(test_a_proven_target_is_told_and_heard),
        cmocka_unit_test(defect_41_targets_are_dialed_with_backoff),
        cmocka_unit_test(test_targets_survive_adoption),
        cmocka_unit_test(test_targets_come_and_go_with_the_config),
        cmocka_unit_test(defect_71_a_target_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
