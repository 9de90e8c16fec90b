/*
 * The page of /metrics: every number of every table, and every series besides, shows what it is
 * made of; a series that nobody expects fails, and so does one that is missing, and one that always
 * has the same value.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "control/rim/metrics.h"

#include "common/log.h"
#include "control/core/peer_traffic.h"
#include "harness.h"
#include "idle.h"

#define CONFIG                                                                                     \
    "peers:\n  - { address: \"127.0.0.1:1\", label: \"b \\\"x\\\"\", fingerprint: "                \
    "\"a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\" }\n"

struct world {
    struct idle idle;
    struct scoreboard data;
    struct lives lives;
    struct event_file events;
    uint64_t now;
    bool silent;        /* the data plane */
    struct buffer page; /* NUL-terminated */
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_int_equal(idle_begin(&w->idle, CONFIG), 0);
    w->now = IDLE_NOW;
    lives_init(&w->lives, 1000500);
    event_file_init(&w->events);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    idle_end(&w->idle);
    event_file_free(&w->events);
    buffer_free(&w->page);
    free(w);
    return 0;
}

/* ---- whether values move, from page to page of all tests ---- */

static cJSON *first_values; /* of each series */
static cJSON *moved;        /* families in which a series had another value, or came or went */

static void look_at_sample(const char *family, char *line)
{
    char *value = strrchr(line, ' ');
    assert_non_null(value);
    *value++ = '\0';
    const cJSON *first = cJSON_GetObjectItemCaseSensitive(first_values, line);
    if (first == NULL)
        cJSON_AddStringToObject(first_values, line, value);
    else if (strcmp(first->valuestring, value) != 0)
        cJSON_AddTrueToObject(moved, family);
}

static void look_at_page(const struct world *w)
{
    char family[128] = "", *rest = NULL, *page = strdup((const char *)w->page.data);
    assert_non_null(page);
    for (char *line = strtok_r(page, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (line[0] != '#')
            look_at_sample(family, line);
        else if (sscanf(line, "# TYPE %127s", family) != 1)
            continue;
    }
    free(page);
}

static int group_setup(void **state)
{
    (void)state;
    first_values = cJSON_CreateObject();
    moved = cJSON_CreateObject();
    return first_values == NULL || moved == NULL ? -1 : 0;
}

static int group_teardown(void **state)
{
    (void)state;
    cJSON_Delete(first_values);
    cJSON_Delete(moved);
    return 0;
}

static void make_page_of(struct world *w, const struct core *core)
{
    const struct metrics_source source = {.core = core,
                                          .contract = w->idle.contract,
                                          .data = &w->data,
                                          .lives = &w->lives,
                                          .events = &w->events,
                                          .build = "b1",
                                          .answered = !w->silent,
                                          .now = w->now};
    buffer_clear(&w->page);
    metrics_write(&source, &w->page);
    buffer_append_u8(&w->page, 0);
    assert_false(w->page.failed);
    look_at_page(w);
}

static void make_page(struct world *w)
{
    make_page_of(w, w->idle.core);
}

/* How often the line is on the page. */
static int count_lines(const struct world *w, const char *line)
{
    int count = 0;
    size_t len = strlen(line);
    const char *at = (const char *)w->page.data;
    for (; (at = strstr(at, line)) != NULL; at += len)
        count += (at == (const char *)w->page.data || at[-1] == '\n') && at[len] == '\n';
    return count;
}

static void expect(const struct world *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void expect(const struct world *w, const char *format, ...)
{
    char line[256];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (count_lines(w, line) != 1)
        fail_msg("%d times on the page: %s\n%s", count_lines(w, line), line,
                 (const char *)w->page.data);
}

/* Of the one sample of this series, whole. */
static int value_of(const struct world *w, const char *series)
{
    const char *at = strstr((const char *)w->page.data, series);
    assert_non_null(at);
    return atoi(at + strlen(series));
}

/* The core's own numbers, to be changed. */
static struct core_counters *numbers(const struct world *w)
{
    return (struct core_counters *)(uintptr_t)core_counters(w->idle.core);
}

/* ---- tables ---- */

static void test_every_number_of_the_core_is_there(void **state)
{
    struct world *w = *state;
    uint64_t n = 1000;
    make_page(w);
#define X(name, help) expect(w, "chappe_control_" #name " 0");
    CORE_GAUGES(X)
#undef X
#define X(name, help) numbers(w)->name = ++n;
    CORE_COUNTERS(X)
#undef X
    for (int i = 0; i < SIGNAL_TYPES; i++)
        numbers(w)->signals[i] = 5000 + (uint64_t)i;
    make_page(w);
    n = 1000;
#define X(name, help)                                                                              \
    expect(w, "chappe_drops_total{plane=\"control\",reason=\"" #name "\"} %d", (int)++n);
    CORE_DROPS(X)
#undef X
#define X(name, help) expect(w, "chappe_control_" #name "_total %d", (int)++n);
    CORE_EVENTS(X)
#undef X
    for (int i = 0; i < SIGNAL_TYPES; i++)
        expect(w, "chappe_signals_total{kind=\"%s\"} %d", signal_type_name((enum signal_type)i),
               5000 + i);
    expect(w, "wzp_relay_auth_attempts_total{result=\"ok\"} %d", (int)numbers(w)->tokens_accepted);
    expect(w, "wzp_relay_auth_attempts_total{result=\"fail\"} %d", (int)numbers(w)->tokens_refused);
}

static void test_every_number_of_the_contract_is_there(void **state)
{
    struct world *w = *state;
    struct ipc_control_counters *counters =
        (struct ipc_control_counters *)(uintptr_t)ipc_control_side_counters(w->idle.contract);
    int n = 2000;
    make_page(w);
#define X(name, help) counters->name = (uint64_t)++n;
    IPC_CONTROL_COUNTERS(X)
#undef X
    make_page(w);
    n = 2000;
#define X(name, help) expect(w, "chappe_control_ipc_" #name "_total %d", ++n);
    IPC_CONTROL_COUNTERS(X)
#undef X
}

static void test_log_lines_that_are_lost(void **state)
{
    struct world *w = *state;
    make_page(w);
    expect(w, "chappe_control_log_lines_lost_total %d", (int)log_lost());
    log_configure(&(struct log_config){LOG_INFO, LOG_TEXT, -1, NULL});
    log_event(LOG_INFO, "nowhere");
    log_configure(&(struct log_config){LOG_INFO, LOG_TEXT, STDERR_FILENO, NULL});
    make_page(w);
    expect(w, "chappe_control_log_lines_lost_total %d", (int)log_lost());
    assert_int_equal(log_lost(), 1);
}

/* Everything that can be there, a different number of each. */
static void test_who_is_there(void **state)
{
    struct world *w = *state;
    struct harness *h = harness_new();
    char yaml[512];
    snprintf(yaml, sizeof(yaml), "global_rooms: [general]\ntrusted:\n%s", harness_trusted(5, ""));
    struct relay *r = harness_relay(h, yaml);
    make_page_of(w, r->core);
    expect(w, "wzp_federation_peer_status{peer=\"relay-5\"} 0");
    struct fake_connection *link = puppet_link(r, 5, true);
    struct caller phones[6];
    for (int i = 0; i < 6; i++)
        phones[i] = phone_new(r, i + 1);
    phones_call(&phones[0], &phones[1], "c1");
    phones_call(&phones[2], &phones[3], "c2");
    for (int i = 0; i < 3; i++)
        phone_join(&phones[i], i == 0 ? "kitchen" : "general");
    sim_sayf(r, link,
             "{\"GlobalRoomActive\":{\"room\":\"general\",\"participants\":[{\"fingerprint\":"
             "\"x\",\"alias\":null}],\"chappe\":{\"version\":{\"start\":1,\"counter\":1},"
             "\"origin\":\"%s\",\"publisher\":\"%s\",\"path\":[\"%s\"]}}}",
             harness_fingerprint(5), harness_fingerprint(5), harness_fingerprint(5));
    harness_pass(h, CLOCK_SECOND);
    make_page_of(w, r->core);
    expect(w, "chappe_control_links 1");
    expect(w, "chappe_control_calls 2");
    expect(w, "chappe_control_rooms 2");
    expect(w, "wzp_relay_active_rooms 2");
    expect(w, "chappe_control_sessions 3");
    expect(w, "wzp_relay_active_sessions 3");
    expect(w, "chappe_control_phones 6");
    expect(w, "chappe_control_connections 10");
    expect(w, "chappe_peer_rooms{peer=\"relay-5\"} 1");
    expect(w, "wzp_federation_active_rooms 1");
    harness_free(h);
}

static void take(struct world *w, const char *name, uint64_t value)
{
    const struct ipc_counter counter = {
        .name = bytes_of_string(name), .help = BYTES_LITERAL("help \\ me"), .value = value};
    scoreboard_take(&w->data, &counter);
}

static void test_numbers_of_the_data_plane(void **state)
{
    struct world *w = *state;
    make_page(w);
    take(w, "media_to_members", 11);
    take(w, "media_bytes_to_members", 12);
    take(w, "drop_copy", 13);
    take(w, "drop_route_rate", 14);
    take(w, "quic_drop_decrypt", 15);
    take(w, "ipc_slices", 16);
    make_page(w);
    expect(w, "wzp_relay_packets_forwarded_total 11");
    expect(w, "wzp_relay_bytes_forwarded_total 12");
    expect(w, "wzp_federation_packets_deduped_total 13");
    expect(w, "wzp_federation_packets_rate_limited_total 14");
    expect(w, "chappe_drops_total{plane=\"data\",reason=\"copy\"} 13");
    expect(w, "chappe_drops_total{plane=\"data\",reason=\"route_rate\"} 14");
    expect(w, "chappe_drops_total{plane=\"data\",reason=\"quic_drop_decrypt\"} 15");
    expect(w, "# HELP chappe_data_ipc_slices_total help \\\\ me");
    expect(w, "chappe_data_ipc_slices_total 16");
    expect(w, "chappe_data_media_to_members_total 11");
}

/* ---- joins ---- */

static void test_the_histogram_is_cumulative(void **state)
{
    struct world *w = *state;
    core_join_times_add(&numbers(w)->join_times, 500 * CLOCK_US);
    core_join_times_add(&numbers(w)->join_times, 30 * CLOCK_MS);
    core_join_times_add(&numbers(w)->join_times, 9 * CLOCK_SECOND);
    make_page(w);
#define BUCKET "wzp_relay_handshake_duration_seconds_bucket{le=\"%s\"} %d"
    expect(w, BUCKET, "0.001", 1);
    expect(w, BUCKET, "0.025", 1);
    expect(w, BUCKET, "0.05", 2);
    expect(w, BUCKET, "2.5", 2);
    expect(w, BUCKET, "+Inf", 3);
    expect(w, "wzp_relay_handshake_duration_seconds_sum 9.0305");
    expect(w, "wzp_relay_handshake_duration_seconds_count 3");
}

/* ---- peers ---- */

static void tell_link(struct world *w, uint64_t out, uint64_t lost, uint64_t seconds)
{
    struct ipc_item item = {.type = IPC_link_state,
                            .u.link_state = {.connections = 1,
                                             .rtt_us = 1500,
                                             .datagrams_in = 7,
                                             .datagrams_out = out,
                                             .datagrams_lost = lost}};
    memset(&item.u.link_state.link, 0xa1, sizeof(item.u.link_state.link));
    core_notice(w->idle.core, &item, IDLE_NOW + seconds * CLOCK_SECOND);
}

#define PEER "{peer=\"b \\\"x\\\"\""

static void test_a_peer_that_is_not_linked(void **state)
{
    struct world *w = *state;
    tell_link(w, 40, 4, 0);
    make_page(w);
    expect(w, "wzp_federation_peer_status" PEER "} 0");
    expect(w, "chappe_peer_connections" PEER "} 0");
    expect(w, "chappe_peer_rooms" PEER "} 0");
    expect(w, "chappe_peer_packets_lost_total" PEER "} 4");
    expect(w, "wzp_federation_packets_forwarded_total" PEER ",direction=\"in\"} 7");
    expect(w, "wzp_federation_packets_forwarded_total" PEER ",direction=\"out\"} 40");
    expect(w, "wzp_federation_active_rooms 0");
    assert_null(strstr((const char *)w->page.data, "wzp_federation_peer_rtt_ms{"));
    assert_null(strstr((const char *)w->page.data, "chappe_peer_loss_ratio{"));
}

static void test_a_linked_peer(void **state)
{
    struct world *w = *state;
    struct harness *h = harness_new();
    struct ipc_item item = {.type = IPC_link_state,
                            .u.link_state = {.connections = 1, .rtt_us = 1500}};
    char yaml[512];
    snprintf(yaml, sizeof(yaml), "trusted:\n%s", harness_trusted(5, ""));
    struct relay *r = harness_relay(h, yaml);
    puppet_link(r, 5, true);
    memset(&item.u.link_state.link, 0xa5, sizeof(item.u.link_state.link));
    core_notice(r->core, &item, h->now);
    make_page_of(w, r->core);
    item.u.link_state.connections = 2;
    item.u.link_state.rtt_us = 2500;
    item.u.link_state.datagrams_out = 100;
    item.u.link_state.datagrams_lost = 25;
    core_notice(r->core, &item, h->now + PEER_TRAFFIC_WINDOW_NS);
    make_page_of(w, r->core);
    expect(w, "wzp_federation_peer_status{peer=\"relay-5\"} 1");
    expect(w, "chappe_peer_connections{peer=\"relay-5\"} 1");
    expect(w, "chappe_data_answering 1");
    w->silent = true;
    make_page_of(w, r->core);
    expect(w, "chappe_data_answering 0");
    expect(w, "wzp_federation_peer_status{peer=\"relay-5\"} 0");
    expect(w, "chappe_peer_connections{peer=\"relay-5\"} 0");
    w->silent = false;
    make_page_of(w, r->core);
    expect(w, "wzp_federation_peer_rtt_ms{peer=\"relay-5\"} 2.5");
    expect(w, "chappe_peer_loss_ratio{peer=\"relay-5\"} 0.25");
    item.u.link_state.datagrams_out = 200;
    core_notice(r->core, &item, h->now + 2 * PEER_TRAFFIC_WINDOW_NS);
    make_page_of(w, r->core);
    expect(w, "chappe_peer_loss_ratio{peer=\"relay-5\"} 0");
    harness_free(h);
}

static void test_probes(void **state)
{
    struct world *w = *state;
    struct harness *h = harness_new();
    h->hold_dials = true;
    struct relay *r = harness_relay(h, "probe_targets: [\"127.0.1.9:4433\"]\n");
    harness_pass(h, CLOCK_MS);
    make_page_of(w, r->core);
    expect(w, "wzp_probe_up{target=\"127.0.1.9:4433\"} 0");
    assert_null(strstr((const char *)w->page.data, "wzp_probe_rtt_ms{"));
    struct fake_connection *t = sim_dialed(r, &r->plane.dials[0].dial, 0x55);
    h->now += 250 * CLOCK_MS - HARNESS_TICK;
    sim_say(r, t, "{\"Pong\":{\"timestamp_ms\":1000001}}");
    make_page_of(w, r->core);
    expect(w, "wzp_probe_up{target=\"127.0.1.9:4433\"} 1");
    expect(w, "wzp_probe_rtt_ms{target=\"127.0.1.9:4433\"} 250");
    expect(w, "wzp_probe_loss_pct{target=\"127.0.1.9:4433\"} 0");
    expect(w, "wzp_probe_jitter_ms{target=\"127.0.1.9:4433\"} 0");
    harness_pass(h, CLOCK_SECOND); /* the next ping was sent 250 ms ago, more or less */
    h->now += 500 * CLOCK_MS;
    sim_say(r, t, "{\"Pong\":{\"timestamp_ms\":1001001}}");
    harness_pass(h, 2 * CLOCK_SECOND);
    w->now = h->now;
    make_page_of(w, r->core);
    assert_in_range(value_of(w, "wzp_probe_rtt_ms{target=\"127.0.1.9:4433\"}"), 740, 760);
    assert_in_range(value_of(w, "wzp_probe_jitter_ms{target=\"127.0.1.9:4433\"}"), 240, 260);
    assert_in_range(value_of(w, "wzp_probe_loss_pct{target=\"127.0.1.9:4433\"}"), 33, 34);
    harness_free(h);
}

/* ---- the lives of both planes ---- */

static void test_lives(void **state)
{
    struct world *w = *state;
    lives_init(&w->lives, 999000);
    make_page(w);
    expect(w, "chappe_control_start_time_seconds 999");
    lives_init(&w->lives, 1000500);
    expect(w, "chappe_control_live 0");
    expect(w, "chappe_control_adoption_seconds 0");
    expect(w, "chappe_data_start_time_seconds 0");
    idle_adopt(&w->idle);
    lives_adopting(&w->lives, 5, IDLE_NOW);
    lives_adopted(&w->lives, IDLE_NOW + 250 * CLOCK_MS);
    lives_adopting(&w->lives, 6, IDLE_NOW);
    lives_adopted(&w->lives, IDLE_NOW + 500 * CLOCK_MS);
    const struct ipc_plane_state plane = {.started_ms = 2000500,
                                          .connections = 21,
                                          .unacknowledged = 22,
                                          .aes = BYTES_LITERAL("AES-NI")};
    lives_notice(&w->lives, &plane);
    w->events.lines = 31;
    w->events.lost = 32;
    w->events.errors = 33;
    make_page(w);
    expect(w, "chappe_control_live 1");
    expect(w, "chappe_control_epoch %d", IDLE_CONTROL_EPOCH);
    expect(w, "chappe_data_epoch %d", IDLE_DATA_EPOCH);
    expect(w, "chappe_control_start_time_seconds 1000.5");
    expect(w, "chappe_data_start_time_seconds 2000.5");
    expect(w, "chappe_data_restarts_total 1");
    expect(w, "chappe_control_adoption_seconds 0.5");
    expect(w, "chappe_data_connections 21");
    expect(w, "chappe_data_unacknowledged 22");
    expect(w, "chappe_build_info{version=\"b1\",aes=\"AES-NI\"} 1");
    expect(w, "chappe_control_ipc_adoptions_total 1");
    expect(w, "chappe_control_uncommitted 0");
    expect(w, "chappe_control_event_log_lines_total 31");
    expect(w, "chappe_control_event_log_lost_total 32");
    expect(w, "chappe_control_event_log_errors_total 33");
    struct buffer row = {0};
    const struct ipc_item item = {.type = IPC_record_delete,
                                  .u.record_delete = {.key = BYTES_LITERAL("k")}};
    ipc_item_encode(&row, &item);
    assert_int_equal(ipc_control_side_transact(w->idle.contract, buffer_view(&row)), 0);
    buffer_free(&row);
    make_page(w);
    expect(w, "chappe_control_uncommitted 1");
    expect(w, "chappe_control_ipc_commands_total 1");
}

/* ---- nothing else ---- */

static bool is_of_a_table(const char *family)
{
#define X(name, help)                                                                              \
    if (strcmp(family, "chappe_control_" #name "_total") == 0 ||                                   \
        strcmp(family, "chappe_control_ipc_" #name "_total") == 0 ||                               \
        strcmp(family, "chappe_control_event_log_" #name "_total") == 0 ||                         \
        strcmp(family, "chappe_control_" #name) == 0)                                              \
        return true;
    CORE_EVENTS(X)
    CORE_GAUGES(X)
    IPC_CONTROL_COUNTERS(X)
    EVENT_FILE_COUNTERS(X)
#undef X
    return strncmp(family, "chappe_data_x_", 14) == 0;
}

/* Families that are not of a table; each has a line in a test above. */
static const char *const families[] = {
    "wzp_relay_active_sessions",
    "wzp_relay_active_rooms",
    "wzp_relay_packets_forwarded_total",
    "wzp_relay_bytes_forwarded_total",
    "wzp_relay_auth_attempts_total",
    "wzp_relay_handshake_duration_seconds",
    "wzp_federation_packets_deduped_total",
    "wzp_federation_packets_rate_limited_total",
    "wzp_federation_peer_status",
    "wzp_federation_peer_rtt_ms",
    "wzp_federation_packets_forwarded_total",
    "wzp_federation_active_rooms",
    "wzp_probe_up",
    "wzp_probe_rtt_ms",
    "wzp_probe_loss_pct",
    "wzp_probe_jitter_ms",
    "chappe_peer_connections",
    "chappe_peer_loss_ratio",
    "chappe_peer_packets_lost_total",
    "chappe_peer_rooms",
    "chappe_drops_total",
    "chappe_signals_total",
    "chappe_control_uncommitted",
    "chappe_control_log_lines_lost_total",
    "chappe_control_epoch",
    "chappe_data_epoch",
    "chappe_control_start_time_seconds",
    "chappe_data_start_time_seconds",
    "chappe_data_restarts_total",
    "chappe_control_adoption_seconds",
    "chappe_control_live",
    "chappe_data_answering",
    "chappe_data_connections",
    "chappe_data_unacknowledged",
    "chappe_build_info",
};
#define FAMILIES (sizeof(families) / sizeof(families[0]))

static size_t expected_at(const char *family)
{
    size_t i = 0;
    while (i < FAMILIES && strcmp(families[i], family) != 0)
        i++;
    return i;
}

/* The last test: it looks at the pages of all others. */
static void test_every_family_of_the_page_has_a_test_and_moves(void **state)
{
    struct world *w = *state;
    bool seen[FAMILIES] = {false};
    take(w, "x_y", 1);
    make_page(w);
    take(w, "x_y", 2);
    make_page(w);
    char *rest = NULL;
    for (char *line = strtok_r((char *)w->page.data, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char family[128], kind[32];
        if (sscanf(line, "# TYPE %127s %31s", family, kind) != 2)
            continue;
        size_t at = expected_at(family);
        if (at == FAMILIES && !is_of_a_table(family))
            fail_msg("%s has no test: write one", family);
        if (at < FAMILIES && seen[at])
            fail_msg("%s comes twice", family);
        if (at < FAMILIES)
            seen[at] = true;
        if (!cJSON_HasObjectItem(moved, family) && strcmp(family, "chappe_build_info") != 0)
            fail_msg("%s never changes: write a test that moves it", family);
    }
    for (size_t i = 0; i < FAMILIES; i++) {
        if (!seen[i])
            fail_msg("%s is not on the page", families[i]);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_every_number_of_the_core_is_there),
        TEST(test_every_number_of_the_contract_is_there),
        TEST(test_log_lines_that_are_lost),
        TEST(test_who_is_there),
        TEST(test_numbers_of_the_data_plane),
        TEST(test_the_histogram_is_cumulative),
        TEST(test_a_peer_that_is_not_linked),
        TEST(test_a_linked_peer),
        TEST(test_probes),
        TEST(test_lives),
        TEST(test_every_family_of_the_page_has_a_test_and_moves),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
