#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/config.h"
#include "common/config_check.h"
#include "common/error.h"

#define PRINT_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define PRINT_C "CC:CC:CC:CC:CC:CC:CC:CC:CCCC-CCCC-CCCC-CCCC cccccccccccccccccccccccccccccccc"

/* Loads a text that must be good. */
static void load(const char *text, struct config *config)
{
    struct config_errors errors;
    int rc = config_load_text(bytes_of_string(text), "relay.yaml", config, &errors);
    config_errors_print(&errors, stderr);
    assert_int_equal(rc, 0);
    assert_false(config_errors_any(&errors));
    config_errors_free(&errors);
}

static void assert_address(const struct address *address, const char *expected)
{
    char text[ADDRESS_TEXT];
    address_text(address, text);
    assert_string_equal(text, expected);
}

static void assert_defaults(const struct config *config)
{
    char host[256];
    assert_int_equal(gethostname(host, sizeof(host)), 0);
    assert_int_equal(strncmp(config->relay.name, host, CONFIG_NAME_MAX), 0);
    assert_address(&config->relay.listen, "0.0.0.0:4433");
    assert_true(address_is_none(&config->relay.advertise));
    assert_string_equal(config->relay.identity, "/var/lib/chappe/identity");
    assert_string_equal(config->relay.runtime_dir, "/run/chappe");
    assert_int_equal(config->relay.workers, 1);
    assert_int_equal(config->relay.max_sessions, 10000);
    assert_int_equal(config->relay.max_phones, 50000);
    assert_int_equal(config->log.level, LOG_INFO);
    assert_int_equal(config->log.format, LOG_TEXT);
    assert_true(address_is_none(&config->metrics_listen));
    assert_null(config->auth_url);
    assert_null(config->event_log);
    assert_int_equal(config->global_room_count + config->peer_count + config->trusted_count, 0);
    assert_int_equal(config->limits.federation_room_pps, 4000);
    assert_int_equal(config->limits.participant_pps, 2000);
    assert_int_equal(config->limits.address_connections, 4096);
    assert_int_equal(config->limits.federation_hops, 2);
    assert_int_equal(config->limits.signal_bytes, 1048576);
    assert_int_equal(config->limits.ring_timeout_s, 60);
}

static void test_files_that_say_nothing_give_the_defaults(void **state)
{
    (void)state;
    const char *texts[] = {
        "",
        "# nothing\n",
        "---\n",
        "{}\n",
        "relay:\nlog:\nlimits: {}\npeers:\ntrusted: []\nglobal_rooms: ~\n",
        "\xef\xbb\xbfpeers: []\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct config config;
        load(texts[i], &config);
        assert_defaults(&config);
        config_free(&config);
    }
}

static void test_reads_every_key(void **state)
{
    (void)state;
    struct config config;
    load("relay:\n"
         "  name: Zo\xc3\xab's relay\n"
         "  listen: '[::]:4434'\n"
         "  advertise: \"[2001:db8::1]:4433\"\n"
         "  identity: /tmp/id\n"
         "  runtime_dir: run/a\n"
         "  workers: 0\n"
         "  max_sessions: 1\n"
         "  max_phones: 2\n"
         "log: {level: debug, format: json}\n"
         "metrics: {listen: 127.0.0.1:9090}\n"
         "auth: {url: HTTPS://chat.example.com/}\n"
         "event_log: /tmp/events\n"
         "global_rooms: [general, \"My-Room.\"]\n"
         "limits:\n"
         "  federation_room_pps: 0\n"
         "  participant_pps: 0\n"
         "  address_connections: 0\n"
         "  federation_hops: 3\n"
         "  signal_bytes: 2048\n"
         "  ring_timeout_s: 1\n",
         &config);
    assert_string_equal(config.file, "relay.yaml");
    assert_string_equal(config.relay.name, "Zo\xc3\xab's relay");
    assert_address(&config.relay.listen, "[::]:4434");
    assert_address(&config.relay.advertise, "[2001:db8::1]:4433");
    assert_string_equal(config.relay.identity, "/tmp/id");
    assert_string_equal(config.relay.runtime_dir, "run/a");
    assert_int_equal(config.relay.workers, 0);
    assert_int_equal(config.relay.max_sessions, 1);
    assert_int_equal(config.relay.max_phones, 2);
    assert_int_equal(config.log.level, LOG_DEBUG);
    assert_int_equal(config.log.format, LOG_JSON);
    assert_address(&config.metrics_listen, "127.0.0.1:9090");
    assert_string_equal(config.auth_url, "HTTPS://chat.example.com/");
    assert_string_equal(config.event_log, "/tmp/events");
    assert_int_equal(config.global_room_count, 2);
    assert_string_equal(config.global_rooms[0], "general");
    assert_string_equal(config.global_rooms[1], "my-room");
    assert_int_equal(config.limits.federation_room_pps, 0);
    assert_int_equal(config.limits.participant_pps, 0);
    assert_int_equal(config.limits.address_connections, 0);
    assert_int_equal(config.limits.federation_hops, 3);
    assert_int_equal(config.limits.signal_bytes, 2048);
    assert_int_equal(config.limits.ring_timeout_s, 1);
    config_free(&config);
    assert_null(config.file);
}

static void test_a_room_named_by_a_hash_is_warned_of(void **state)
{
    (void)state;
    struct config config;
    struct config_errors warnings = {0};
    load("global_rooms: [general, 0123456789abcdef0123456789abcde, "
         "A47B63F7d5b511ba5bc4089a7444690f]\n",
         &config);
    config_warnings(&config, &warnings);
    assert_int_equal(warnings.count, 1);
    assert_non_null(strstr(warnings.lines[0], "relay.yaml: global_rooms[2]: warning: "
                                              "a47b63f7d5b511ba5bc4089a7444690f looks like"));
    config_errors_free(&warnings);
    config_free(&config);
}

static void test_reads_peers(void **state)
{
    (void)state;
    struct config config;
    struct fingerprint_tls b;
    memset(&b, 0xbb, sizeof(b));
    load("peers:\n"
         "  - address: relay-b.example.org:4433\n"
         "    fingerprint: " PRINT_B "\n"
         "  - {address: '[2001:db8::2]:1', fingerprint: '" PRINT_C "', label: c, delegate: true,\n"
         "     legacy: True}\n",
         &config);
    assert_int_equal(config.peer_count, 2);
    const struct config_peer *peer = &config.peers[0];
    assert_string_equal(peer->address, "relay-b.example.org:4433");
    assert_true(fingerprint_tls_equal(&peer->fingerprint, &b));
    assert_string_equal(peer->label, "relay-b.example.org:4433");
    assert_false(peer->delegate || peer->legacy);
    assert_int_equal(peer->line, 2);

    peer = &config.peers[1];
    assert_string_equal(peer->address, "[2001:db8::2]:1");
    assert_int_equal(peer->fingerprint.bytes[31], 0xcc);
    assert_string_equal(peer->label, "c");
    assert_true(peer->delegate && peer->legacy);
    assert_int_equal(peer->line, 4);
    config_free(&config);
}

static void test_reads_trusted(void **state)
{
    (void)state;
    struct config config;
    load("trusted:\n"
         "  - { fingerprint: " PRINT_B " }\n"
         "  - { fingerprint: '" PRINT_C "', label: c, legacy: true, address: 192.0.2.9 }\n"
         "peers: [{ address: 'c:1', fingerprint: '" PRINT_C "', legacy: true }]\n",
         &config);
    assert_int_equal(config.trusted_count, 2);
    const struct config_trusted *trusted = &config.trusted[0];
    assert_string_equal(trusted->label, "bbbbbbbbbbbbbbbb");
    assert_false(trusted->delegate || trusted->legacy);
    assert_true(address_is_none(&trusted->address));

    trusted = &config.trusted[1];
    char ip[ADDRESS_TEXT];
    address_ip_text(&trusted->address, ip);
    assert_string_equal(ip, "192.0.2.9");
    assert_int_equal(address_port(&trusted->address), 0);
    assert_string_equal(trusted->label, "c");
    assert_true(trusted->legacy);
    assert_int_equal(trusted->line, 3);
    config_free(&config);
}

static void test_defect_23_own_fingerprint_is_refused(void **state)
{
    (void)state;
    struct config config;
    struct fingerprint_tls own;
    memset(&own, 0xbb, sizeof(own));
    load("peers:\n"
         "  - {address: 'c:1', fingerprint: '" PRINT_C "'}\n"
         "  - {address: 'b:1', fingerprint: '" PRINT_B "'}\n"
         "trusted:\n"
         "  - {fingerprint: '" PRINT_B "', label: 'b:1'}\n",
         &config);
    struct config_errors errors = {0};
    assert_int_equal(config_check_identity(&config, &own, &errors), ERR_DUPLICATE);
    assert_int_equal(errors.count, 2);
    assert_string_equal(errors.lines[0],
                        "relay.yaml:3: peers[1].fingerprint: this relay's own certificate; a relay "
                        "cannot be its own peer");
    assert_string_equal(errors.lines[1],
                        "relay.yaml:5: trusted[0].fingerprint: this relay's own certificate; a "
                        "relay cannot be its own peer");
    config_errors_free(&errors);

    own.bytes[31] = 0;
    assert_int_equal(config_check_identity(&config, &own, &errors), 0);
    assert_false(config_errors_any(&errors));
    config_free(&config);
}

static void test_loads_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/chappe-config-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "relay: {workers: 3}\n", 20), 20);
    struct config config;
    struct config_errors errors;
    assert_int_equal(config_load(path, &config, &errors), 0);
    assert_int_equal(config.relay.workers, 3);
    assert_string_equal(config.file, path);
    config_free(&config);

    assert_int_equal(ftruncate(fd, CONFIG_FILE_MAX + 1), 0);
    assert_int_equal(config_load(path, &config, &errors), ERR_TOO_LARGE);
    assert_non_null(strstr(errors.lines[0], ": larger than 1048576 bytes"));
    config_errors_free(&errors);
    close(fd);
    unlink(path);
}

static void test_says_why_a_file_cannot_be_read(void **state)
{
    (void)state;
    struct config config;
    struct config_errors errors;
    assert_int_equal(config_load("/nonexistent/relay.yaml", &config, &errors), ERR_SYSTEM);
    assert_string_equal(errors.lines[0],
                        "/nonexistent/relay.yaml: cannot be read: No such file or directory");
    config_errors_free(&errors);
    assert_int_equal(config_load("/tmp", &config, &errors), ERR_SYSTEM);
    assert_string_equal(errors.lines[0], "/tmp: cannot be read: Is a directory");
    config_errors_free(&errors);
    assert_null(config.file);
}

/* xorshift64: the same mutations in every run. */
static uint64_t random_next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void mutate(char *text, size_t *len, size_t capacity, uint64_t *seed)
{
    static const char bytes[] = "\0\n\t :-[]{}\"'#&*!|>%@,~<\\\xff\xc3\xe2 aA09";
    size_t at = random_next(seed) % *len;
    char byte = bytes[random_next(seed) % sizeof(bytes)];
    uint64_t kind = random_next(seed) % 4;
    if (kind == 0 && *len < capacity) {
        memmove(text + at + 1, text + at, *len - at);
        text[at] = byte;
        (*len)++;
    } else if (kind == 1 && *len > 1) {
        memmove(text + at, text + at + 1, *len - at - 1);
        (*len)--;
    } else if (kind == 2) {
        size_t from = random_next(seed) % *len;
        size_t most = *len - (at > from ? at : from);
        memmove(text + at, text + from, random_next(seed) % (most + 1));
    } else {
        text[at] = byte;
    }
}

static const char fuzz_text[] =
    "relay: {name: a, listen: \"[::]:4433\", advertise: 192.0.2.1:1, workers: 2}\n"
    "log: { level: info, format: text }\n"
    "auth: {url: 'http://a/'}\n"
    "event_log: /tmp/e\n"
    "global_rooms: [general, android]\n"
    "peers:\n"
    "  - address: b:4433\n"
    "    fingerprint: " PRINT_B "\n"
    "    delegate: false\n"
    "trusted:\n"
    "  - { fingerprint: \"" PRINT_C "\", legacy: true, address: 192.0.2.9 }\n"
    "limits:\n"
    "  signal_bytes: 1048576\n";

static void test_garbage_gives_errors_or_a_config(void **state)
{
    (void)state;
    struct config start;
    load(fuzz_text, &start);
    config_free(&start);
    uint64_t seed = 0xc0f1e;
    int good = 0;
    int bad = 0;
    for (int round = 0; round < 4000; round++) {
        char text[2 * sizeof(fuzz_text)];
        size_t len = sizeof(fuzz_text) - 1;
        memcpy(text, fuzz_text, len);
        uint64_t mutations = 1 + random_next(&seed) % 8;
        for (uint64_t i = 0; i < mutations; i++)
            mutate(text, &len, sizeof(text), &seed);
        struct config config;
        struct config_errors errors;
        int rc =
            config_load_text((struct bytes){(const uint8_t *)text, len}, "f", &config, &errors);
        assert_true(rc == 0 || rc == ERR_SYNTAX);
        assert_int_equal(rc != 0, config_errors_any(&errors));
        assert_int_equal(rc == 0, config.relay.name != NULL);
        good += rc == 0;
        bad += rc != 0;
        config_errors_free(&errors);
        config_free(&config);
    }
    assert_true(good > 10 && bad > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_that_say_nothing_give_the_defaults),
        cmocka_unit_test(test_reads_every_key),
        cmocka_unit_test(test_a_room_named_by_a_hash_is_warned_of),
        cmocka_unit_test(test_reads_peers),
        cmocka_unit_test(test_reads_trusted),
        cmocka_unit_test(test_defect_23_own_fingerprint_is_refused),
        cmocka_unit_test(test_loads_a_file),
        cmocka_unit_test(test_says_why_a_file_cannot_be_read),
        cmocka_unit_test(test_garbage_gives_errors_or_a_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
