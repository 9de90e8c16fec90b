#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "directory.h"
#include "ipc/frame.h"
#include "ipc/sockets.h"

#define PATIENCE_MS 10000

struct pair {
    struct ipc_sockets *data;
    struct ipc_sockets *control;
};

static struct ipc_sockets *open_data(void **state)
{
    struct ipc_sockets *s;
    char why[200] = "";
    assert_int_equal(ipc_sockets_open_data(&s, *state, why, sizeof(why)), 0);
    return s;
}

static struct ipc_sockets *open_control(void **state)
{
    struct ipc_sockets *s;
    char why[200] = "";
    assert_int_equal(ipc_sockets_open_control(&s, *state, why, sizeof(why)), 0);
    return s;
}

typedef int receive_function(struct ipc_sockets *s, struct bytes *message);

/* Waits on the descriptor, as a plane's loop does. */
static void receive(struct ipc_sockets *s, int fd, receive_function *function,
                    struct bytes *message)
{
    int rc = function(s, message);
    while (rc == ERR_AGAIN) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&poll_fd, 1, PATIENCE_MS), 1);
        rc = function(s, message);
    }
    assert_int_equal(rc, 0);
}

static void receive_published(struct ipc_sockets *s, struct bytes *message)
{
    receive(s, ipc_sockets_fd_subscribed(s), ipc_sockets_receive, message);
}

/* Publishes until something arrives: the subscriber is connected. Leaves nothing behind. */
static void connect_publisher(struct ipc_sockets *from, struct ipc_sockets *to)
{
    struct bytes message;
    int rc = ERR_AGAIN;
    for (int i = 0; i < 1000 && rc == ERR_AGAIN; i++) {
        struct pollfd poll_fd = {.fd = ipc_sockets_fd_subscribed(to), .events = POLLIN};
        ipc_sockets_publish(from, BYTES_LITERAL("hello"));
        poll(&poll_fd, 1, 10);
        rc = ipc_sockets_receive(to, &message);
    }
    assert_int_equal(rc, 0);
    ipc_sockets_publish(from, BYTES_LITERAL("end"));
    do {
        receive_published(to, &message);
    } while (!bytes_equal_string(message, "end"));
}

static void open_pair(void **state, struct pair *p)
{
    p->control = open_control(state); /* either order */
    p->data = open_data(state);
    connect_publisher(p->data, p->control);
    connect_publisher(p->control, p->data);
}

static void close_pair(struct pair *p)
{
    ipc_sockets_close(p->data);
    ipc_sockets_close(p->control);
}

static void published_messages_arrive_in_order(void **state)
{
    struct pair p;
    struct bytes message;
    open_pair(state, &p);
    assert_int_equal(ipc_sockets_receive(p.control, &message), ERR_AGAIN);
    for (uint32_t i = 0; i < 5000; i++)
        ipc_sockets_publish(p.data, (struct bytes){(const uint8_t *)&i, sizeof(i)});
    for (uint32_t i = 0; i < 5000; i++) {
        receive_published(p.control, &message);
        assert_int_equal(message.len, sizeof(i));
        assert_memory_equal(message.data, &i, sizeof(i));
    }
    close_pair(&p);
}

static void the_longest_message_passes(void **state)
{
    struct pair p;
    struct bytes message;
    struct bytes longest = {calloc(1, IPC_MESSAGE_MAX), IPC_MESSAGE_MAX};
    open_pair(state, &p);
    ipc_sockets_publish(p.control, longest);
    receive_published(p.data, &message);
    assert_int_equal(message.len, IPC_MESSAGE_MAX);
    close_pair(&p);
    free((void *)(uintptr_t)longest.data);
}

static void request(struct ipc_sockets *control, const char *text)
{
    int rc = ipc_sockets_send_snapshot(control, bytes_of_string(text));
    for (int i = 0; i < 1000 && rc == ERR_AGAIN; i++) {
        poll(NULL, 0, 10); /* not connected yet, or busy; no descriptor tells */
        rc = ipc_sockets_send_snapshot(control, bytes_of_string(text));
    }
    assert_int_equal(rc, 0);
}

static void take(struct ipc_sockets *data, const char *text)
{
    struct bytes message;
    receive(data, ipc_sockets_fd_snapshot(data), ipc_sockets_receive_snapshot, &message);
    assert_true(bytes_equal_string(message, text));
}

/* While another answer is still going out there is no room for this one: then it is asked again. */
static void answer(struct ipc_sockets *control, struct ipc_sockets *data, const char *text)
{
    struct bytes message;
    for (int i = 0; i < 1000 && ipc_sockets_send_snapshot(data, BYTES_LITERAL("slice")) != 0; i++) {
        request(control, text);
        take(data, text);
    }
    receive(control, ipc_sockets_fd_snapshot(control), ipc_sockets_receive_snapshot, &message);
    assert_true(bytes_equal_string(message, "slice"));
}

static void exchange(struct ipc_sockets *control, struct ipc_sockets *data, const char *text)
{
    request(control, text);
    take(data, text);
    answer(control, data, text);
}

static void requests_are_answered(void **state)
{
    struct pair p;
    struct bytes message;
    open_pair(state, &p);
    assert_int_equal(ipc_sockets_receive_snapshot(p.control, &message), ERR_AGAIN);
    for (int i = 0; i < 10; i++)
        exchange(p.control, p.data, "request");
    close_pair(&p);
}

static void a_new_request_cancels_the_old_one(void **state)
{
    struct pair p;
    open_pair(state, &p);
    exchange(p.control, p.data, "first");
    request(p.control, "given up");
    take(p.data, "given up");
    request(p.control, "second");
    assert_int_equal(ipc_sockets_send_snapshot(p.data, BYTES_LITERAL("late")), 0);
    take(p.data, "second");
    answer(p.control, p.data, "second");
    close_pair(&p);
}

static void either_plane_comes_back(void **state)
{
    struct pair p;
    open_pair(state, &p);
    ipc_sockets_close(p.data);
    p.data = open_data(state);
    connect_publisher(p.data, p.control);
    connect_publisher(p.control, p.data);
    exchange(p.control, p.data, "request");
    ipc_sockets_close(p.control);
    p.control = open_control(state);
    connect_publisher(p.data, p.control);
    connect_publisher(p.control, p.data);
    exchange(p.control, p.data, "request");
    close_pair(&p);
}

struct answering {
    struct ipc_sockets *control;
    size_t size;
};

static void *answer_once(void *context)
{
    struct answering *a = context;
    struct bytes message;
    receive(a->control, ipc_sockets_fd_ctl(a->control), ipc_sockets_receive_ctl, &message);
    struct bytes answer = {calloc(1, a->size), a->size};
    ipc_sockets_reply_ctl(a->control, answer);
    free((void *)(uintptr_t)answer.data);
    return NULL;
}

static void ctl_is_answered(void **state)
{
    struct answering a = {.control = open_control(state), .size = 5u * 1024 * 1024};
    struct buffer answer = {0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, answer_once, &a), 0);
    assert_int_equal(ipc_ctl_ask(*state, BYTES_LITERAL("status"), PATIENCE_MS, &answer), 0);
    pthread_join(thread, NULL);
    assert_int_equal(answer.len, a.size);
    buffer_free(&answer);
    ipc_sockets_close(a.control);
}

static void ctl_without_anybody(void **state)
{
    struct buffer answer = {0};
    assert_int_equal(ipc_ctl_ask(*state, BYTES_LITERAL("status"), PATIENCE_MS, &answer),
                     ERR_NOT_FOUND);
    struct ipc_sockets *control = open_control(state);
    assert_int_equal(ipc_ctl_ask(*state, BYTES_LITERAL("status"), 50, &answer), ERR_TIMEOUT);
    ipc_sockets_close(control);
    buffer_free(&answer);
}

static void opening_fails_with_the_reason(void **state)
{
    struct ipc_sockets *s;
    char why[400] = "";
    char dir[200];
    assert_int_equal(ipc_sockets_open_data(&s, "/nonexistent/chappe", why, sizeof(why)),
                     ERR_SYSTEM);
    assert_string_equal(why, "/nonexistent/chappe: No such file or directory");
    snprintf(dir, sizeof(dir), "%.50s/%0120d", (const char *)*state, 0); /* a socket takes 107 */
    assert_int_equal(ipc_sockets_open_control(&s, dir, why, sizeof(why)), ERR_SYSTEM);
    assert_non_null(strstr(why, "/commands: "));
}

/* With the shim's variable a plane looks for the other one in that directory. */
static void the_other_plane_can_be_elsewhere(void **state)
{
    char elsewhere[600];
    char *path = elsewhere;
    snprintf(elsewhere, sizeof(elsewhere), "%s/x", (const char *)*state);
    struct ipc_sockets *data = open_data((void **)&path);
    assert_int_equal(setenv("CHAPPE_IPC_SHIM", elsewhere, 1), 0);
    struct ipc_sockets *control = open_control(state);
    unsetenv("CHAPPE_IPC_SHIM");
    connect_publisher(data, control);
    ipc_sockets_close(data);
    ipc_sockets_close(control);
    snprintf(elsewhere, sizeof(elsewhere), "%s/x/events", (const char *)*state);
    assert_int_not_equal(remove(elsewhere), 0); /* nng takes its files away */
}

#define RUN(name) cmocka_unit_test_setup_teardown(name, directory_setup, directory_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(published_messages_arrive_in_order),
        RUN(the_longest_message_passes),
        RUN(requests_are_answered),
        RUN(a_new_request_cancels_the_old_one),
        RUN(either_plane_comes_back),
        RUN(ctl_is_answered),
        RUN(ctl_without_anybody),
        RUN(opening_fails_with_the_reason),
        RUN(the_other_plane_can_be_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
