/* Who is who: certificates, pins, ALPN, names, and what a failed handshake tells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "tests/unit/quic/pair.h"

static void test_client_certificate(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add_open(p, 1);
    struct pair_node *client = pair_add_open(p, 2);
    struct quic_dial dial = {.remote = server->address,
                             .sni = "_federation",
                             .pin = &server->fingerprint,
                             .present_certificate = true};
    struct pair_end *c = pair_dial_with(p, client, &dial);
    assert_true(pair_run(p, pair_is_established, c, 5 * CLOCK_SECOND));
    assert_int_equal(server->end_count, 1);
    const struct quic_peer *peer = &server->ends[0].peer;
    assert_true(peer->has_certificate);
    assert_true(fingerprint_tls_equal(&peer->fingerprint, &client->fingerprint));
    assert_string_equal(peer->sni, "_federation");
    assert_memory_equal(c->peer.exporter, peer->exporter, QUIC_EXPORTER_SIZE);
}

static void test_certificate_is_not_presented_unasked(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add_open(p, 1);
    struct pair_node *client = pair_add_open(p, 2);
    struct pair_end *c = pair_dial(p, client, server, "x");
    assert_true(pair_run(p, pair_is_established, c, 5 * CLOCK_SECOND));
    assert_false(server->ends[0].peer.has_certificate);
}

static void test_server_that_does_not_ask(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add(p, 1);
    server->config.request_client_certificate = false;
    pair_open(p, server, "127.0.0.1:0");
    struct pair_node *client = pair_add_open(p, 2);
    struct quic_dial dial = {.remote = server->address, .present_certificate = true};
    struct pair_end *c = pair_dial_with(p, client, &dial);
    assert_true(pair_run(p, pair_is_established, c, 5 * CLOCK_SECOND));
    assert_false(server->ends[0].peer.has_certificate);
}

/* The wrong relay answers: it must not even see our handshake completed. */
static void test_pin_mismatch(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add_open(p, 1);
    struct pair_node *client = pair_add_open(p, 2);
    struct pair_node *other = pair_add(p, 3);
    struct quic_dial dial = {.remote = server->address,
                             .sni = "_federation",
                             .pin = &other->fingerprint,
                             .present_certificate = true};
    struct pair_end *c = pair_dial_with(p, client, &dial);
    assert_true(pair_run(p, pair_is_closed, c, 5 * CLOCK_SECOND));
    pair_run_for(p, 20 * CLOCK_SECOND);
    assert_false(c->established);
    assert_int_equal(c->why.error, ERR_PIN);
    assert_false(c->why.by_peer);
    assert_true(c->why.has_certificate);
    assert_true(fingerprint_tls_equal(&c->why.fingerprint, &server->fingerprint));
    assert_int_equal(server->end_count, 0);
    assert_int_equal(quic_endpoint_counters(server->endpoint)->handshakes_completed, 0);
    assert_int_equal(quic_endpoint_counters(server->endpoint)->handshakes_failed, 1);
    assert_int_equal(quic_endpoint_connections(server->endpoint), 0);
}

static void test_alpn_mismatch(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add_open(p, 1);
    struct pair_node *client = pair_add(p, 0);
    client->config.alpn = "h3";
    pair_open(p, client, "127.0.0.1:0");
    struct pair_end *c = pair_dial(p, client, server, "x");
    assert_true(pair_run(p, pair_is_closed, c, 20 * CLOCK_SECOND));
    assert_false(c->established);
    assert_int_equal(c->why.error, ERR_ALPN);
    assert_int_equal(server->end_count, 0);
}

static void expect_name(struct pair *p, const char *dialed, const char *expected)
{
    struct pair_node *server = p->nodes[0];
    size_t before = server->end_count;
    struct pair_end *c = pair_dial(p, p->nodes[1], server, dialed);
    assert_true(pair_run(p, pair_is_established, c, 5 * CLOCK_SECOND));
    assert_string_equal(server->ends[before].peer.sni, expected);
}

static void test_names(void **state)
{
    struct pair *p = *state;
    char longest[QUIC_SNI_MAX + 1];
    memset(longest, 'a', QUIC_SNI_MAX);
    longest[QUIC_SNI_MAX] = '\0';
    (void)pair_add_open(p, 1);
    (void)pair_add_open(p, 0);
    expect_name(p, "_signal", "_signal");
    expect_name(p, "Call-AbC_1", "call-abc_1");
    expect_name(p, NULL, "");
    expect_name(p, "", "");
    expect_name(p, longest, longest);
    expect_name(p, "general.", "general.");
}

static void test_name_with_odd_bytes(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add_open(p, 1);
    struct pair_node *client = pair_add_open(p, 0);
    struct pair_end *c = pair_dial(p, client, server, "room\nforged log line");
    assert_true(pair_run(p, pair_is_closed, c, 20 * CLOCK_SECOND));
    assert_int_equal(c->why.error, ERR_TLS);
    assert_true(c->why.by_peer);
    assert_int_equal(server->end_count, 0);
}

static void test_name_too_long(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add_open(p, 1);
    struct pair_node *client = pair_add_open(p, 0);
    char name[QUIC_SNI_MAX + 2];
    struct quic_connection *c;
    memset(name, 'a', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    struct quic_dial dial = {.remote = server->address, .sni = name};
    assert_int_equal(quic_endpoint_dial(client->endpoint, &dial, p->now, &c), ERR_TLS);
    assert_int_equal(quic_endpoint_connections(client->endpoint), 0);
}

static void test_certificate_and_key_must_fit(void **state)
{
    struct pair *p = *state;
    struct pair_node *node = pair_add(p, 1);
    struct pair_node *other = pair_add(p, 2);
    struct quic_callbacks callbacks = {0};
    struct quic_endpoint *e;
    struct address local;
    assert_int_equal(address_parse_listen(BYTES_LITERAL("127.0.0.1:0"), &local), ERR_OK);
    node->config.private_key_der = other->config.private_key_der;
    assert_int_equal(quic_endpoint_init(&e, &node->config, &local, false, &callbacks, NULL),
                     ERR_TLS);
}

static void test_two_connections_have_different_exporters(void **state)
{
    struct pair *p = *state;
    struct pair_node *server = pair_add_open(p, 1);
    struct pair_node *client = pair_add_open(p, 0);
    struct pair_end *a, *b, *s;
    pair_connect(p, client, server, &a, &s);
    pair_connect(p, client, server, &b, &s);
    assert_memory_not_equal(a->peer.exporter, b->peer.exporter, QUIC_EXPORTER_SIZE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_client_certificate),
        TEST(test_certificate_is_not_presented_unasked),
        TEST(test_server_that_does_not_ask),
        TEST(test_pin_mismatch),
        TEST(test_alpn_mismatch),
        TEST(test_names),
        TEST(test_name_with_odd_bytes),
        TEST(test_name_too_long),
        TEST(test_certificate_and_key_must_fit),
        TEST(test_two_connections_have_different_exporters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
