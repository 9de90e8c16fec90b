#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "common/signal.h"
#include "common/signal_arena.h"

#define KEY                                                                                        \
    "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31]"
#define GOOD                                                                                       \
    "{\"codec\":\"Opus24k\",\"fec_ratio\":0.2,\"frame_duration_ms\":20,\"frames_per_block\":5}"

/* Parses what must be accepted; the caller frees it. */
static struct signal parse(const char *json)
{
    struct signal signal;
    struct signal_error error;
    if (signal_parse(bytes_of_string(json), &signal, &error) != 0) {
        char text[256];
        signal_error_format(&error, text, sizeof(text));
        fail_msg("%s: %s", json, text);
    }
    return signal;
}

/* Parses what must be refused. */
static struct signal_error refuse(const char *json)
{
    struct signal signal;
    struct signal_error error;
    memset(&signal, 0xff, sizeof(signal));
    int rc = signal_parse(bytes_of_string(json), &signal, &error);
    assert_int_not_equal(rc, 0);
    assert_int_equal(rc, error.code);
    assert_null(signal.arena);
    signal_free(&signal);
    return error;
}

struct place {
    const char *json;
    int code;
    const char *path;
    size_t offset;
};

static void check_places(const struct place *places, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct signal_error error = refuse(places[i].json);
        if (error.code != places[i].code || strcmp(error.path, places[i].path) != 0 ||
            error.offset != places[i].offset)
            fail_msg("%s: %d at %s, byte %zu", places[i].json, error.code, error.path,
                     error.offset);
    }
}

static void errors_name_the_place(void **state)
{
    (void)state;
    static const struct place places[] = {
        {"", ERR_TRUNCATED, "", 0},
        {"  5", ERR_TYPE, "", 2},
        {"{}", ERR_MISSING, "", 0},
        {"{\"Ping\":{\"timestamp_ms\":1}} x", ERR_TRAILING, "", 28},
        {"{\"Ping\":{\"timestamp_ms\":1},\"Pong\":{\"timestamp_ms\":1}}", ERR_SYNTAX, "Ping", 26},
        {"{\"Ping\":{}}", ERR_MISSING, "Ping.timestamp_ms", 9},
        {"{\"Ping\":{\"timestamp_ms\":-1}}", ERR_RANGE, "Ping.timestamp_ms", 24},
        {"{\"Ping\":{\"timestamp_ms\":1,\"timestamp_ms\":2}}", ERR_DUPLICATE, "Ping.timestamp_ms",
         26},
        {"{\"Ping\":{\"x\":[01]}}", ERR_SYNTAX, "Ping", 14},
        {"\"Ping\"", ERR_TYPE, "Ping", 6},
        {"{\"Hold\":{}}", ERR_TYPE, "Hold", 8},
        {"{\"Rekey\":{\"new_ephemeral_pub\":[0,1,2,300]}}", ERR_RANGE, "Rekey.new_ephemeral_pub[3]",
         37},
        {"{\"Rekey\":{\"new_ephemeral_pub\":[0,1]}}", ERR_RANGE, "Rekey.new_ephemeral_pub", 30},
        {"{\"Rekey\":{\"signature\":[1,\"\"]}}", ERR_TYPE, "Rekey.signature[1]", 25},
        {"{\"Rekey\":{\"signature\":[1 2]}}", ERR_SYNTAX, "Rekey.signature[1]", 25},
        {"{\"Hangup\":{\"reason\":\"Bored\"}}", ERR_UNKNOWN, "Hangup.reason", 20},
        {"{\"RoomUpdate\":{\"count\":1,\"participants\":[{\"fingerprint\":\"f\"},{\"fingerprint\":"
         "1}]}}",
         ERR_TYPE, "RoomUpdate.participants[1].fingerprint", 76},
        {"{\"QualityUpdate\":{\"report\":{\"loss_pct\":1}}}", ERR_MISSING,
         "QualityUpdate.report.rtt_4ms", 40},
        {"{\"QualityDirective\":{\"recommended_profile\":{\"codec\":\"Speex\"}}}", ERR_UNKNOWN,
         "QualityDirective.recommended_profile.codec", 52},
        {"{\"FederatedSignalForward\":{\"inner\":{\"Ping\":{\"timestamp_ms\":null}}}}", ERR_TYPE,
         "FederatedSignalForward.inner.Ping.timestamp_ms", 59},
        {"{\"FederatedSignalForward\":{\"inner\":5}}", ERR_TYPE, "FederatedSignalForward.inner",
         35},
    };
    check_places(places, sizeof(places) / sizeof(places[0]));
}

static void errors_in_extensions_name_the_place(void **state)
{
    (void)state;
    static const struct place places[] = {
        {"{\"Hangup\":{\"reason\":\"Normal\",\"chappe\":5}}", ERR_TYPE, "Hangup.chappe", 38},
        {"{\"Hangup\":{\"reason\":\"Normal\",\"chappe\":[]}}", ERR_TYPE, "Hangup.chappe", 38},
        {"{\"Hangup\":{\"chappe\":{\"by\":1}}}", ERR_TYPE, "Hangup.chappe.by", 26},
        {"{\"FederationHello\":{\"chappe\":{}}}", ERR_MISSING, "FederationHello.chappe.v", 30},
        {"{\"RegisterPresence\":{\"chappe_proof\":\"x\"}}", ERR_TYPE,
         "RegisterPresence.chappe_proof", 36},
        {"{\"GlobalRoomActive\":{\"chappe\":{\"want\":[{},{\"label\":1}]}}}", ERR_TYPE,
         "GlobalRoomActive.chappe.want[1].label", 51},
        {"{\"GlobalRoomInactive\":{\"chappe\":{\"version\":{\"start\":1}}}}", ERR_MISSING,
         "GlobalRoomInactive.chappe.version.counter", 53},
    };
    check_places(places, sizeof(places) / sizeof(places[0]));
}

static void errors_as_text(void **state)
{
    (void)state;
    char text[128];
    struct signal_error error = refuse("{\"Ping\":{\"timestamp_ms\":-1}}");
    signal_error_format(&error, text, sizeof(text));
    assert_string_equal(text, "Ping.timestamp_ms: value out of range (byte 24)");
    error = refuse("\"Nope\"");
    signal_error_format(&error, text, sizeof(text));
    assert_string_equal(text, "message: unknown message variant 'Nope' (byte 0)");
    signal_error_format(&error, text, 8);
    assert_string_equal(text, "message");
}

static void unknown_variants_are_told_apart(void **state)
{
    (void)state;
    struct signal_error error = refuse("{\"CandidateUpdate\":{\"x\":1}}");
    assert_int_equal(error.code, ERR_UNKNOWN_VARIANT);
    assert_string_equal(error.variant, "CandidateUpdate");
    error =
        refuse("{\"FederatedSignalForward\":{\"inner\":{\"Nope\":1},\"origin_relay_fp\":\"a\"}}");
    assert_int_equal(error.code, ERR_UNKNOWN_VARIANT);
    assert_string_equal(error.variant, "Nope");
    assert_string_equal(error.path, "FederatedSignalForward.inner");
    assert_int_equal(refuse("{\"Ping\":{}}").variant[0], '\0');
}

static void names_of_unknown_variants_are_harmless(void **state)
{
    (void)state;
    struct signal_error error = refuse("\"a\\u001b[31m\xc3\xab\x7f\"");
    assert_int_equal(error.code, ERR_UNKNOWN_VARIANT);
    assert_string_equal(error.variant, "a\\u001b[31m???");
    char json[204];
    memset(json, 'x', sizeof(json));
    json[0] = json[202] = '"';
    json[203] = '\0';
    error = refuse(json);
    assert_int_equal(strlen(error.variant), sizeof(error.variant) - 1);
    assert_string_equal(error.variant + sizeof(error.variant) - 5, "x...");
}

static void an_error_is_optional(void **state)
{
    (void)state;
    struct signal signal;
    assert_int_equal(signal_parse(BYTES_LITERAL("{\"Ping\":"), &signal, NULL), ERR_TRUNCATED);
    assert_int_equal(signal_parse(BYTES_NONE, &signal, NULL), ERR_TRUNCATED);
}

static void whole_numbers_keep_every_bit(void **state)
{
    (void)state;
    struct signal s = parse("{\"Ping\":{\"timestamp_ms\":18446744073709551615}}");
    assert_true(s.ping.timestamp_ms == UINT64_MAX);
    signal_free(&s);
    s = parse("{\"Pong\":{\"timestamp_ms\":9007199254740993}}");
    assert_true(s.pong.timestamp_ms == UINT64_C(9007199254740993));
    signal_free(&s);
}

static void texts_are_whole(void **state)
{
    (void)state;
    struct signal s = parse("{\"AuthToken\":{\"token\":\"a\\u0000b\\ud83d\\udcde\"}}");
    assert_int_equal(s.auth_token.token.len, 7);
    assert_memory_equal(s.auth_token.token.data, "a\0b\xf0\x9f\x93\x9e", 7);
    signal_free(&s);
    s = parse("{\"Transfer\":{\"target_fingerprint\":\"\"}}");
    assert_non_null(s.transfer.target_fingerprint.data); /* empty */
    assert_null(s.transfer.relay_addr.data);             /* absent */
    signal_free(&s);
}

static void every_field_arrives(void **state)
{
    (void)state;
    struct signal s =
        parse("{\"DirectCallAnswer\":{\"call_id\":\"c\",\"accept_mode\":\"AcceptGeneric\","
              "\"identity_pub\":" KEY ",\"signature\":[],\"chosen_profile\":" GOOD
              ",\"callee_local_addrs\":[\"10.0.0.1:1\",\"x\"],\"callee_build_version\":\"v\"}}");
    const struct signal_direct_call_answer *a = &s.direct_call_answer;
    assert_int_equal(s.type, SIGNAL_DIRECT_CALL_ANSWER);
    assert_true(signal_text_equal_string(a->call_id, "c"));
    assert_int_equal(a->accept_mode, SIGNAL_ACCEPT_GENERIC);
    assert_int_equal(a->identity_pub[31], 31);
    assert_null(a->ephemeral_pub);
    assert_non_null(a->signature.data);
    assert_int_equal(a->signature.len, 0);
    assert_int_equal(a->chosen_profile->codec, SIGNAL_CODEC_OPUS24K);
    assert_true(a->chosen_profile->fec_ratio == 0.2f);
    assert_int_equal(a->callee_local_addrs.count, 2);
    assert_true(signal_text_equal_string(a->callee_local_addrs.items[1], "x"));
    assert_true(signal_text_equal_string(a->callee_build_version, "v"));
    assert_null(a->callee_reflexive_addr.data);
    signal_free(&s);
}

static void bodies_may_be_arrays(void **state)
{
    (void)state;
    struct signal s = parse("{\"Hangup\":[\"Busy\"]}"); /* call_id has a default */
    assert_int_equal(s.hangup.reason, SIGNAL_HANGUP_BUSY);
    assert_false(s.later);
    signal_free(&s);
    s = parse("{\"Hangup\":[{\"Busy\":null},\"c\"]}");
    assert_true(signal_text_equal_string(s.hangup.call_id, "c"));
    assert_true(s.later);
    signal_free(&s);
    s = parse("{\"RoomUpdate\":[1,[[\"f\",null],{\"fingerprint\":\"g\"}]]}");
    assert_int_equal(s.room_update.participants.count, 2);
    assert_true(signal_text_equal_string(s.room_update.participants.items[0].fingerprint, "f"));
    signal_free(&s);
    /* to be nullable is no default, and an extension has no position */
    assert_string_equal(refuse("{\"Transfer\":[\"f\"]}").path, "Transfer.relay_addr");
    assert_int_equal(refuse("{\"RegisterPresence\":[" KEY ",[],null,[1]]}").code, ERR_TYPE);
    assert_int_equal(refuse("{\"Ping\":[]}").code, ERR_MISSING);
    assert_int_equal(refuse("{\"Ping\":[1,2]}").code, ERR_TYPE);
}

static void names_of_enums_may_be_objects(void **state)
{
    (void)state;
    struct signal s = parse("{\"Hangup\":{\"reason\":{ \"Timeout\" : null }}}");
    assert_int_equal(s.hangup.reason, SIGNAL_HANGUP_TIMEOUT);
    signal_free(&s);
    assert_int_equal(refuse("{\"Hangup\":{\"reason\":{\"Timeout\":1}}}").code, ERR_TYPE);
    assert_int_equal(refuse("{\"Hangup\":{\"reason\":{\"Timeout\":null,\"Busy\":null}}}").code,
                     ERR_SYNTAX);
    assert_int_equal(refuse("{\"Hangup\":{\"reason\":{}}}").code, ERR_MISSING);
}

static void later_is_noticed(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        bool later;
    } cases[] = {
        {"{\"Hangup\":{\"reason\":\"Normal\"}}", false},
        {"{\"Hangup\":{\"reason\":\"Normal\",\"call_id\":null}}", false},
        {"{\"Hangup\":{\"reason\":\"Normal\",\"call_id\":\"\"}}", true},
        {"{\"Hangup\":{\"reason\":\"Normal\",\"chappe\":{}}}", false},
        {"{\"RegisterPresenceAck\":{\"success\":true,\"relay_build\":\"x\"}}", true},
        {"{\"MediaPathReport\":{\"call_id\":\"c\",\"direct_ok\":true}}", true},
        {"{\"QualityDirective\":{\"recommended_profile\":" GOOD "}}", true},
        {"{\"CallSetup\":{\"call_id\":\"c\",\"room\":\"r\",\"relay_addr\":\"a\",\"peer_local_"
         "addrs\":[]}}",
         true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct signal s = parse(cases[i].json);
        assert_int_equal(s.later, cases[i].later);
        signal_free(&s);
    }
}

static void later_is_noticed_in_a_forward(void **state)
{
    (void)state;
    struct signal s =
        parse("{\"FederatedSignalForward\":{\"inner\":{\"Hangup\":{\"reason\":\"Normal\","
              "\"call_id\":\"c\"}},\"origin_relay_fp\":\"a\"}}");
    assert_true(s.later);
    assert_true(s.federated_signal_forward.inner->later);
    signal_free(&s);
}

static void a_forward_keeps_the_bytes(void **state)
{
    (void)state;
    static const char inner[] =
        "{ \"Hangup\" : {\"new_field\": [1.50, \"\\u0041\"], \"reason\":\"Busy\"} }";
    char json[256];
    snprintf(json, sizeof(json),
             "{\"FederatedSignalForward\": {\"inner\":  %s ,\"origin_relay_fp\":\"aa\","
             "\"chappe\":{\"origin\":\"bb\",\"hops\":2,\"id\":\"i\",\"x\":{}}}}",
             inner);
    struct signal s = parse(json);
    const struct signal_federated_signal_forward *f = &s.federated_signal_forward;
    assert_true(bytes_equal_string(f->inner_raw, inner));
    assert_true((const char *)f->inner_raw.data > json);
    assert_true((const char *)f->inner_raw.data < json + sizeof(json));
    assert_int_equal(f->inner->type, SIGNAL_HANGUP);
    assert_int_equal(f->inner->hangup.reason, SIGNAL_HANGUP_BUSY);
    assert_true(signal_text_equal_string(f->chappe->origin, "bb"));
    assert_int_equal(*f->chappe->hops, 2);
    signal_free(&s);
}

static void forward(char *out, size_t depth, const char *innermost)
{
    *out = '\0';
    for (size_t i = 0; i < depth; i++)
        out = stpcpy(out, "{\"FederatedSignalForward\":{\"origin_relay_fp\":\"a\",\"inner\":");
    out = stpcpy(out, innermost);
    for (size_t i = 0; i < depth; i++)
        out = stpcpy(out, "}}");
}

static void forwards_nest_as_deep_as_in_serde(void **state)
{
    (void)state;
    static char json[8192];
    forward(json, 63, "\"Hold\"");
    struct signal s = parse(json);
    signal_free(&s);
    forward(json, 64, "\"Hold\"");
    assert_int_equal(refuse(json).code, ERR_DEPTH);
    forward(json, 62, "{\"Ping\":{\"timestamp_ms\":1}}");
    s = parse(json);
    signal_free(&s);
    forward(json, 62, "{\"Rekey\":{\"new_ephemeral_pub\":" KEY ",\"signature\":[]}}");
    s = parse(json);
    signal_free(&s);
    forward(json, 63, "{\"Ping\":{\"timestamp_ms\":1}}");
    struct signal_error error = refuse(json);
    assert_int_equal(error.code, ERR_DEPTH);
    assert_int_equal(strncmp(error.path, "...", 3), 0);
    assert_non_null(strstr(error.path, "inner.Ping"));
}

static void extensions_arrive(void **state)
{
    (void)state;
    struct signal s = parse("{\"GlobalRoomActive\":{\"room\":\"r\",\"chappe\":{\"version\":"
                            "{\"start\":18446744073709551615,\"counter\":2},\"origin\":\"o\","
                            "\"path\":[\"p\",\"q\"],\"want\":[{\"origin\":\"o\"},{\"label\":"
                            "\"0123456789abcdef\",\"new\":1}],\"new\":[]}}}");
    const struct signal_room_active_extension *c = s.global_room_active.chappe;
    assert_true(c->version->start == UINT64_MAX);
    assert_true(c->version->counter == 2);
    assert_true(signal_text_equal_string(c->origin, "o"));
    assert_null(c->publisher.data);
    assert_int_equal(c->path.count, 2);
    assert_int_equal(c->want.count, 2);
    assert_null(c->want.items[0].label.data);
    assert_true(signal_text_equal_string(c->want.items[1].label, "0123456789abcdef"));
    assert_int_equal(s.global_room_active.participants.count, 0);
    signal_free(&s);
    s = parse("{\"FederationHello\":{\"tls_fingerprint\":\"a\",\"chappe\":{\"v\":1,\"resync\":true,"
              "\"hops\":null}}}");
    assert_int_equal(s.federation_hello.chappe->v, 1);
    assert_true(*s.federation_hello.chappe->resync);
    assert_null(s.federation_hello.chappe->hops);
    assert_null(s.federation_hello.chappe->accepts_forwarded);
    signal_free(&s);
    s = parse("{\"Hangup\":{\"reason\":\"Normal\",\"chappe\":null}}");
    assert_null(s.hangup.chappe);
    signal_free(&s);
}

/* `head`, then `count` times `element` with commas, then `tail`; the caller frees it. */
static char *repeat(const char *head, const char *element, size_t count, const char *tail)
{
    char *json = malloc(strlen(head) + count * (strlen(element) + 1) + strlen(tail) + 1);
    assert_non_null(json);
    char *p = stpcpy(json, head);
    for (size_t i = 0; i < count; i++) {
        p = stpcpy(p, i == 0 ? "" : ",");
        p = stpcpy(p, element);
    }
    stpcpy(p, tail);
    return json;
}

struct list {
    const char *head;
    const char *element;
    const char *tail;
    const char *path;
    size_t max;
};

static const struct list lists[] = {
    {"{\"RoomUpdate\":{\"count\":1,\"participants\":[", "[\"\",null]", "]}}",
     "RoomUpdate.participants", SIGNAL_MAX_PARTICIPANTS},
    {"{\"PresenceUpdate\":{\"relay_addr\":\"\",\"fingerprints\":[", "\"\"", "]}}",
     "PresenceUpdate.fingerprints", SIGNAL_MAX_TEXTS},
    {"{\"CallSetup\":{\"call_id\":\"\",\"room\":\"\",\"relay_addr\":\"\",\"peer_local_addrs\":[",
     "\"\"", "]}}", "CallSetup.peer_local_addrs", SIGNAL_MAX_ADDRS},
    {"{\"CallOffer\":{\"identity_pub\":" KEY ",\"ephemeral_pub\":" KEY
     ",\"signature\":[],\"supported_profiles\":[",
     "[\"Opus6k\",0,0,0]", "]}}", "CallOffer.supported_profiles", SIGNAL_MAX_PROFILES},
    {"{\"GlobalRoomActive\":{\"room\":\"\",\"chappe\":{\"want\":[", "{}", "]}}}",
     "GlobalRoomActive.chappe.want", SIGNAL_MAX_WANTS},
    {"{\"GlobalRoomActive\":{\"room\":\"\",\"chappe\":{\"path\":[", "\"\"", "]}}}",
     "GlobalRoomActive.chappe.path", SIGNAL_MAX_PATH},
};

static void lists_have_caps(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        const struct list *l = &lists[i];
        char *json = repeat(l->head, l->element, l->max, l->tail);
        struct signal s = parse(json);
        assert_true(signal_arena_size(s.arena) <= 4096 + 16 * strlen(json));
        signal_free(&s);
        free(json);
        json = repeat(l->head, l->element, l->max + 1, l->tail);
        struct signal_error error = refuse(json);
        assert_int_equal(error.code, ERR_TOO_LARGE);
        assert_string_equal(error.path, l->path);
        free(json);
    }
}

static void memory_is_bounded_by_the_input(void **state)
{
    (void)state;
    static char json[8192];
    char *text = repeat("{\"AuthToken\":{\"token\":\"", "x,", 100000, "\"}}");
    struct signal s = parse(text);
    assert_true(signal_arena_size(s.arena) <= 4096 + 16 * strlen(text));
    signal_free(&s);
    free(text);
    text = repeat("{\"PresenceUpdate\":{\"relay_addr\":\"\",\"fingerprints\":[", "\"x\"", 30000,
                  "]}}");
    s = parse(text);
    assert_true(signal_arena_size(s.arena) <= 4096 + 16 * strlen(text));
    signal_free(&s);
    free(text);
    forward(json, 63, "\"Hold\"");
    s = parse(json);
    assert_true(signal_arena_size(s.arena) <= 4096 + 16 * strlen(json));
    signal_free(&s);
}

static void unknown_fields_are_skipped_at_any_depth(void **state)
{
    (void)state;
    size_t depth = 100000;
    char *json = malloc(2 * depth + 64), *p = json;
    assert_non_null(json);
    p = stpcpy(p, "{\"Ping\":{\"x\":");
    memset(p, '[', depth);
    memset(p + depth, ']', depth);
    stpcpy(p + 2 * depth, ",\"timestamp_ms\":5}}");
    struct signal s = parse(json);
    assert_true(s.ping.timestamp_ms == 5);
    signal_free(&s);
    free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_name_the_place),
        cmocka_unit_test(errors_in_extensions_name_the_place),
        cmocka_unit_test(errors_as_text),
        cmocka_unit_test(unknown_variants_are_told_apart),
        cmocka_unit_test(names_of_unknown_variants_are_harmless),
        cmocka_unit_test(an_error_is_optional),
        cmocka_unit_test(whole_numbers_keep_every_bit),
        cmocka_unit_test(texts_are_whole),
        cmocka_unit_test(every_field_arrives),
        cmocka_unit_test(bodies_may_be_arrays),
        cmocka_unit_test(names_of_enums_may_be_objects),
        cmocka_unit_test(later_is_noticed),
        cmocka_unit_test(later_is_noticed_in_a_forward),
        cmocka_unit_test(a_forward_keeps_the_bytes),
        cmocka_unit_test(forwards_nest_as_deep_as_in_serde),
        cmocka_unit_test(extensions_arrive),
        cmocka_unit_test(lists_have_caps),
        cmocka_unit_test(memory_is_bounded_by_the_input),
        cmocka_unit_test(unknown_fields_are_skipped_at_any_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
