/* The schema against the design page's sample file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/config.h"
#include "common/config_schema.h"
#include "common/error.h"

/* Design, "Config", word for word: its fingerprints stand for 64 digits. */
static const char sample[] =
    "relay:\n"
    "  name: relay-a                   # label that others see; default: the host's name\n"
    "  listen: \"0.0.0.0:4433\"          # UDP; \"[::]:4433\" for both families\n"
    "  advertise: \"203.0.113.5:4433\"   # address given to phones; default: the address at which "
    "this phone reached us\n"
    "  identity: /var/lib/chappe/identity   # 64 hex digits; made with mode 0600 if absent; never "
    "overwritten\n"
    "  runtime_dir: /run/chappe        # ipc sockets, locks\n"
    "  workers: 1                      # data-plane threads; 0 = one per core\n"
    "  max_sessions: 10000             # media connections\n"
    "  max_phones: 50000               # registered phones\n"
    "log:   { level: info, format: text }        # or json\n"
    "metrics: { listen: \"127.0.0.1:9090\" }       # /metrics /healthz /readyz, served by the "
    "control plane; default: off\n"
    "auth:  { url: \"https://chat.example.com/v1/auth/validate\" }   # default: no token needed\n"
    "event_log: /var/log/chappe/events.jsonl     # both planes append whole lines; reopened on "
    "SIGHUP; default: off\n"
    "global_rooms: [general, android]            # default: none\n"
    "peers:                            # relays that we dial; each may dial us too; default: none\n"
    "  - address: \"relay-b.example.org:4433\"     # resolved at every dial\n"
    "    fingerprint: \"aa:bb:...\"      # SHA-256 of the TLS certificate, 32 bytes; any case and "
    "grouping\n"
    "    label: relay-b                # default: the address\n"
    "    delegate: false               # accept what it forwards from others\n"
    "    legacy: false                 # an original: it presents no certificate when it dials us\n"
    "trusted:                          # relays that may dial us; default: none\n"
    "  - { fingerprint: \"cc:dd:...\", label: relay-c, delegate: false, legacy: true, address: "
    "\"192.0.2.9\" }\n"
    "                                  # label: default its first 16 digits; legacy: true needs "
    "the source address\n"
    "limits:                           # 0 = unlimited for the first three; Retry from 256 "
    "unfinished handshakes on\n"
    "  federation_room_pps: 4000       # packets/s from one peer in one room, burst one second\n"
    "  participant_pps: 2000           # packets/s from one sender in one room\n"
    "  address_connections: 4096       # connections from one address\n"
    "  federation_hops: 2              # in links\n"
    "  signal_bytes: 1048576\n"
    "  ring_timeout_s: 60\n";

static void test_the_sample_lacks_only_its_fingerprints(void **state)
{
    (void)state;
    struct config config;
    struct config_errors errors;
    assert_int_equal(config_load_text(bytes_of_string(sample), "relay.yaml", &config, &errors),
                     ERR_SYNTAX);
    assert_int_equal(errors.count, 2);
    assert_string_equal(errors.lines[0], "relay.yaml:17: peers[0].fingerprint: not a TLS "
                                         "fingerprint of 64 hex digits: \"aa:bb:...\"");
    assert_string_equal(errors.lines[1], "relay.yaml:22: trusted[0].fingerprint: not a TLS "
                                         "fingerprint of 64 hex digits: \"cc:dd:...\"");
    config_errors_free(&errors);
}

/* Puts 32 bytes in the place of "...", without the two that are there. */
static void complete(struct buffer *out, const char *text)
{
    for (const char *dots; (dots = strstr(text, "...")) != NULL; text = dots + 3) {
        buffer_append(out, text, (size_t)(dots - text));
        for (int i = 2; i < 32; i++)
            buffer_append_string(out, i == 2 ? "00" : ":00");
    }
    buffer_append_string(out, text);
}

static void load_sample(struct config *config)
{
    struct buffer text = {0};
    struct config_errors errors;
    complete(&text, sample);
    int rc = config_load_text(buffer_view(&text), "relay.yaml", config, &errors);
    config_errors_print(&errors, stderr);
    config_errors_free(&errors);
    buffer_free(&text);
    assert_int_equal(rc, 0);
}

static void assert_same_value(const struct config_field *field, const void *a, const void *b)
{
    struct buffer text_a = {0};
    struct buffer text_b = {0};
    field->type->format((const char *)a + field->offset, &text_a);
    field->type->format((const char *)b + field->offset, &text_b);
    buffer_append_u8(&text_a, 0);
    buffer_append_u8(&text_b, 0);
    assert_string_equal((const char *)text_a.data, (const char *)text_b.data);
    buffer_free(&text_a);
    buffer_free(&text_b);
}

static void test_defaults_are_those_of_the_sample(void **state)
{
    (void)state;
    struct config from_sample;
    struct config from_nothing;
    struct config_errors errors;
    load_sample(&from_sample);
    assert_int_equal(config_load_text(BYTES_NONE, "none", &from_nothing, &errors), 0);
    size_t compared = 0;
    for (size_t i = 0; i < config_field_count; i++) {
        if (config_fields[i].initial == NULL)
            continue;
        assert_same_value(&config_fields[i], &from_sample, &from_nothing);
        compared++;
    }
    assert_int_equal(compared, 14);
    config_free(&from_sample);
    config_free(&from_nothing);
}

/* What the sample's comments give another default, and nothing else, has no default text. */
static void test_what_has_no_default(void **state)
{
    (void)state;
    static const char *const expected[] = {
        "relay.name", "relay.advertise", "metrics.listen", "auth.url", "event_log",
    };
    size_t found = 0;
    for (size_t i = 0; i < config_field_count; i++) {
        if (config_fields[i].initial == NULL)
            assert_string_equal(config_fields[i].key, expected[found++]);
    }
    assert_int_equal(found, 5);
}

static void test_the_sample_says_what_it_says(void **state)
{
    (void)state;
    struct config config;
    load_sample(&config);
    assert_string_equal(config.relay.name, "relay-a");
    assert_int_equal(config.global_room_count, 2);
    assert_int_equal(config.peer_count, 1);
    assert_int_equal(config.peers[0].fingerprint.bytes[0], 0xaa);
    assert_string_equal(config.peers[0].label, "relay-b");
    assert_int_equal(config.trusted_count, 1);
    assert_int_equal(config.trusted[0].fingerprint.bytes[1], 0xdd);
    assert_true(config.trusted[0].legacy);
    config_free(&config);
}

static void assert_field_is_sound(const struct config_field *field, bool required_allowed)
{
    assert_non_null(field->help);
    assert_true(field->initial != NULL || field->sample != NULL);
    assert_true(required_allowed || (field->flags & CONFIG_REQUIRED) == 0);
    assert_true(field->min <= field->max);
}

static void test_the_table_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_field_count; i++) {
        assert_field_is_sound(&config_fields[i], false);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(config_fields[i].key, config_fields[k].key);
    }
    for (size_t i = 0; i < config_list_count; i++)
        for (size_t k = 0; k < config_lists[i].field_count; k++)
            assert_field_is_sound(&config_lists[i].fields[k], true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_sample_lacks_only_its_fingerprints),
        cmocka_unit_test(test_defaults_are_those_of_the_sample),
        cmocka_unit_test(test_what_has_no_default),
        cmocka_unit_test(test_the_sample_says_what_it_says),
        cmocka_unit_test(test_the_table_is_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
