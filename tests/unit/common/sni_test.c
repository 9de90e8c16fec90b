#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/sni.h"

static void every_name_has_its_kind(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum sni_kind kind;
        const char *room, *call_id;
    } cases[] = {
        {"", SNI_ROOM, "default", ""},
        {"ping", SNI_PING, "", ""},
        {"version", SNI_VERSION, "", ""},
        {"_probe", SNI_PROBE, "", ""},
        {"_federation", SNI_FEDERATION, "", ""},
        {"_FEDERATION", SNI_FEDERATION, "", ""},
        {"_signal", SNI_SIGNAL, "", ""},
        {"general", SNI_ROOM, "general", ""},
        {"General", SNI_ROOM, "general", ""},
        {"localhost", SNI_ROOM, "localhost", ""},
        {"signal", SNI_ROOM, "signal", ""},
        {"a47b63f7d5b511ba5bc4089a74446906", SNI_ROOM, "a47b63f7d5b511ba5bc4089a74446906", ""},
        {"call-18A5", SNI_CALL, "call-18a5", "18a5"},
        {"call-call-1", SNI_CALL, "call-call-1", "call-1"},
        {"call", SNI_ROOM, "call", ""},
        {"call-", SNI_REFUSED, "", ""},
        {"call-a.b", SNI_REFUSED, "", ""},
        {"call-a_b", SNI_REFUSED, "", ""},
        {"my room", SNI_REFUSED, "", ""},
        {"127.0.0.1", SNI_REFUSED, "", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sni sni;
        sni_parse(bytes_of_string(cases[i].name), &sni);
        assert_int_equal(sni.kind, cases[i].kind);
        assert_string_equal(sni.room, cases[i].room);
        assert_string_equal(sni.call_id, cases[i].call_id);
    }
}

static void defect_69_unknown_special_names_are_refused(void **state)
{
    (void)state;
    static const char *names[] = {"_relay", "_", "_signal2", "_signal.", "__probe", "_x.y"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct sni sni;
        sni_parse(bytes_of_string(names[i]), &sni);
        assert_int_equal(sni.kind, SNI_REFUSED);
        assert_string_equal(sni.room, "");
    }
}

static void no_name_at_all_is_the_default_room(void **state)
{
    (void)state;
    struct sni sni;
    sni_parse(BYTES_NONE, &sni);
    assert_int_equal(sni.kind, SNI_ROOM);
    assert_string_equal(sni.room, "default");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_has_its_kind),
        cmocka_unit_test(defect_69_unknown_special_names_are_refused),
        cmocka_unit_test(no_name_at_all_is_the_default_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
