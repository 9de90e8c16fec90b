/*
 * A control plane dies at any point of any flow, and nobody notices. Each flow is played once
 * without a death; the steps that the control planes take in it are its kill points: before an
 * event (an input, an answer of the rim, a timer), before a transaction reaches the data plane, and
 * after it was committed, when nobody heard of that. Then it is played again for each of them, and
 * again for two deaths.
 *
 * Compared are everything that phones and peers were sent, message by message, and what is there in
 * the middle and at the end: connections, records, rooms, routes, dials, and what operators see.
 * - If the successor adopts at once, nothing may differ, not a byte of a record.
 * - If the relay is headless for a while, records hold other times, and are compared by name only.
 *   What phones are sent may not differ; nor what peers are, but for one message: is_no_news.
 */
#include "deaths.h"
#include "flows.h"

#define HEADLESS CLOCK_SECOND
#define APART_MAX 3 /* steps from one death to the next */
/* Of the kill points and seeds one in so many is taken: sanitizers are ten times as slow. */
#ifdef __SANITIZE_ADDRESS__
#define THIN 6
#else
#define THIN 1
#endif
#define SEEDS (30 / THIN)

/* Length of what is compared of a line. */
static size_t compared(const char *line, size_t len, bool exact)
{
    if (exact || strncmp(line, "record ", 7) != 0)
        return len;
    const char *space = memchr(line + 7, ' ', len - 7);
    return space == NULL ? len : (size_t)(space - line);
}

static bool same_line(const char *a, size_t la, const char *b, size_t lb, bool exact)
{
    la = compared(a, la, exact);
    lb = compared(b, lb, exact);
    return la == lb && memcmp(a, b, la) == 0;
}

/*
 * Messages on different connections have no order. One that a peer sends about a call can thus be
 * handled before or after the phone's hang-up that waited with it; after it, it is answered by a
 * Hangup for a call that is over there too, which is no news to the peer.
 */
static bool is_no_news(const char *line, size_t len)
{
    static const char forward[] = "  {\"FederatedSignalForward\":{\"inner\":{\"Hangup\":";
    static const char by_relay[] = "\"chappe\":{\"by\":\"relay\"}";
    return len > sizeof(forward) && strncmp(line, forward, sizeof(forward) - 1) == 0 &&
           memmem(line, len, by_relay, sizeof(by_relay) - 1) != NULL;
}

/* In how many parts, and before or after what, depends on the time; what it comes to is in view. */
static bool is_presence(const char *line)
{
    static const char update[] = "  {\"PresenceUpdate\":";
    return strncmp(line, update, sizeof(update) - 1) == 0;
}

static const char *skip_no_news(const char *line, bool exact)
{
    size_t len = strcspn(line, "\n");
    while (!exact && (is_no_news(line, len) || is_presence(line))) {
        line += len + (line[len] == '\n');
        len = strcspn(line, "\n");
    }
    return line;
}

static void describe(const struct flow_run *run)
{
    print_error("%s, relays: %d:", run->flow->name, run->relays);
    deaths_describe(run->deaths);
}

static void expect_same(const struct flow_run *run, const char *a, const char *b, bool exact)
{
    const char *heading = a;
    for (;;) {
        a = skip_no_news(a, exact);
        b = skip_no_news(b, exact);
        if (*a == '\0' && *b == '\0')
            break;
        size_t la = strcspn(a, "\n"), lb = strcspn(b, "\n");
        if (strncmp(a, "==", 2) == 0)
            heading = a;
        if (!same_line(a, la, b, lb, exact)) {
            describe(run);
            fail_msg("%.*s\n without: %.400s\n with:    %.400s", (int)strcspn(heading, "\n"),
                     heading, a, b);
        }
        a += la + (a[la] == '\n');
        b += lb + (b[lb] == '\n');
    }
}

/* A flow, and how it looks if nobody dies. */
struct trial {
    struct flow_run run;
    struct buffer plain;
};

static size_t play_and_compare(void *context, const struct deaths of[HARNESS_RELAYS_MAX])
{
    struct trial *t = context;
    struct buffer seen = {0};
    size_t steps[HARNESS_RELAYS_MAX], died;
    memcpy(t->run.deaths, of, sizeof(t->run.deaths));
    if (getenv("KILL_TEST_VERBOSE") != NULL)
        describe(&t->run);
    flow_play(&t->run, &seen, steps, &died);
    assert_true(died > 0 || of[0].one_in != 0);
    expect_same(&t->run, (const char *)t->plain.data, (const char *)seen.data, t->run.rest == 0);
    buffer_free(&seen);
    return died;
}

typedef void variation(struct deaths_of *d);

static bool makes_sense(const struct flow *flow, int relays)
{
    return relays == 1 ? flow->one : relays == 2 ? flow->two : flow->chain;
}

/* On 1, 2 or 4 relays, up to `max`. */
static void each_flow(const char *what, uint64_t headless, int max, variation *vary)
{
    struct deaths_of d = {.headless = headless, .thin = THIN, .try = play_and_compare};
    for (size_t i = 0; i < flow_count; i++) {
        for (int relays = 1; relays <= max; relays *= 2) {
            struct trial t = {{.flow = &flows[i], .relays = relays, .rest = 2 * headless}, {0}};
            size_t died;
            if (!makes_sense(&flows[i], relays) || (headless > 0 && flow_federates(&flows[i])))
                continue;
            flow_play(&t.run, &t.plain, d.steps, &died);
            assert_int_equal(died, 0);
            d.relays = relays;
            d.context = &t;
            vary(&d);
            buffer_free(&t.plain);
        }
    }
    print_message("%s: %zu runs, %zu deaths\n", what, d.tried, d.died);
}

static void test_one_death_at_each_step(void **state)
{
    (void)state;
    each_flow("one death", 0, 4, deaths_once);
}

static void test_one_death_at_each_step_and_headless_for_a_while(void **state)
{
    (void)state;
    each_flow("one death, headless", HEADLESS, 4, deaths_once);
}

static void die_twice(struct deaths_of *d)
{
    deaths_twice(d, APART_MAX);
}

static void test_two_deaths_the_second_soon(void **state)
{
    (void)state;
    each_flow("two deaths", 0, 2, die_twice);
}

static void die_at_random(struct deaths_of *d)
{
    deaths_at_random(d, SEEDS);
}

static void test_deaths_of_all_at_random(void **state)
{
    (void)state;
    each_flow("deaths at random", 0, 4, die_at_random);
}

/* ---- time goes on without a control plane ---- */

static struct relay *ring_and_die(struct harness *h, struct caller *a, struct caller *b,
                                  uint64_t headless)
{
    struct relay *r = harness_relay(h, "");
    *a = phone_new(r, 1);
    *b = phone_new(r, 2);
    phone_offer(a, b->name, "c1");
    expect_message(b->conn, "DirectCallOffer", NULL);
    expect_message(a->conn, "CallRinging", NULL);
    r->deaths = (struct deaths){.at = {r->steps + 1}, .headless = headless};
    sim_say(r, a->conn, "{\"Ping\":{\"timestamp_ms\":1}}");
    assert_int_equal(r->died, 1);
    return r;
}

static void test_a_deadline_keeps_running(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct caller a, b;
    ring_and_die(h, &a, &b, 50 * CLOCK_SECOND);
    harness_pass(h, 51 * CLOCK_SECOND);
    expect_message(a.conn, "Pong", NULL);
    expect_silence(a.conn);
    harness_pass(h, 8 * CLOCK_SECOND);
    expect_silence(a.conn);
    harness_pass(h, CLOCK_SECOND);
    expect_message(a.conn, "Hangup", "\"c1\"", NULL);
    expect_message(b.conn, "Hangup", "\"c1\"", NULL);
    harness_free(h);
}

static void test_a_deadline_that_passed_is_acted_on_at_adoption(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct caller a, b;
    ring_and_die(h, &a, &b, 100 * CLOCK_SECOND);
    harness_pass(h, 99 * CLOCK_SECOND);
    expect_silence(a.conn);
    expect_silence(b.conn);
    harness_pass(h, CLOCK_SECOND);
    harness_pass(h, 1);
    expect_message(b.conn, "Hangup", "\"c1\"", NULL);
    harness_free(h);
}

static void test_a_phone_that_went_meanwhile_ends_its_call(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct caller a, b;
    struct relay *r = ring_and_die(h, &a, &b, 10 * CLOCK_SECOND);
    sim_hang(r, a.conn);
    expect_silence(b.conn);
    harness_pass(h, 10 * CLOCK_SECOND);
    expect_message(b.conn, "Hangup", "\"c1\"", NULL);
    harness_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_death_at_each_step),
        cmocka_unit_test(test_one_death_at_each_step_and_headless_for_a_while),
        cmocka_unit_test(test_two_deaths_the_second_soon),
        cmocka_unit_test(test_deaths_of_all_at_random),
        cmocka_unit_test(test_a_deadline_keeps_running),
        cmocka_unit_test(test_a_deadline_that_passed_is_acted_on_at_adoption),
        cmocka_unit_test(test_a_phone_that_went_meanwhile_ends_its_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
