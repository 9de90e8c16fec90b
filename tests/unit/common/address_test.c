#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/un.h>
#include <cmocka.h>

#include "common/address.h"
#include "common/error.h"

static struct address parsed(const char *text)
{
    struct address a;
    assert_int_equal(address_parse_listen(bytes_of_string(text), &a), 0);
    return a;
}

static void assert_text(const struct address *a, const char *expected)
{
    char text[ADDRESS_TEXT];
    address_text(a, text);
    assert_string_equal(text, expected);
}

static void reads_and_writes_literals(void **state)
{
    (void)state;
    static const char *texts[][2] = {
        {"192.0.2.1:4433", "192.0.2.1:4433"},
        {"0.0.0.0:1", "0.0.0.0:1"},
        {"255.255.255.255:65535", "255.255.255.255:65535"},
        {"[::]:4433", "[::]:4433"},
        {"[2001:DB8:0:0::1]:80", "[2001:db8::1]:80"},
        {"[fe80::1%7]:80", "[fe80::1%7]:80"},
        {"[fe80::1%lo]:80", "[fe80::1%1]:80"},
        {"[::ffff:192.0.2.1]:80", "192.0.2.1:80"},
        {"[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255%4294967295]:65535",
         "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535"},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct address a;
        assert_int_equal(address_parse(bytes_of_string(texts[i][0]), &a), 0);
        assert_text(&a, texts[i][1]);
    }
}

static void refuses_what_is_no_literal(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int error;
    } cases[] = {
        {"", ERR_SYNTAX},
        {":", ERR_SYNTAX},
        {":80", ERR_SYNTAX},
        {"192.0.2.1", ERR_SYNTAX},
        {"192.0.2.1:", ERR_SYNTAX},
        {"192.0.2.1:http", ERR_SYNTAX},
        {"192.0.2.1:-1", ERR_SYNTAX},
        {"192.0.2.1: 80", ERR_SYNTAX},
        {"192.0.2.1:80 ", ERR_SYNTAX},
        {"192.0.2.1:0", ERR_RANGE},
        {"192.0.2.1:65536", ERR_RANGE},
        {"192.0.2.256:80", ERR_SYNTAX},
        {"192.0.2:80", ERR_SYNTAX},
        {"192.0.2.1.:80", ERR_SYNTAX},
        {"[192.0.2.1]:80", ERR_SYNTAX},
        {"localhost:80", ERR_SYNTAX},
        {"2001:db8::1:80", ERR_SYNTAX},
        {"::1", ERR_SYNTAX},
        {"[::1]", ERR_SYNTAX},
        {"[::1]80", ERR_SYNTAX},
        {"[]:80", ERR_SYNTAX},
        {"[:80", ERR_SYNTAX},
        {"]:80", ERR_SYNTAX},
        {"[::1%]:80", ERR_SYNTAX},
        {"[::1%no-such-interface]:80", ERR_SYNTAX},
        {"[::1%0]:80", ERR_SYNTAX},
        {"[::g]:80", ERR_SYNTAX},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address a;
        memset(&a, 1, sizeof(a));
        assert_int_equal(address_parse(bytes_of_string(cases[i].text), &a), cases[i].error);
        assert_true(address_is_none(&a));
    }
    struct address a;
    assert_int_equal(address_parse(BYTES_LITERAL("192.0.2.1\0:80"), &a), ERR_SYNTAX);
    assert_int_equal(address_parse(BYTES_NONE, &a), ERR_SYNTAX);
}

static void a_listen_address_may_have_port_zero(void **state)
{
    (void)state;
    struct address a;
    assert_int_equal(address_parse_listen(BYTES_LITERAL("127.0.0.1:0"), &a), 0);
    assert_int_equal(address_port(&a), 0);
    address_set_port(&a, 4433);
    assert_text(&a, "127.0.0.1:4433");
    a = parsed("[::1]:0");
    address_set_port(&a, 4433);
    assert_text(&a, "[::1]:4433");
}

static void reads_an_ip_alone(void **state)
{
    (void)state;
    static const char *good[][2] = {{"192.0.2.9", "192.0.2.9"},
                                    {"2001:db8::1", "2001:db8::1"},
                                    {"[2001:db8::1]", "2001:db8::1"},
                                    {"::ffff:192.0.2.9", "192.0.2.9"}};
    static const char *bad[] = {"", "192.0.2.9:80", "[::1]:80", "relay", "[192.0.2.9]", "[]"};
    struct address a;
    char text[ADDRESS_TEXT];
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(address_parse_ip(bytes_of_string(good[i][0]), &a), 0);
        address_ip_text(&a, text);
        assert_string_equal(text, good[i][1]);
        assert_int_equal(address_port(&a), 0);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(address_parse_ip(bytes_of_string(bad[i]), &a), ERR_SYNTAX);
}

static void splits_host_and_port(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        uint16_t port;
    } good[] = {
        {"relay-b.example.org:4433", "relay-b.example.org", 4433},
        {"localhost:1", "localhost", 1},
        {"relay_1.:65535", "relay_1.", 65535},
        {"192.0.2.1:80", "192.0.2.1", 80},
        {"[2001:db8::1]:80", "2001:db8::1", 80},
    };
    static const char *bad[] = {"relay",     "relay:", ":80",    "re lay:80",       "[relay]:80",
                                "-relay:80", ".:80",   "a:b:80", "r\xc3\xa9lay:80", "relay/:80"};
    char host[ADDRESS_HOST];
    uint16_t port;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(address_split(bytes_of_string(good[i].text), host, &port), 0);
        assert_string_equal(host, good[i].host);
        assert_int_equal(port, good[i].port);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(address_split(bytes_of_string(bad[i]), host, &port), ERR_SYNTAX);
    assert_int_equal(address_split(BYTES_LITERAL("relay:0"), host, &port), ERR_RANGE);
    assert_int_equal(address_split(BYTES_LITERAL("relay:65536"), host, &port), ERR_RANGE);
}

static void a_host_name_has_a_limit(void **state)
{
    (void)state;
    char text[ADDRESS_HOST + 8];
    char host[ADDRESS_HOST];
    uint16_t port;
    memset(text, 'x', sizeof(text));
    memcpy(text + 254, ":80", 4);
    assert_int_equal(address_split(bytes_of_string(text), host, &port), 0);
    assert_int_equal(strlen(host), 254);
    memset(text, 'x', sizeof(text));
    memcpy(text + 255, ":80", 4);
    assert_int_equal(address_split(bytes_of_string(text), host, &port), ERR_SYNTAX);
}

static void takes_what_the_kernel_gives(void **state)
{
    (void)state;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(80)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(81)};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct address a;
    v4.sin_addr.s_addr = htonl(0xc0000201);
    v6.sin6_addr.s6_addr[15] = 1;
    v6.sin6_flowinfo = 77;
    assert_int_equal(address_from_sockaddr((struct sockaddr *)&v4, sizeof(v4), &a), 0);
    assert_text(&a, "192.0.2.1:80");
    assert_int_equal(address_from_sockaddr((struct sockaddr *)&v6, sizeof(v6), &a), 0);
    assert_text(&a, "[::1]:81");
    assert_int_equal(address_from_sockaddr((struct sockaddr *)&v6, sizeof(v4), &a), ERR_TYPE);
    assert_true(address_is_none(&a));
    assert_int_equal(address_from_sockaddr((struct sockaddr *)&v4, 1, &a), ERR_TYPE);
    assert_int_equal(address_from_sockaddr((struct sockaddr *)&local, sizeof(local), &a), ERR_TYPE);
}

static void defect_65_mapped_addresses_are_unmapped(void **state)
{
    (void)state;
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(51922)};
    struct address a;
    assert_int_equal(inet_pton(AF_INET6, "::ffff:127.0.0.1", &v6.sin6_addr), 1);
    assert_int_equal(address_from_sockaddr((struct sockaddr *)&v6, sizeof(v6), &a), 0);
    assert_text(&a, "127.0.0.1:51922");
    assert_int_equal(a.len, sizeof(struct sockaddr_in));
    address_to_mapped(&a);
    assert_text(&a, "[::ffff:127.0.0.1]:51922");
    assert_int_equal(a.len, sizeof(struct sockaddr_in6));
    address_unmap(&a);
    assert_text(&a, "127.0.0.1:51922");
    a = parsed("[2001:db8::1]:1");
    address_unmap(&a);
    address_to_mapped(&a);
    assert_text(&a, "[2001:db8::1]:1");
}

static void goes_through_raw_bytes(void **state)
{
    (void)state;
    static const char *texts[] = {"192.0.2.1:80", "[2001:db8::1]:80"};
    struct address a;
    struct address b;
    for (size_t i = 0; i < 2; i++) {
        a = parsed(texts[i]);
        assert_int_equal(address_from_ip(address_ip(&a), address_port(&a), &b), 0);
        assert_true(address_equal(&a, &b));
    }
    assert_int_equal(
        address_from_ip(BYTES_LITERAL("\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1"), 80, &b), 0);
    assert_text(&b, "192.0.2.1:80");
    assert_int_equal(address_from_ip(BYTES_LITERAL("12345"), 80, &b), ERR_RANGE);
    assert_int_equal(address_from_ip(BYTES_NONE, 80, &b), 0);
    assert_true(address_is_none(&b));
}

static void no_address_is_harmless(void **state)
{
    (void)state;
    struct address none = {0};
    struct address a = parsed("0.0.0.0:0");
    char text[ADDRESS_TEXT];
    assert_true(address_is_none(&none));
    assert_int_equal(address_ip(&none).len, 0);
    assert_int_equal(address_port(&none), 0);
    address_set_port(&none, 5);
    address_unmap(&none);
    address_to_mapped(&none);
    assert_true(address_is_none(&none));
    assert_text(&none, "");
    address_ip_text(&none, text);
    assert_string_equal(text, "");
    assert_false(address_is_wildcard(&none));
    assert_false(address_is_loopback(&none));
    assert_true(address_equal(&none, &none));
    assert_false(address_equal(&none, &a));
}

static void knows_wildcard_and_loopback(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool wildcard, loopback;
    } cases[] = {
        {"0.0.0.0:1", true, false},    {"[::]:1", true, false},
        {"127.0.0.1:1", false, true},  {"127.255.0.9:1", false, true},
        {"[::1]:1", false, true},      {"128.0.0.1:1", false, false},
        {"192.0.2.1:1", false, false}, {"[2001:db8::1]:1", false, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address a = parsed(cases[i].text);
        assert_int_equal(address_is_wildcard(&a), cases[i].wildcard);
        assert_int_equal(address_is_loopback(&a), cases[i].loopback);
    }
}

static void compares_and_hashes(void **state)
{
    (void)state;
    /* Addresses with the same number have the same IP. */
    static const struct {
        const char *text;
        int ip;
    } cases[] = {{"192.0.2.1:80", 1},     {"192.0.2.1:81", 1},     {"192.0.2.2:80", 2},
                 {"[2001:db8::1]:80", 3}, {"[2001:db8::1]:81", 3}, {"[2001:db8::2]:80", 4},
                 {"[fe80::1%1]:80", 5},   {"[fe80::1%2]:80", 6},   {"[::c000:201]:80", 7}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t j = 0; j < sizeof(cases) / sizeof(cases[0]); j++) {
            struct address a = parsed(cases[i].text);
            struct address b = parsed(cases[j].text);
            bool same_ip = cases[i].ip == cases[j].ip;
            assert_int_equal(address_equal(&a, &b), i == j);
            assert_int_equal(address_equal_ip(&a, &b), same_ip);
            assert_int_equal(address_hash(&a, 7) == address_hash(&b, 7), i == j);
            assert_int_equal(address_hash_ip(&a, 7) == address_hash_ip(&b, 7), same_ip);
        }
        struct address a = parsed(cases[i].text);
        assert_true(address_hash(&a, 7) != address_hash(&a, 8));
    }
}

static void flow_labels_do_not_count(void **state)
{
    (void)state;
    struct address a = parsed("[2001:db8::1]:80");
    struct address b = a;
    b.u.v6.sin6_flowinfo = htonl(0x12345);
    assert_true(address_equal(&a, &b));
    assert_true(address_hash(&a, 1) == address_hash(&b, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_literals),
        cmocka_unit_test(refuses_what_is_no_literal),
        cmocka_unit_test(a_listen_address_may_have_port_zero),
        cmocka_unit_test(reads_an_ip_alone),
        cmocka_unit_test(splits_host_and_port),
        cmocka_unit_test(a_host_name_has_a_limit),
        cmocka_unit_test(takes_what_the_kernel_gives),
        cmocka_unit_test(defect_65_mapped_addresses_are_unmapped),
        cmocka_unit_test(goes_through_raw_bytes),
        cmocka_unit_test(no_address_is_harmless),
        cmocka_unit_test(knows_wildcard_and_loopback),
        cmocka_unit_test(compares_and_hashes),
        cmocka_unit_test(flow_labels_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
