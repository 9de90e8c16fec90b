#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include <nng/nng.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>

#include "common/clock.h"
#include "common/error.h"
#include "directory.h"
#include "ipc/endpoint.h"

#define PATIENCE (100 * CLOCK_MS)
#define ROUNDS 2000 /* of 10 ms: more than any test needs */

static struct sockaddr_un address_of(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/events", (const char *)*state);
    return address;
}

/* Both are looked after until a message gets through. */
static void assert_they_meet(struct endpoint *pub, struct endpoint *sub)
{
    struct bytes message;
    int rc = ERR_AGAIN;
    for (int i = 0; i < ROUNDS && rc == ERR_AGAIN; i++) {
        endpoint_tick(pub, clock_monotonic(), PATIENCE);
        endpoint_tick(sub, clock_monotonic(), PATIENCE);
        endpoint_send(pub, BYTES_LITERAL("hello"));
        struct pollfd fd = {.fd = endpoint_fd(sub), .events = POLLIN};
        poll(&fd, 1, 10);
        rc = endpoint_receive(sub, &message);
    }
    assert_int_equal(rc, 0);
    assert_true(bytes_equal_string(message, "hello"));
}

/* Clients that go before they have said who they are stop nng's listener: its issue 1518. */
static void a_listener_survives_vanishing_clients(void **state)
{
    struct sockaddr_un address = address_of(state);
    struct endpoint pub = {.open = false};
    struct endpoint sub = {.open = false};
    assert_int_equal(endpoint_listen(&pub, nng_pub0_open, *state, "events"), 0);
    for (int i = 0; i < 100; i++) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        close(fd);
    }
    assert_int_equal(endpoint_dial(&sub, nng_sub0_open, *state, "events"), 0);
    assert_they_meet(&pub, &sub);
    endpoint_close(&sub);
    endpoint_close(&pub);
}

/* So do servers with its dialer. */
static void a_dialer_survives_vanishing_servers(void **state)
{
    struct sockaddr_un address = address_of(state);
    struct endpoint pub = {.open = false};
    struct endpoint sub = {.open = false};
    assert_int_equal(endpoint_dial(&sub, nng_sub0_open, *state, "events"), 0);
    for (int i = 0; i < 30; i++) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(fd, 5), 0);
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, 100) == 1) {
            int client = accept(fd, NULL, NULL);
            shutdown(client, SHUT_RDWR);
            close(client);
        }
        close(fd);
        unlink(address.sun_path);
    }
    assert_int_equal(endpoint_listen(&pub, nng_pub0_open, *state, "events"), 0);
    assert_they_meet(&pub, &sub);
    endpoint_close(&sub);
    endpoint_close(&pub);
}

static void being_alone_is_borne_for_a_while(void **state)
{
    struct endpoint sub = {.open = false};
    assert_int_equal(endpoint_dial(&sub, nng_sub0_open, *state, "events"), 0);
    int first = nng_dialer_id(sub.dialer);
    endpoint_tick(&sub, 1000, PATIENCE);
    endpoint_tick(&sub, 1000 + PATIENCE - 1, PATIENCE);
    assert_int_equal(nng_dialer_id(sub.dialer), first);
    endpoint_tick(&sub, 1000 + PATIENCE, PATIENCE);
    int second = nng_dialer_id(sub.dialer);
    assert_int_not_equal(second, first);
    endpoint_tick(&sub, 1000 + 3 * PATIENCE - 1, PATIENCE);
    assert_int_equal(nng_dialer_id(sub.dialer), second);
    endpoint_tick(&sub, 1000 + 3 * PATIENCE, PATIENCE);
    assert_int_not_equal(nng_dialer_id(sub.dialer), second);
    endpoint_close(&sub);
    endpoint_tick(&sub, 1, PATIENCE);
    assert_int_equal(endpoint_fd(&sub), -1);
}

static void a_connection_is_left_alone(void **state)
{
    struct endpoint pub = {.open = false};
    struct endpoint sub = {.open = false};
    assert_int_equal(endpoint_listen(&pub, nng_pub0_open, *state, "events"), 0);
    assert_int_equal(endpoint_dial(&sub, nng_sub0_open, *state, "events"), 0);
    assert_they_meet(&pub, &sub);
    int dialer = nng_dialer_id(sub.dialer);
    int listener = nng_listener_id(pub.listener);
    for (uint64_t now = clock_monotonic(), i = 0; i < 10; i++) {
        endpoint_tick(&pub, now + i * PATIENCE, PATIENCE);
        endpoint_tick(&sub, now + i * PATIENCE, PATIENCE);
    }
    assert_int_equal(nng_dialer_id(sub.dialer), dialer);
    assert_int_equal(nng_listener_id(pub.listener), listener);
    endpoint_close(&sub);
    endpoint_close(&pub);
}

#define RUN(name) cmocka_unit_test_setup_teardown(name, directory_setup, directory_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(a_listener_survives_vanishing_clients),
        RUN(a_dialer_survives_vanishing_servers),
        RUN(being_alone_is_borne_for_a_while),
        RUN(a_connection_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
