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

struct tally {
    size_t runs;
    size_t deaths;
};

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
    for (int i = 0; i < run->relays; i++) {
        const struct deaths *d = &run->deaths[i];
        for (size_t k = 0; k < HARNESS_DEATHS_MAX && d->at[k] != 0; k++)
            print_error(" relay %d dies at step %zu", i, d->at[k]);
        if (d->headless != 0)
            print_error(" and is headless");
        if (d->one_in != 0)
            print_error(" relay %d dies at one in %u steps", i, d->one_in);
    }
    print_error("\n");
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

static void play_and_compare(const struct flow_run *run, const struct buffer *plain, bool exact,
                             struct tally *tally)
{
    struct buffer seen = {0};
    size_t steps[FLOW_RELAYS_MAX], died;
    if (getenv("KILL_TEST_VERBOSE") != NULL)
        describe(run);
    flow_play(run, &seen, steps, &died);
    assert_true(died > 0 || run->deaths[0].one_in != 0);
    expect_same(run, (const char *)plain->data, (const char *)seen.data, exact);
    buffer_free(&seen);
    tally->runs++;
    tally->deaths += died;
}

typedef void variation(struct flow_run *run, const struct buffer *plain,
                       const size_t steps[FLOW_RELAYS_MAX], struct tally *tally);

static bool makes_sense(const struct flow *flow, int relays)
{
    return relays == 1 ? flow->one : relays == 2 ? flow->two : flow->chain;
}

/* On 1, 2 or 4 relays, up to `max`. */
static void each_flow(const char *what, uint64_t rest, int max, variation *vary)
{
    struct tally tally = {0};
    for (size_t i = 0; i < flow_count; i++) {
        for (int relays = 1; relays <= max; relays *= 2) {
            struct flow_run run = {.flow = &flows[i], .relays = relays, .rest = rest};
            struct buffer plain = {0};
            size_t steps[FLOW_RELAYS_MAX] = {0}, died;
            if (!makes_sense(&flows[i], relays) || (rest > 0 && flow_federates(&flows[i])))
                continue;
            flow_play(&run, &plain, steps, &died);
            assert_int_equal(died, 0);
            vary(&run, &plain, steps, &tally);
            buffer_free(&plain);
        }
    }
    print_message("%s: %zu runs, %zu deaths\n", what, tally.runs, tally.deaths);
}

/* The first of the kill points taken: another one from time to time. */
static size_t first(const struct tally *tally)
{
    return 1 + tally->runs % THIN;
}

/* ---- one death ---- */

static void die_once(struct flow_run *run, const struct buffer *plain,
                     const size_t steps[FLOW_RELAYS_MAX], struct tally *tally)
{
    for (int i = 0; i < run->relays; i++) {
        for (size_t at = first(tally); at <= steps[i]; at += THIN) {
            memset(run->deaths, 0, sizeof(run->deaths));
            run->deaths[i] = (struct deaths){.at = {at}, .headless = run->rest > 0 ? HEADLESS : 0};
            play_and_compare(run, plain, run->rest == 0, tally);
        }
    }
}

static void test_one_death_at_each_step(void **state)
{
    (void)state;
    each_flow("one death", 0, 4, die_once);
}

static void test_one_death_at_each_step_and_headless_for_a_while(void **state)
{
    (void)state;
    each_flow("one death, headless", 2 * HEADLESS, 4, die_once);
}

/* ---- two deaths ---- */

static void die_twice(struct flow_run *run, const struct buffer *plain,
                      const size_t steps[FLOW_RELAYS_MAX], struct tally *tally)
{
    for (int i = 0; i < run->relays; i++) {
        for (size_t at = first(tally); at <= steps[i]; at += THIN) {
            for (size_t apart = 1; apart <= APART_MAX; apart++) {
                memset(run->deaths, 0, sizeof(run->deaths));
                run->deaths[i] = (struct deaths){.at = {at, at + apart}};
                play_and_compare(run, plain, true, tally);
            }
        }
    }
}

static void test_two_deaths_the_second_soon(void **state)
{
    (void)state;
    each_flow("two deaths", 0, 2, die_twice);
}

/* ---- any number of deaths ---- */

static void die_at_random(struct flow_run *run, const struct buffer *plain,
                          const size_t steps[FLOW_RELAYS_MAX], struct tally *tally)
{
    static const unsigned one_in[] = {2, 3, 5, 8, 13};
    static const uint64_t primes[FLOW_RELAYS_MAX] = {7919, 104729, 15485863, 49979687};
    (void)steps;
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        unsigned n = one_in[seed % (sizeof(one_in) / sizeof(one_in[0]))];
        for (int i = 0; i < FLOW_RELAYS_MAX; i++)
            run->deaths[i] = (struct deaths){.one_in = n, .random = seed * primes[i]};
        play_and_compare(run, plain, true, tally);
    }
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
