#include "control/rim/tokens.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "tests/unit/control/web_server.h"

#define ANSWERS_MAX 64
#define PATIENCE_MS 20000
#define GOOD "{\"valid\":true,\"fingerprint\":\"ab:cd\",\"alias\":null}"

static struct tokens *tokens;
static struct core_answer answers[ANSWERS_MAX];
static size_t answer_count;
static char last_request[WEB_REQUEST_MAX];

static void on_answer(void *context, const struct core_answer *answer)
{
    (void)context;
    assert_true(answer_count < ANSWERS_MAX);
    answers[answer_count++] = *answer;
}

static void ask(uint64_t id, const char *token)
{
    const struct core_question q = {
        .id = id, .type = CORE_ASK_TOKEN, .token = bytes_of_string(token)};
    assert_int_equal(tokens_ask(tokens, &q), 0);
}

static void run_until(size_t count)
{
    while (answer_count < count) {
        struct pollfd fd = {.fd = tokens_fd(tokens), .events = POLLIN};
        assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
        tokens_run(tokens);
    }
    assert_int_equal(answer_count, count);
}

static void begin(const char *url)
{
    answer_count = 0;
    assert_int_equal(tokens_init(&tokens, url, on_answer, NULL), 0);
}

/* One question to a server that answers as `handler` does; its answer. */
static const struct core_answer *ask_once(web_handler *handler, const char *token)
{
    struct web_server *server = web_server_start(handler);
    begin(web_server_url(server));
    ask(5, token);
    run_until(1);
    tokens_free(tokens);
    assert_int_equal(web_server_requests(server), 1);
    web_server_stop(server);
    assert_int_equal(answers[0].id, 5);
    assert_int_equal(answers[0].type, CORE_ASK_TOKEN);
    return &answers[0];
}

static void assert_refused(const struct core_answer *answer, const char *part_of_why)
{
    assert_false(answer->ok);
    if (strstr(answer->why, part_of_why) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part_of_why, answer->why);
    assert_string_equal(answer->fingerprint, "");
}

/* ---- what an answer's body says ---- */

static void bodies_that_accept(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        GOOD,
        "{\"valid\":true,\"fingerprint\":\"ab:cd\"}",
        " {\"extra\":[1,{}],\"fingerprint\":\"ab:cd\",\"alias\":\"Al\",\"valid\":true} \r\n",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct core_answer answer = {0};
        tokens_read(bytes_of_string(bodies[i]), &answer);
        assert_true(answer.ok);
        assert_string_equal(answer.fingerprint, "ab:cd");
    }
}

static void bodies_that_refuse(void **state)
{
    (void)state;
    static const char long_name[] =
        "0123456789012345678901234567890123456789012345678901234567890123";
    char too_long[128];
    snprintf(too_long, sizeof too_long, "{\"valid\":true,\"fingerprint\":\"%s\"}", long_name);
    const char *const cases[][2] = {
        {"", "no JSON"},
        {"\xff\xfe", "no JSON"},
        {"<html>", "no JSON"},
        {"{\"valid\":true,\"fingerprint\":\"ab:cd\"", "no JSON"},
        {GOOD " and more", "no JSON"},
        {GOOD GOOD, "no JSON"},
        {"[]", "no \"valid\""},
        {"true", "no \"valid\""},
        {"{}", "no \"valid\""},
        {"{\"fingerprint\":\"ab:cd\"}", "no \"valid\""},
        {"{\"valid\":1,\"fingerprint\":\"ab:cd\"}", "no \"valid\""},
        {"{\"valid\":\"true\",\"fingerprint\":\"ab:cd\"}", "no \"valid\""},
        {"{\"valid\":false}", "refused the token"},
        {"{\"valid\":false,\"fingerprint\":\"ab:cd\"}", "refused the token"},
        {"{\"valid\":true}", "no usable fingerprint"},
        {"{\"valid\":true,\"fingerprint\":null}", "no usable fingerprint"},
        {"{\"valid\":true,\"fingerprint\":7}", "no usable fingerprint"},
        {"{\"valid\":true,\"fingerprint\":\"\"}", "no usable fingerprint"},
        {too_long, "no usable fingerprint"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct core_answer answer = {0};
        tokens_read(bytes_of_string(cases[i][0]), &answer);
        assert_refused(&answer, cases[i][1]);
    }
}

/* ---- over HTTP ---- */

static void accept_and_keep(struct web_server *s, const char *request, int fd)
{
    (void)s;
    snprintf(last_request, sizeof last_request, "%s", request);
    web_answer(fd, "200 OK", GOOD);
}

static void a_good_token(void **state)
{
    (void)state;
    const struct core_answer *answer = ask_once(accept_and_keep, "secret \"quoted\" \\ \n\xc3\xab");
    assert_true(answer->ok);
    assert_string_equal(answer->fingerprint, "ab:cd");
}

/* Protocol.md 4.5: the token in the body, and nowhere else. */
static void the_request_is_the_original_s(void **state)
{
    (void)state;
    ask_once(accept_and_keep, "secret \"quoted\" \\ \n\xc3\xab");
    assert_int_equal(strncmp(last_request, "POST /validate HTTP/1.1\r\n", 25), 0);
    assert_non_null(strstr(last_request, "\r\nContent-Type: application/json\r\n"));
    assert_null(strcasestr(last_request, "\r\nAuthorization:"));
    assert_string_equal(strstr(last_request, "\r\n\r\n") + 4,
                        "{\"token\":\"secret \\\"quoted\\\" \\\\ \\n\xc3\xab\"}");
}

static void fail_inside(struct web_server *s, const char *request, int fd)
{
    (void)s;
    (void)request;
    web_answer(fd, "500 Internal Server Error", GOOD);
}

static void a_status_other_than_2xx(void **state)
{
    (void)state;
    assert_refused(ask_once(fail_inside, "t"), "HTTP 500");
}

static void send_elsewhere(struct web_server *s, const char *request, int fd)
{
    char text[256];
    (void)request;
    snprintf(text, sizeof text, "302 Found\r\nLocation: %s/elsewhere", web_server_url(s));
    web_answer(fd, text, "");
}

/* ask_once counts one request: the token goes nowhere else. */
static void redirects_are_not_followed(void **state)
{
    (void)state;
    assert_refused(ask_once(send_elsewhere, "t"), "HTTP 302");
}

static void talk_nonsense(struct web_server *s, const char *request, int fd)
{
    (void)s;
    (void)request;
    web_send(fd, "\x00\x01nonsense\r\n\r\n", 14);
}

static void an_answer_that_is_no_http(void **state)
{
    (void)state;
    assert_refused(ask_once(talk_nonsense, "t"), "");
}

static void hang_up(struct web_server *s, const char *request, int fd)
{
    (void)s;
    (void)request;
    (void)fd;
}

static void a_connection_that_closes(void **state)
{
    (void)state;
    assert_refused(ask_once(hang_up, "t"), "");
}

static void end_early(struct web_server *s, const char *request, int fd)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" GOOD;
    (void)s;
    (void)request;
    web_send(fd, head, sizeof head - 1);
}

static void an_answer_that_is_cut(void **state)
{
    (void)state;
    assert_refused(ask_once(end_early, "t"), "");
}

/* Good JSON, and then blanks without end. */
static void never_end(struct web_server *s, const char *request, int fd)
{
    static const char head[] = "HTTP/1.1 200 OK\r\n\r\n" GOOD;
    static char blanks[4096];
    (void)s;
    (void)request;
    memset(blanks, ' ', sizeof blanks);
    bool open = web_send(fd, head, sizeof head - 1);
    for (int i = 0; open && i < 1 << 16; i++)
        open = web_send(fd, blanks, sizeof blanks);
    assert_false(open); /* the client had enough before we had */
}

static void an_answer_without_end(void **state)
{
    (void)state;
    assert_refused(ask_once(never_end, "t"), "");
}

static void nobody_listens(void **state)
{
    (void)state;
    struct web_server *server = web_server_start(hang_up);
    char url[WEB_URL_MAX];
    snprintf(url, sizeof url, "%s", web_server_url(server));
    web_server_stop(server);
    begin(url);
    ask(6, "t");
    run_until(1);
    tokens_free(tokens);
    assert_refused(&answers[0], "");
}

static void urls_of_other_protocols(void **state)
{
    (void)state;
    begin("file:///etc/passwd");
    ask(7, "t");
    run_until(1);
    tokens_free(tokens);
    assert_refused(&answers[0], "");
}

/* Tokens that begin with "slow" get no answer at all. */
static void be_slow_for_some(struct web_server *s, const char *request, int fd)
{
    (void)s;
    if (strstr(request, "\"slow") != NULL)
        web_wait_closed(fd);
    else
        web_answer(fd, "200 OK", GOOD);
}

static void a_slow_answer_holds_up_only_itself(void **state)
{
    (void)state;
    struct web_server *server = web_server_start(be_slow_for_some);
    begin(web_server_url(server));
    ask(1, "slow");
    for (uint64_t id = 2; id <= 10; id++)
        ask(id, "quick");
    run_until(10);
    for (size_t i = 0; i < 9; i++) {
        assert_true(answers[i].ok);
        assert_in_range(answers[i].id, 2, 10);
    }
    assert_int_equal(answers[9].id, 1);
    assert_refused(&answers[9], "imeout");
    tokens_free(tokens);
    web_server_stop(server);
}

static void freeing_drops_what_is_under_way(void **state)
{
    (void)state;
    struct web_server *server = web_server_start(be_slow_for_some);
    begin(web_server_url(server));
    ask(1, "slow");
    ask(2, "quick");
    run_until(1);
    tokens_free(tokens);
    assert_int_equal(answer_count, 1);
    assert_int_equal(answers[0].id, 2);
    web_server_stop(server);
}

static void too_many_at_once_are_refused(void **state)
{
    (void)state;
    begin("http://127.0.0.1:9/");
    for (uint64_t id = 0; id < TOKENS_OPEN_MAX; id++)
        ask(id, "t");
    const struct core_question q = {.type = CORE_ASK_TOKEN, .token = BYTES_LITERAL("t")};
    assert_int_equal(tokens_ask(tokens, &q), ERR_FULL);
    tokens_free(tokens);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_that_accept),
        cmocka_unit_test(bodies_that_refuse),
        cmocka_unit_test(a_good_token),
        cmocka_unit_test(the_request_is_the_original_s),
        cmocka_unit_test(a_status_other_than_2xx),
        cmocka_unit_test(redirects_are_not_followed),
        cmocka_unit_test(an_answer_that_is_no_http),
        cmocka_unit_test(a_connection_that_closes),
        cmocka_unit_test(an_answer_that_is_cut),
        cmocka_unit_test(an_answer_without_end),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(urls_of_other_protocols),
        cmocka_unit_test(a_slow_answer_holds_up_only_itself),
        cmocka_unit_test(freeing_drops_what_is_under_way),
        cmocka_unit_test(too_many_at_once_are_refused),
    };
    unsetenv("http_proxy"); /* libcurl would take loopback there too */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
