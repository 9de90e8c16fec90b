#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "common/signal.h"

#define ZEROS "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]"
#define GOOD                                                                                       \
    "{\"codec\":\"Opus24k\",\"fec_ratio\":0.2,\"frame_duration_ms\":20,\"frames_per_block\":5}"

static void check(const struct signal *signal, const char *expected)
{
    struct buffer out = {0};
    assert_int_equal(signal_write(signal, &out), 0);
    if (!bytes_equal_string(buffer_view(&out), expected))
        fail_msg("%.*s, not %s", (int)out.len, (const char *)out.data, expected);
    buffer_free(&out);
}

static void what_is_left_out_is_empty_or_absent(void **state)
{
    (void)state;
    check(&(struct signal){.type = SIGNAL_CALL_OFFER},
          "{\"CallOffer\":{\"identity_pub\":" ZEROS ",\"ephemeral_pub\":" ZEROS
          ",\"signature\":[],\"supported_profiles\":[],\"alias\":null}}");
    check(&(struct signal){.type = SIGNAL_DIRECT_CALL_ANSWER},
          "{\"DirectCallAnswer\":{\"call_id\":\"\",\"accept_mode\":\"Reject\"}}");
    check(&(struct signal){.type = SIGNAL_GLOBAL_ROOM_ACTIVE},
          "{\"GlobalRoomActive\":{\"room\":\"\",\"participants\":[]}}");
    check(&(struct signal){.type = SIGNAL_REFLECT}, "\"Reflect\"");
}

static void messages_are_built_by_hand(void **state)
{
    (void)state;
    static const struct signal_text addrs[] = {{"10.0.0.1:1", 10}, {"\xc3\xab\"", 3}};
    check(&(struct signal){.type = SIGNAL_CALL_SETUP,
                           .call_setup = {.call_id = SIGNAL_TEXT("c"),
                                          .room = SIGNAL_TEXT("call-c"),
                                          .relay_addr = SIGNAL_TEXT("1.2.3.4:4433"),
                                          .peer_local_addrs = {addrs, 2}}},
          "{\"CallSetup\":{\"call_id\":\"c\",\"room\":\"call-c\",\"relay_addr\":\"1.2.3.4:4433\","
          "\"peer_local_addrs\":[\"10.0.0.1:1\",\"\xc3\xab\\\"\"]}}");
    check(&(struct signal){.type = SIGNAL_DIRECT_CALL_ANSWER,
                           .direct_call_answer = {.accept_mode = SIGNAL_ACCEPT_TRUSTED,
                                                  .identity_pub = (const uint8_t[32]){0},
                                                  .signature = BYTES_LITERAL(""),
                                                  .chosen_profile = &signal_profile_good}},
          "{\"DirectCallAnswer\":{\"call_id\":\"\",\"accept_mode\":\"AcceptTrusted\","
          "\"identity_pub\":" ZEROS ",\"signature\":[],\"chosen_profile\":" GOOD "}}");
    check(&(struct signal){.type = SIGNAL_PING, .ping = {UINT64_MAX}},
          "{\"Ping\":{\"timestamp_ms\":18446744073709551615}}");
}

static void extensions_come_last(void **state)
{
    (void)state;
    const bool yes = true, no = false;
    const uint32_t hops = 2;
    const uint64_t start = UINT64_C(1790000000123);
    check(&(struct signal){.type = SIGNAL_HANGUP,
                           .hangup = {.call_id = SIGNAL_TEXT("c"),
                                      .chappe =
                                          &(struct signal_hangup_extension){
                                              .by = SIGNAL_TEXT("relay"), .not_here = &yes}}},
          "{\"Hangup\":{\"reason\":\"Normal\",\"call_id\":\"c\",\"chappe\":{\"by\":\"relay\","
          "\"not_here\":true}}}");
    check(
        &(struct signal){
            .type = SIGNAL_FEDERATION_HELLO,
            .federation_hello = {.tls_fingerprint = SIGNAL_TEXT("aa"),
                                 .chappe =
                                     &(struct signal_hello_extension){
                                         .v = 1, .hops = &hops, .resync = &no, .start = &start}}},
        "{\"FederationHello\":{\"tls_fingerprint\":\"aa\",\"chappe\":{\"v\":1,\"hops\":2,"
        "\"resync\":false,\"start\":1790000000123}}}");
    check(&(struct signal){.type = SIGNAL_REGISTER_PRESENCE,
                           .register_presence = {.chappe_proof = BYTES_LITERAL("\xff\x01")}},
          "{\"RegisterPresence\":{\"identity_pub\":" ZEROS
          ",\"signature\":[],\"alias\":null,\"chappe_proof\":[255,1]}}");
}

static void absent_and_empty_lists_differ_in_extensions(void **state)
{
    (void)state;
    const struct signal_want none[1] = {0};
    const struct signal_room_active_extension extension = {.want = {none, 0}};
    check(&(struct signal){.type = SIGNAL_GLOBAL_ROOM_ACTIVE,
                           .global_room_active = {.chappe = &extension}},
          "{\"GlobalRoomActive\":{\"room\":\"\",\"participants\":[],\"chappe\":{\"want\":[]}}}");
}

static void a_forward_embeds_the_bytes(void **state)
{
    (void)state;
    struct buffer out = {0};
    static const char inner[] = "{ \"Hangup\":{\"reason\":\"Busy\", \"unknown\":[1.50]} }";
    const uint32_t hops = 1, again = 2;
    assert_int_equal(signal_write_forward(&out, "aa:bb", bytes_of_string(inner), NULL), 0);
    assert_true(bytes_equal_string(
        buffer_view(&out), "{\"FederatedSignalForward\":{\"inner\":{ \"Hangup\":{\"reason\":"
                           "\"Busy\", \"unknown\":[1.50]} },\"origin_relay_fp\":\"aa:bb\"}}"));
    buffer_clear(&out);
    const struct signal_forward_extension extension = {
        .origin = SIGNAL_TEXT("cc"), .hops = &hops, .id = SIGNAL_TEXT("i"), .again = &again};
    assert_int_equal(signal_write_forward(&out, "aa", BYTES_LITERAL("\"Hold\""), &extension), 0);
    assert_true(bytes_equal_string(buffer_view(&out),
                                   "{\"FederatedSignalForward\":{\"inner\":\"Hold\","
                                   "\"origin_relay_fp\":\"aa\",\"chappe\":{\"origin\":\"cc\","
                                   "\"hops\":1,\"id\":\"i\",\"again\":2}}}"));
    buffer_free(&out);
}

static void a_parsed_message_is_preferred_to_its_bytes(void **state)
{
    (void)state;
    const struct signal inner = {.type = SIGNAL_HOLD};
    check(&(struct signal){.type = SIGNAL_FEDERATED_SIGNAL_FORWARD,
                           .federated_signal_forward = {.inner = &inner,
                                                        .inner_raw = BYTES_LITERAL(" \"Hold\"")}},
          "{\"FederatedSignalForward\":{\"inner\":\"Hold\",\"origin_relay_fp\":\"\"}}");
}

static int write_after(struct buffer *out, const struct signal *signal)
{
    buffer_clear(out);
    buffer_append_string(out, "before");
    int rc = signal_write(signal, out);
    assert_true(bytes_equal_string(buffer_view(out), "before"));
    return rc;
}

static void errors_append_nothing(void **state)
{
    (void)state;
    struct buffer out = {0};
    struct signal s = {.type = SIGNAL_TYPES};
    assert_int_equal(write_after(&out, &s), ERR_RANGE);
    s = (struct signal){.type = SIGNAL_HANGUP, .hangup = {.reason = SIGNAL_HANGUP_REASONS}};
    assert_int_equal(write_after(&out, &s), ERR_RANGE);
    s = (struct signal){.type = SIGNAL_FEDERATED_SIGNAL_FORWARD};
    assert_int_equal(write_after(&out, &s), ERR_MISSING);
    out.failed = true;
    s = (struct signal){.type = SIGNAL_HOLD};
    assert_int_equal(signal_write(&s, &out), ERR_MEMORY);
    buffer_free(&out);
}

static void forwards_within_forwards_are_bounded(void **state)
{
    (void)state;
    struct buffer out = {0};
    struct signal chain[64] = {{.type = SIGNAL_HOLD}};
    for (size_t i = 1; i < 64; i++)
        chain[i] = (struct signal){.type = SIGNAL_FEDERATED_SIGNAL_FORWARD,
                                   .federated_signal_forward = {.inner = &chain[i - 1]}};
    assert_int_equal(write_after(&out, &chain[63]), ERR_DEPTH);
    assert_int_equal(signal_write(&chain[62], &out), 0);
    buffer_free(&out);
}

static void infinity_is_written_as_the_original_does(void **state)
{
    (void)state;
    check(&(struct signal){.type = SIGNAL_QUALITY_DIRECTIVE,
                           .quality_directive = {.recommended_profile = {.fec_ratio = INFINITY}}},
          "{\"QualityDirective\":{\"recommended_profile\":{\"codec\":\"Opus24k\","
          "\"fec_ratio\":null,\"frame_duration_ms\":0,\"frames_per_block\":0}}}");
}

static void the_table_can_be_listed(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "Ping {timestamp_ms u64}\n",
        "Reflect unit\n",
        "Hangup {reason HangupReason, call_id str~ =d later, "
        "chappe {by str~, not_here bool~, lost bool~}~ ours}\n",
        "RoomUpdate {count u32, participants [{fingerprint str, alias str?, relay_label str? "
        "=d}]}\n",
        "MediaPathReport later {call_id str, direct_ok bool, race_winner str =d}\n",
        "FederatedSignalForward {inner message, origin_relay_fp str, "
        "chappe {origin str~, hops u32~, id str~, way [str]~, again u32~}~ ours}\n",
    };
    struct buffer out = {0};
    assert_int_equal(signal_list_fields(&out), 0);
    size_t count = 0;
    for (size_t i = 0; i < out.len; i++)
        count += out.data[i] == '\n';
    assert_int_equal(count, 36);
    assert_int_equal(buffer_append_u8(&out, 0), 0);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_non_null(strstr((const char *)out.data, lines[i]));
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_is_empty_or_absent),
        cmocka_unit_test(messages_are_built_by_hand),
        cmocka_unit_test(extensions_come_last),
        cmocka_unit_test(absent_and_empty_lists_differ_in_extensions),
        cmocka_unit_test(a_forward_embeds_the_bytes),
        cmocka_unit_test(a_parsed_message_is_preferred_to_its_bytes),
        cmocka_unit_test(errors_append_nothing),
        cmocka_unit_test(forwards_within_forwards_are_bounded),
        cmocka_unit_test(infinity_is_written_as_the_original_does),
        cmocka_unit_test(the_table_can_be_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
