/*
 * Whoever adopts goes on exactly as its predecessor would have: the same script, once without and
 * several times with adoptions in the middle of it, ends in the same state of the data plane and
 * has sent the same messages, connection by connection.
 */
#include <inttypes.h>

#include "harness.h"

#define SLOTS 6
#define JOINS 64
#define STEPS 150
#define RECENT 4
#define SCRIPTS 12

struct script {
    struct harness *h;
    uint64_t random;
    struct caller phones[SLOTS];
    bool registered[SLOTS];
    struct fake_connection *joined[JOINS];
    struct relay *joined_at[JOINS];
    size_t join_count;
    struct fake_connection *original; /* a legacy relay, linked with relay 1 */
    unsigned calls;                   /* offers so far: names the next */
    unsigned caller[RECENT], callee[RECENT];
};

static unsigned pick(struct script *s, unsigned below)
{
    s->random = s->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(s->random >> 33) % below;
}

/* One of the last calls, or one that never was. */
static const char *an_id(struct script *s, unsigned *recent)
{
    static char id[16];
    *recent = pick(s, RECENT);
    snprintf(id, sizeof(id), "c%u", s->calls > *recent ? s->calls - *recent : 0);
    *recent = s->calls > *recent ? (s->calls - *recent) % RECENT : 0;
    return id;
}

static struct caller *a_phone(struct script *s)
{
    unsigned slot = pick(s, SLOTS);
    return s->registered[slot] ? &s->phones[slot] : NULL;
}

static void do_register(struct script *s)
{
    unsigned slot = pick(s, SLOTS);
    int signature = pick(s, 4) == 0 ? 1 : 0;
    struct relay *r = &s->h->relays[slot % 2];
    s->phones[slot] = phone_register_as(r, (int)slot + 1, signature, 0);
    s->registered[slot] = true;
}

static void do_offer(struct script *s)
{
    unsigned caller = pick(s, SLOTS), callee = pick(s, SLOTS);
    if (!s->registered[caller] || !s->registered[callee])
        return;
    s->calls += pick(s, 8) > 0; /* else an id that was used before */
    s->caller[s->calls % RECENT] = caller;
    s->callee[s->calls % RECENT] = callee;
    char id[16];
    snprintf(id, sizeof(id), "c%u", s->calls);
    phone_offer(&s->phones[caller], s->phones[callee].name, id);
}

/* Mostly a party of the call, else anybody. */
static struct caller *somebody(struct script *s, unsigned slot)
{
    if (pick(s, 6) == 0)
        slot = pick(s, SLOTS);
    return s->registered[slot] ? &s->phones[slot] : NULL;
}

static void do_answer(struct script *s)
{
    static const char *const modes[] = {"AcceptTrusted", "AcceptGeneric", "AcceptTrusted",
                                        "Reject"};
    unsigned recent;
    const char *id = an_id(s, &recent);
    struct caller *p = somebody(s, s->callee[recent]);
    const char *mode = modes[pick(s, 4)];
    if (p != NULL)
        phone_answer(p, id, mode);
}

static void do_hangup(struct script *s)
{
    unsigned recent;
    const char *id = an_id(s, &recent);
    bool named = pick(s, 3) > 0;
    struct caller *p = somebody(s, pick(s, 2) ? s->callee[recent] : s->caller[recent]);
    if (p != NULL)
        phone_hangup(p, named ? id : NULL);
}

static void do_join(struct script *s)
{
    char room[32];
    unsigned recent;
    const char *id = an_id(s, &recent);
    snprintf(room, sizeof(room), pick(s, 3) == 0 ? "general" : "call-%s", id);
    struct caller *p = somebody(s, pick(s, 2) ? s->callee[recent] : s->caller[recent]);
    if (p == NULL || s->join_count == JOINS)
        return;
    s->joined_at[s->join_count] = p->relay;
    s->joined[s->join_count++] = phone_join(p, room);
}

static void do_close(struct script *s)
{
    struct caller *p = a_phone(s);
    unsigned n = pick(s, JOINS);
    if (n < s->join_count)
        sim_hang(s->joined_at[n], s->joined[n]);
    else if (p != NULL && pick(s, 2) == 0)
        sim_hang(p->relay, p->conn);
}

static void do_time(struct script *s)
{
    static const unsigned seconds[] = {1, 1, 2, 4, 31, 65};
    harness_pass(s->h, seconds[pick(s, 6)] * CLOCK_SECOND);
}

static void do_lossy_cut(struct script *s)
{
    s->h->swallow = pick(s, 2) == 0;
    do_answer(s);
    do_hangup(s);
    do_offer(s);
    s->h->relays[0].down = s->h->relays[1].down = pick(s, 2) == 0;
    harness_cut(s->h, 0, 1);
    s->h->swallow = false;
    if (s->h->relays[0].down)
        harness_pass(s->h, 20 * CLOCK_SECOND);
    do_join(s);
    if (s->h->relays[0].down)
        harness_pass(s->h, 20 * CLOCK_SECOND);
    s->h->relays[0].down = s->h->relays[1].down = false;
}

static void do_original(struct script *s)
{
    unsigned what = pick(s, 4);
    unsigned recent;
    const char *id = an_id(s, &recent);
    if (s->original == NULL || !s->original->open) {
        s->original = sim_connect_from(&s->h->relays[1], "_federation", "192.0.2.7:4433", 0);
        sim_sayf(&s->h->relays[1], s->original,
                 "{\"FederationHello\":{\"tls_fingerprint\":\"%s\"}}", harness_fingerprint(9));
        return;
    }
    if (what == 0)
        sim_hang(&s->h->relays[1], s->original);
    else if (what == 1)
        sim_sayf(&s->h->relays[1], s->original,
                 "{\"FederatedSignalForward\":{\"inner\":{\"DirectCallAnswer\":{\"call_id\":\"%s\","
                 "\"accept_mode\":\"AcceptTrusted\"}},\"origin_relay_fp\":\"%s\"}}",
                 id, harness_fingerprint(9));
    else
        sim_sayf(&s->h->relays[1], s->original,
                 "{\"FederatedSignalForward\":{\"inner\":{\"Hangup\":{\"reason\":\"Busy\"}},"
                 "\"origin_relay_fp\":\"%s\"}}",
                 harness_fingerprint(9));
}

/* The rim is slow: answers wait, and so do the inputs behind them. */
static void do_hold(struct script *s)
{
    struct relay *r = &s->h->relays[pick(s, 2)];
    r->hold_answers = true;
    do_join(s);
    do_register(s);
    r->hold_answers = false;
    harness_settle(s->h);
}

static void step(struct script *s)
{
    static void (*const actions[])(struct script *) = {
        do_register, do_offer, do_offer, do_offer,  do_answer,   do_answer, do_answer,    do_answer,
        do_hangup,   do_join,  do_join,  do_join,   do_join,     do_close,  do_register,  do_time,
        do_time,     do_hold,  do_offer, do_answer, do_original, do_join,   do_lossy_cut,
    };
    actions[pick(s, sizeof(actions) / sizeof(actions[0]))](s);
}

static struct harness *make_world(void)
{
    char yaml[512];
    struct harness *h = harness_new();
    snprintf(yaml, sizeof(yaml), "peers:\n%sglobal_rooms: [general]\n", harness_peer(1, ""));
    harness_relay(h, yaml);
    snprintf(yaml, sizeof(yaml), "peers:\n%strusted:\n%s", harness_peer(0, ""),
             harness_trusted(9, ", legacy: true, address: \"192.0.2.7\""));
    harness_relay(h, yaml);
    return h;
}

/* `one_in`: it dies at one in so many steps, also in the middle of events; 0: it does not. */
static void run_script(unsigned number, size_t adopt_every, unsigned one_in, struct buffer *outcome)
{
    struct script s = {.h = make_world(), .random = number * 977 + 5};
    harness_pass(s.h, CLOCK_SECOND);
    s.h->adopt_every = adopt_every;
    for (unsigned i = 0; i < 2; i++)
        s.h->relays[i].deaths = (struct deaths){.one_in = one_in, .random = number * 2 + i};
    for (int i = 0; i < STEPS; i++)
        step(&s);
    harness_pass(s.h, 300 * CLOCK_SECOND);
    for (int i = 0; i < 2; i++) {
        buffer_printf(outcome, "== relay %d\n", i);
        fake_plane_print(&s.h->relays[i].plane, outcome);
        assert_int_equal(s.h->relays[i].plane.swept, 0);
    }
    harness_free(s.h);
}

/* Tells where two outcomes part, which is more use than that they do. */
static void expect_same(unsigned number, size_t every, const char *a, const char *b)
{
    while (*a != '\0' || *b != '\0') {
        size_t la = strcspn(a, "\n"), lb = strcspn(b, "\n");
        if (la != lb || memcmp(a, b, la) != 0)
            fail_msg("script %u, adopted before every %zu.: %.*s | %.*s", number, every, (int)la, a,
                     (int)lb, b);
        a += la + (a[la] == '\n');
        b += lb + (b[lb] == '\n');
    }
}

static void compare_scripts(const size_t every[], const unsigned one_in[], size_t count)
{
    for (unsigned number = 0; number < SCRIPTS; number++) {
        struct buffer plain = {0};
        run_script(number, 0, 0, &plain);
        buffer_append_u8(&plain, 0);
        for (size_t i = 0; i < count; i++) {
            struct buffer adopted = {0};
            run_script(number, every[i], one_in[i], &adopted);
            buffer_append_u8(&adopted, 0);
            expect_same(number, every[i] + one_in[i], (const char *)plain.data,
                        (const char *)adopted.data);
            buffer_free(&adopted);
        }
        buffer_free(&plain);
    }
}

static void test_adoption_changes_nothing(void **state)
{
    (void)state;
    static const size_t every[] = {1, 2, 3, 7, 19};
    static const unsigned never[] = {0, 0, 0, 0, 0};
    compare_scripts(every, never, sizeof(every) / sizeof(every[0]));
}

static void test_deaths_in_the_middle_of_events_change_nothing(void **state)
{
    (void)state;
    static const size_t never[] = {0, 0, 0, 0};
    static const unsigned one_in[] = {2, 3, 7, 19};
    compare_scripts(never, one_in, sizeof(one_in) / sizeof(one_in[0]));
}

/* ---- what must not be believed ---- */

static void corrupt(struct fake_record *record, struct script *s)
{
    if (record->len == 0)
        return;
    switch (pick(s, 3)) {
    case 0:
        record->value[pick(s, (unsigned)record->len)] ^= (uint8_t)(1 + pick(s, 255));
        break;
    case 1:
        record->len = pick(s, (unsigned)record->len);
        break;
    default:
        record->value[0] = 0x7f; /* a version from the future */
    }
}

static void test_records_that_make_no_sense_do_no_harm(void **state)
{
    (void)state;
    for (unsigned number = 0; number < 60; number++) {
        struct script s = {.h = make_world(), .random = number};
        harness_pass(s.h, CLOCK_SECOND);
        for (int i = 0; i < 60; i++)
            step(&s);
        for (int i = 0; i < 2; i++) {
            struct relay *r = &s.h->relays[i];
            r->plane.lenient = true;
            for (size_t k = 0; k < r->plane.record_count; k++) {
                if (pick(&s, 4) == 0)
                    corrupt(&r->plane.records[k], &s);
            }
            sim_adopt(r);
        }
        harness_settle(s.h);
        for (int i = 0; i < 30; i++)
            step(&s);
        harness_free(s.h);
    }
}

/* What a release before this one wrote: without `count` bytes that `behind` bytes follow. */
static void make_older(struct relay *r, const char *key, uint8_t version, size_t count,
                       size_t behind)
{
    for (size_t i = 0; i < r->plane.record_count; i++) {
        struct fake_record *record = &r->plane.records[i];
        if (strcmp(record->key, key) != 0)
            continue;
        assert_int_equal(record->value[0], version + 1);
        record->value[0] = version;
        record->len -= count;
        memmove(record->value + record->len - behind, record->value + record->len + count - behind,
                behind);
        return;
    }
    fail();
}

static void test_a_link_and_a_call_of_the_release_before_go_on(void **state)
{
    (void)state;
    struct harness *h = harness_linked_pair();
    struct relay *r = &h->relays[0];
    struct caller a = phone_new(r, 1), b = phone_new(&h->relays[1], 2);
    phones_call(&a, &b, "c1");
    struct fake_connection *link = sim_link_connection(r, 1);
    char key[32];
    snprintf(key, sizeof(key), "connection/%016" PRIx64, link->facts.connection);
    make_older(r, key, 2, 8, 0);       /* start */
    make_older(r, key, 1, 5, 0);       /* hops, accepts_forwarded */
    make_older(r, "call/c1", 2, 5, 8); /* round, severed; the two bodies are empty */
    sim_adopt(r);
    harness_settle(h);
    expect_open(link);
    assert_int_equal(core_gauges(r->core).links, 1);
    assert_int_equal(core_gauges(r->core).calls, 1);
    phone_hangup(&a, "c1");
    expect_message(b.conn, "Hangup", "c1", NULL);
    harness_free(h);
}

static void test_what_nobody_claims_is_swept_by_name(void **state)
{
    (void)state;
    struct harness *h = harness_linked_pair();
    struct relay *r = &h->relays[0];
    struct caller a = phone_new(r, 1), b = phone_new(&h->relays[1], 2);
    phones_call(&a, &b, "c1");
    struct fake_plane *p = &r->plane;
    p->rooms[p->room_count++] = (struct fake_room){.name = "call-stale"};
    p->routes[p->route_count] = p->routes[0];
    p->routes[p->route_count++].tag.bytes[0] ^= 1;
    memcpy(p->routes[1].room, "call-stale", 11);
    size_t records = p->record_count;
    sim_adopt(r);
    assert_int_equal(p->swept, 2);
    assert_int_equal(p->room_count, 1);
    assert_int_equal(p->route_count, 1);
    assert_string_equal(p->routes[0].room, "call-c1");
    assert_int_equal(p->record_count, records);
    assert_int_equal(p->settings.max_phones, r->config.relay.max_phones);
    harness_free(h);
}

static void test_a_deadline_that_passed_meanwhile_is_acted_on(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct caller a = phone_new(r, 1), b = phone_new(r, 2);
    phone_offer(&a, b.name, "c1");
    expect_message(a.conn, "CallRinging", NULL);
    skip_messages(b.conn);
    h->now += 100 * CLOCK_SECOND; /* nobody was there */
    sim_adopt(r);
    assert_true(core_deadline(r->core) <= h->now);
    harness_pass(h, 0);
    expect_message(a.conn, "Hangup", "Timeout", NULL);
    expect_message(b.conn, "Hangup", "Timeout", NULL);
    harness_free(h);
}

static void test_greetings_have_their_time_again(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct fake_connection *conn = sim_connect(r, "_signal");
    h->now += 100 * CLOCK_SECOND;
    sim_adopt(r);
    harness_pass(h, 9 * CLOCK_SECOND);
    expect_open(conn);
    harness_pass(h, 2 * CLOCK_SECOND);
    expect_closed(conn, "no greeting in time");
    harness_free(h);
}

static void test_a_connection_that_closed_meanwhile_ends_its_calls(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct caller a = phone_new(r, 1), b = phone_new(r, 2);
    phones_call(&a, &b, "c1");
    h->adopt_every = 1; /* the close arrives at the next control plane */
    sim_hang(r, a.conn);
    h->adopt_every = 0;
    expect_message(b.conn, "Hangup", "c1", NULL);
    expect_nothing_left(r);
    harness_free(h);
}

static void test_another_life_of_the_data_plane_knows_nothing(void **state)
{
    (void)state;
    struct harness *h = harness_linked_pair();
    struct relay *r = &h->relays[0];
    struct caller a = phone_new(r, 1);
    phone_offer(&a, a.name, "c1");
    harness_cut(h, 0, 1);
    sim_restart(r);
    assert_int_equal(core_gauges(r->core).phones, 0);
    harness_pass(h, CLOCK_SECOND); /* and it dials at once */
    assert_int_equal(core_gauges(r->core).links, 1);
    harness_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_that_make_no_sense_do_no_harm),
        cmocka_unit_test(test_a_link_and_a_call_of_the_release_before_go_on),
        cmocka_unit_test(test_what_nobody_claims_is_swept_by_name),
        cmocka_unit_test(test_a_deadline_that_passed_meanwhile_is_acted_on),
        cmocka_unit_test(test_greetings_have_their_time_again),
        cmocka_unit_test(test_a_connection_that_closed_meanwhile_ends_its_calls),
        cmocka_unit_test(test_another_life_of_the_data_plane_knows_nothing),
        cmocka_unit_test(test_adoption_changes_nothing),
        cmocka_unit_test(test_deaths_in_the_middle_of_events_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
