/* What the reader and the checks say about bad configs, word for word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/config.h"
#include "common/error.h"

#define PRINT_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define PRINT_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define PEER_B "  - {address: 'b:1', fingerprint: " PRINT_B "}\n"

/* A config and all that is to be said about it, one error a line, each without "relay.yaml". */
struct bad {
    const char *text;
    const char *errors;
};

static void assert_refused(const struct bad *bad)
{
    struct config config;
    struct config_errors errors;
    char said[8192] = "";
    size_t len = 0;
    int rc = config_load_text(bytes_of_string(bad->text), "relay.yaml", &config, &errors);
    for (size_t i = 0; i < errors.count; i++) {
        const char *line = errors.lines[i];
        assert_int_equal(strncmp(line, "relay.yaml:", 11), 0);
        len +=
            (size_t)snprintf(said + len, sizeof(said) - len, "%s%s", i == 0 ? "" : "\n", line + 11);
    }
    assert_string_equal(said, bad->errors);
    assert_int_equal(rc, ERR_SYNTAX);
    assert_null(config.file);
    config_errors_free(&errors);
}

static void assert_all_refused(const struct bad *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_refused(&cases[i]);
}

#define ASSERT_ALL_REFUSED(cases) assert_all_refused(cases, sizeof(cases) / sizeof(cases[0]))

static void test_defect_72_unknown_keys(void **state)
{
    (void)state;
    static const struct bad cases[] = {
        {"log_level: info\n", "1: log_level: unknown key"},
        {"relay:\n  name: a\n  jitter_ms: 5\n", "3: relay.jitter_ms: unknown key"},
        {"relay.name: a\n", "1: relay.name: unknown key"},
        {"relay: {'': a}\n", "1: relay.\"\": unknown key"},
        {"'re\\nlay': {}\n", "1: \"re\\\\nlay\": unknown key"},
        {"\"a\\nrelay.yaml:9: \": 1\n", "1: \"a\\x0arelay.yaml:9: \": unknown key"},
        {"peers:\n" PEER_B "    \n  - address: 'c:1'\n    url: x\n    fingerprint: " PRINT_C "\n",
         "5: peers[1].url: unknown key"},
        {"trusted: [{fingerprint: " PRINT_C ", port: 1}]\n", "1: trusted[0].port: unknown key"},
        {"Relay: {}\n", "1: Relay: unknown key"},
    };
    ASSERT_ALL_REFUSED(cases);
}

static void test_wrong_shapes(void **state)
{
    (void)state;
    static const struct bad cases[] = {
        {"just text\n", "1: must be a mapping of keys to values"},
        {"- a\n", "1: must be a mapping of keys to values"},
        {"relay: a\n", "1: relay: must be a mapping of keys to values"},
        {"relay: [a]\n", "1: relay: must be a mapping of keys to values"},
        {"relay:\n  name: [a]\n", "2: relay.name: must be a single value"},
        {"relay:\n  name: {a: b}\n", "2: relay.name: must be a single value"},
        {"relay:\n  name:\n", "2: relay.name: has no value"},
        {"event_log: ~\n", "1: event_log: has no value"},
        {"metrics: {listen: null}\n", "1: metrics.listen: has no value"},
        {"peers: b:1\n", "1: peers: must be a list"},
        {"peers: {a: b}\n", "1: peers: must be a list"},
        {"peers:\n  - b:1\n", "2: peers[0]: must be a mapping of keys to values"},
        {"peers:\n  -\n", "2: peers[0]: must be a mapping of keys to values"},
        {"global_rooms: general\n", "1: global_rooms: must be a list"},
        {"global_rooms: [[a]]\n", "1: global_rooms[0]: must be a single value"},
        {"global_rooms: [a, ]\nrelay: 1\n", "2: relay: must be a mapping of keys to values"},
        {"global_rooms:\n  - a\n  -\n", "3: global_rooms[1]: has no value"},
    };
    ASSERT_ALL_REFUSED(cases);
}

static void test_keys_given_twice(void **state)
{
    (void)state;
    static const struct bad cases[] = {
        {"relay:\n  name: a\n  workers: 1\n  name: b\n",
         "4: relay.name: given twice, first in line 2"},
        {"log: {}\nrelay: {}\nlog: {}\n", "3: log: given twice, first in line 1"},
        {"event_log: a\nevent_log: a\n", "2: event_log: given twice, first in line 1"},
        {"peers: []\npeers: []\n", "2: peers: given twice, first in line 1"},
        {"peers:\n  - address: a:1\n    address: b:1\n    fingerprint: " PRINT_B "\n",
         "3: peers[0].address: given twice, first in line 2"},
        {"global_rooms:\n  - General\n  - b\n  - A47B63F7d5b511ba5bc4089a74446906\n",
         "4: global_rooms[2]: the same as what is written otherwise in line 2"},
        {"global_rooms: [a47b63f7d5b511ba5bc4089a74446906, general]\n",
         "1: global_rooms[1]: the same as what is written otherwise in line 1"},
        {"global_rooms:\n  - a\n  - b\n  - a\n",
         "4: global_rooms[2]: given twice, first in line 2"},
    };
    ASSERT_ALL_REFUSED(cases);
}

static void test_bad_addresses(void **state)
{
    (void)state;
    static const struct bad cases[] = {
        {"relay:\n  listen: foo\n", "2: relay.listen: not an address: \"foo\""},
        {"relay: {listen: 'localhost:4433'}\n",
         "1: relay.listen: not an address: \"localhost:4433\""},
        {"relay: {listen: 4433}\n", "1: relay.listen: not an address: \"4433\""},
        {"relay: {listen: 0.0.0.0}\n", "1: relay.listen: not an address: \"0.0.0.0\""},
        {"relay: {listen: '::1:4433'}\n", "1: relay.listen: not an address: \"::1:4433\""},
        {"relay: {listen: '0.0.0.0:0'}\n",
         "1: relay.listen: the port must be 1 to 65535: \"0.0.0.0:0\""},
        {"relay: {listen: '0.0.0.0:65536'}\n",
         "1: relay.listen: the port must be 1 to 65535: \"0.0.0.0:65536\""},
        {"relay: {advertise: '0.0.0.0:4433'}\n",
         "1: relay.advertise: not an address that can be reached: \"0.0.0.0:4433\""},
        {"relay: {advertise: '[::]:4433'}\n",
         "1: relay.advertise: not an address that can be reached: \"[::]:4433\""},
        {"relay: {advertise: 'relay.example.org:4433'}\n",
         "1: relay.advertise: not an address: \"relay.example.org:4433\""},
        {"metrics: {listen: ''}\n", "1: metrics.listen: not an address: \"\""},
        {"peers:\n  - address: 'b'\n    fingerprint: " PRINT_B "\n",
         "2: peers[0].address: not HOST:PORT: \"b\""},
        {"peers:\n  - address: 'b:0'\n    fingerprint: " PRINT_B "\n",
         "2: peers[0].address: the port must be 1 to 65535: \"b:0\""},
        {"peers:\n  - address: 'b b:1'\n    fingerprint: " PRINT_B "\n",
         "2: peers[0].address: not HOST:PORT: \"b b:1\""},
        {"trusted: [{fingerprint: " PRINT_B ", address: '192.0.2.9:1'}]\n",
         "1: trusted[0].address: not an IP address without port: \"192.0.2.9:1\""},
        {"trusted: [{fingerprint: " PRINT_B ", address: host}]\n",
         "1: trusted[0].address: not an IP address without port: \"host\""},
        {"trusted: [{fingerprint: " PRINT_B ", address: 0.0.0.0}]\n",
         "1: trusted[0].address: not an address that a peer can have: \"0.0.0.0\""},
    };
    ASSERT_ALL_REFUSED(cases);
}

static void test_bad_numbers_and_words(void **state)
{
    (void)state;
    static const struct bad cases[] = {
        {"relay: {workers: -1}\n", "1: relay.workers: not a number from 0 to 255: \"-1\""},
        {"relay: {workers: 256}\n", "1: relay.workers: not a number from 0 to 255: \"256\""},
        {"relay: {workers: two}\n", "1: relay.workers: not a number from 0 to 255: \"two\""},
        {"relay: {workers: 1.5}\n", "1: relay.workers: not a number from 0 to 255: \"1.5\""},
        {"relay: {workers: 010}\n", "1: relay.workers: not a number from 0 to 255: \"010\""},
        {"relay: {workers: '1'}\n", "1: relay.workers: must not be in quotes"},
        {"relay: {max_sessions: 0}\n",
         "1: relay.max_sessions: not a number from 1 to 10000000: \"0\""},
        {"relay: {max_phones: 10000001}\n",
         "1: relay.max_phones: not a number from 1 to 10000000: \"10000001\""},
        {"limits: {ring_timeout_s: 60s}\n",
         "1: limits.ring_timeout_s: not a number from 1 to 3600: \"60s\""},
        {"limits: {ring_timeout_s: 0}\n",
         "1: limits.ring_timeout_s: not a number from 1 to 3600: \"0\""},
        {"limits: {federation_hops: 0}\n",
         "1: limits.federation_hops: not a number from 1 to 16: \"0\""},
        {"limits: {signal_bytes: 99999999999999999999}\n",
         "1: limits.signal_bytes: not a number from 1024 to 16777216: \"99999999999999999999\""},
        {"limits: {participant_pps: 4294967296}\n",
         "1: limits.participant_pps: not a number from 0 to 100000000: \"4294967296\""},
        {"log: {level: verbose}\n",
         "1: log.level: not one of error, warn, info, debug: \"verbose\""},
        {"log: {level: INFO}\n", "1: log.level: not one of error, warn, info, debug: \"INFO\""},
        {"log: {format: xml}\n", "1: log.format: not one of text, json: \"xml\""},
        {"peers:\n  - {address: 'b:1', fingerprint: " PRINT_B ", delegate: yes}\n",
         "2: peers[0].delegate: neither true nor false: \"yes\""},
        {"peers:\n  - {address: 'b:1', fingerprint: " PRINT_B ", legacy: 'true'}\n",
         "2: peers[0].legacy: must not be in quotes"},
    };
    ASSERT_ALL_REFUSED(cases);
}

#define LONG_64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void test_bad_texts(void **state)
{
    (void)state;
    static const struct bad cases[] = {
        {"relay: {name: ''}\n", "1: relay.name: must not be empty: \"\""},
        {"relay: {name: " LONG_64 "a}\n",
         "1: relay.name: longer than 64 bytes: "
         "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\""},
        {"relay: {name: \"a\\nb\"}\n", "1: relay.name: holds control characters: \"a\\x0ab\""},
        {"relay: {name: \"a\\0b\"}\n", "1: relay.name: holds control characters: \"a\\x00b\""},
        {"relay: {name: \"\\u202eb\"}\n",
         "1: relay.name: holds control characters: \"\\xe2\\x80\\xaeb\""},
        {"relay: {identity: ''}\n", "1: relay.identity: must not be empty: \"\""},
        {"relay: {runtime_dir: /" LONG_64 "/bbbbbbbbbbbbbbbbbbbbb}\n",
         "1: relay.runtime_dir: too long for the sockets in it, at most 86 bytes: "
         "\"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\""},
        {"auth: {url: chat.example.com}\n",
         "1: auth.url: not a URL that starts with http:// or https://: \"chat.example.com\""},
        {"auth: {url: 'http://'}\n",
         "1: auth.url: not a URL that starts with http:// or https://: \"http://\""},
        {"auth: {url: 'file:///etc/passwd'}\n",
         "1: auth.url: not a URL that starts with http:// or https://: \"file:///etc/passwd\""},
        {"auth: {url: 'http://a b/'}\n", "1: auth.url: a URL has no spaces: \"http://a b/\""},
        {"global_rooms: ['']\n",
         "1: global_rooms[0]: not a room's name (a host name without spaces): \"\""},
        {"global_rooms: [my room]\n",
         "1: global_rooms[0]: not a room's name (a host name without spaces): \"my room\""},
        {"global_rooms: [a, call-x]\n",
         "1: global_rooms[1]: a reserved name, not a room's: \"call-x\""},
        {"global_rooms: [_signal]\n",
         "1: global_rooms[0]: a reserved name, not a room's: \"_signal\""},
    };
    ASSERT_ALL_REFUSED(cases);
}

static void test_bad_relays(void **state)
{
    (void)state;
    static const struct bad cases[] = {
        {"peers:\n  - label: b\n",
         "2: peers[0].address: missing\n2: peers[0].fingerprint: missing"},
        {"peers: [{}]\n", "1: peers[0].address: missing\n1: peers[0].fingerprint: missing"},
        {"trusted:\n  - label: b\n", "2: trusted[0].fingerprint: missing"},
        {"trusted: [{fingerprint: 'aa:bb:...'}]\n",
         "1: trusted[0].fingerprint: not a TLS fingerprint of 64 hex digits: \"aa:bb:...\""},
        {"trusted: [{fingerprint: '518e:b935:62fa:9e34:e59c:28b6:7fc2:d384'}]\n",
         "1: trusted[0].fingerprint: not a TLS fingerprint of 64 hex digits: "
         "\"518e:b935:62fa:9e34:e59c:28b6:7fc2:d384\""},
        {"trusted: [{fingerprint: " PRINT_B "bb}]\n",
         "1: trusted[0].fingerprint: not a TLS fingerprint of 64 hex digits: "
         "\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb...\""},
        {"trusted:\n  - {fingerprint: " PRINT_B ", legacy: true}\n",
         "2: trusted[0].address: missing: an original (legacy: true) is known by its source "
         "address"},
        {"peers:\n" PEER_B "  - {address: 'c:1', fingerprint: " PRINT_B "}\n",
         "3: peers[1].fingerprint: the same as that of peers[0] in line 2"},
        {"trusted:\n  - fingerprint: " PRINT_B "\n  - fingerprint: " PRINT_B "\n",
         "3: trusted[1].fingerprint: the same as that of trusted[0] in line 2"},
        {"peers:\n" PEER_B "trusted:\n  - {fingerprint: " PRINT_B ", delegate: true}\n",
         "4: trusted[0].delegate: differs from that of peers[0], the same relay"},
        {"peers:\n" PEER_B "trusted:\n  - {fingerprint: " PRINT_B
         ", legacy: true, address: 192.0.2.9}\n",
         "4: trusted[0].legacy: differs from that of peers[0], the same relay"},
        {"peers:\n" PEER_B "  - {address: 'b:1', fingerprint: " PRINT_C "}\n",
         "3: peers[1].label: the same as that of peers[0], another relay"},
        {"peers:\n" PEER_B "trusted:\n  - {fingerprint: " PRINT_C ", label: 'b:1'}\n",
         "4: trusted[0].label: the same as that of peers[0], another relay"},
    };
    ASSERT_ALL_REFUSED(cases);
}

static void test_yaml_that_we_do_not_support(void **state)
{
    (void)state;
    static const struct bad cases[] = {
        {"relay: &a {name: x}\n", "1: relay: anchors (&name) are not supported"},
        {"relay:\n  name: &a x\nevent_log: *a\n",
         "2: relay.name: anchors (&name) are not supported\n"
         "3: event_log: aliases (*name) are not supported"},
        {"peers:\n  - &p {address: 'b:1', fingerprint: " PRINT_B "}\n  - *p\n",
         "2: peers[0]: anchors (&name) are not supported\n"
         "3: peers[1]: aliases (*name) are not supported"},
        {"relay:\n  <<: {name: x}\n", "2: relay: merge keys (<<) are not supported"},
        {"<<: {}\n", "1: merge keys (<<) are not supported"},
        {"event_log: !!str x\n", "1: event_log: tags (!name) are not supported"},
        {"peers: !list []\n", "1: peers: tags (!name) are not supported"},
        {"!map {}\n", "1: tags (!name) are not supported"},
        {"relay: {[a]: b}\n", "1: relay: a key must be one word, not a list or a mapping"},
        {"? {a: b}\n: c\n", "1: a key must be one word, not a list or a mapping"},
        {"relay:\n  &k name: x\n", "2: relay: anchors (&name) are not supported"},
    };
    ASSERT_ALL_REFUSED(cases);
}

static void test_all_errors_of_a_file(void **state)
{
    (void)state;
    static const struct bad several = {
        "relay:\n"
        "  listen: foo\n"
        "  nmae: a\n"
        "  workers: many\n"
        "peers:\n"
        "  - address: b\n"
        "    fingerprint: x\n"
        "trusted:\n"
        "  - { fingerprint: " PRINT_C ", legacy: true }\n"
        "  - { fingerprint: " PRINT_C " }\n",
        "2: relay.listen: not an address: \"foo\"\n"
        "3: relay.nmae: unknown key\n"
        "4: relay.workers: not a number from 0 to 255: \"many\"\n"
        "6: peers[0].address: not HOST:PORT: \"b\"\n"
        "7: peers[0].fingerprint: not a TLS fingerprint of 64 hex digits: \"x\"\n"
        "9: trusted[0].address: missing: an original (legacy: true) is known by its source "
        "address\n"
        "10: trusted[1].fingerprint: the same as that of trusted[0] in line 9",
    };
    assert_refused(&several);
}

static void test_too_many_entries(void **state)
{
    (void)state;
    struct buffer text = {0};
    buffer_append_string(&text, "\nglobal_rooms:\n");
    for (int i = 0; i <= CONFIG_ROOMS_MAX; i++)
        buffer_printf(&text, " - r%d\n", i);
    buffer_append_u8(&text, 0);
    const struct bad bad = {(const char *)text.data,
                            "2: global_rooms: has 1025 entries, more than 1024"};
    assert_refused(&bad);
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defect_72_unknown_keys),
        cmocka_unit_test(test_wrong_shapes),
        cmocka_unit_test(test_keys_given_twice),
        cmocka_unit_test(test_bad_addresses),
        cmocka_unit_test(test_bad_numbers_and_words),
        cmocka_unit_test(test_bad_texts),
        cmocka_unit_test(test_bad_relays),
        cmocka_unit_test(test_yaml_that_we_do_not_support),
        cmocka_unit_test(test_all_errors_of_a_file),
        cmocka_unit_test(test_too_many_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
