#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/notify.h"

#define NOW (100 * CLOCK_SECOND)

/* A service manager: a datagram socket under a name, as $NOTIFY_SOCKET has it. */
struct manager {
    int fd;
    char name[100];
};

static char directory[] = "/tmp/chappe-notify-XXXXXX";

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) == NULL ? -1 : 0;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

static struct manager manager_at(bool abstract)
{
    struct manager m;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(m.name, sizeof(m.name), "%s%s/socket", abstract ? "@" : "", directory);
    size_t len = strlen(m.name);
    memcpy(address.sun_path, m.name, len + 1);
    if (abstract)
        address.sun_path[0] = '\0';
    m.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(m.fd >= 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + !abstract);
    assert_int_equal(bind(m.fd, (struct sockaddr *)&address, size), 0);
    return m;
}

static void manager_end(struct manager *m)
{
    close(m->fd);
    if (m->name[0] == '/')
        unlink(m->name);
}

/* The next datagram must be this one; "" = there is none. */
static void expect(const struct manager *m, const char *wanted)
{
    char text[512];
    ssize_t len = recv(m->fd, text, sizeof(text) - 1, 0);
    if (len < 0)
        assert_int_equal(errno, EAGAIN);
    text[len < 0 ? 0 : len] = '\0';
    assert_string_equal(text, wanted);
}

static struct notify begin(const struct manager *m, const char *watchdog_usec)
{
    struct notify n;
    const struct notify_wanted wanted = {.socket = m->name, .watchdog_usec = watchdog_usec};
    assert_int_equal(notify_init(&n, &wanted, NOW), 0);
    assert_true(n.fd >= 0);
    return n;
}

static void says_what_happens(bool abstract)
{
    struct manager m = manager_at(abstract);
    struct notify n = begin(&m, NULL);
    notify_ready(&n, "listening");
    expect(&m, "READY=1\nSTATUS=listening\n");
    notify_reloading(&n, 1234567 * CLOCK_US + 1);
    expect(&m, "RELOADING=1\nMONOTONIC_USEC=1234567\n");
    notify_ready(&n, NULL);
    expect(&m, "READY=1\n");
    notify_status(&n, "3 calls");
    expect(&m, "STATUS=3 calls\n");
    notify_stopping(&n, "drained");
    expect(&m, "STOPPING=1\nSTATUS=drained\n");
    notify_alive(&n, NOW + 1000 * CLOCK_SECOND);
    expect(&m, ""); /* no watchdog was asked for */
    notify_close(&n);
    manager_end(&m);
}

static void a_socket_with_a_path(void **state)
{
    (void)state;
    says_what_happens(false);
}

static void an_abstract_socket(void **state)
{
    (void)state;
    says_what_happens(true);
}

static void the_watchdog_hears_us_at_half_its_interval(void **state)
{
    (void)state;
    struct manager m = manager_at(false);
    struct notify n = begin(&m, "3000000");
    notify_alive(&n, NOW);
    expect(&m, "WATCHDOG=1\n");
    notify_alive(&n, NOW + 1500 * CLOCK_MS - 1);
    expect(&m, "");
    notify_alive(&n, NOW + 1500 * CLOCK_MS);
    expect(&m, "WATCHDOG=1\n");
    notify_alive(&n, NOW + 1500 * CLOCK_MS);
    expect(&m, "");
    notify_close(&n);
    manager_end(&m);
}

static void the_watchdog_may_be_for_another_process(void **state)
{
    (void)state;
    struct manager m = manager_at(false);
    struct notify n;
    char pid[24];
    struct notify_wanted wanted = {m.name, "1000000", pid};
    snprintf(pid, sizeof(pid), "%ld", (long)getpid() + 1);
    assert_int_equal(notify_init(&n, &wanted, NOW), 0);
    notify_alive(&n, NOW);
    expect(&m, "");
    notify_close(&n);
    snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    assert_int_equal(notify_init(&n, &wanted, NOW), 0);
    notify_alive(&n, NOW);
    expect(&m, "WATCHDOG=1\n");
    notify_close(&n);
    manager_end(&m);
}

static void a_status_is_one_line(void **state)
{
    (void)state;
    struct manager m = manager_at(false);
    struct notify n = begin(&m, NULL);
    char text[NOTIFY_STATUS_MAX + 50], wanted[NOTIFY_STATUS_MAX + 20];
    notify_status(&n, "one\nREADY=1");
    expect(&m, "STATUS=one\n");
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    snprintf(wanted, sizeof(wanted), "STATUS=%.*s\n", NOTIFY_STATUS_MAX, text);
    notify_status(&n, text);
    expect(&m, wanted);
    notify_close(&n);
    manager_end(&m);
}

static void a_full_socket_does_not_hold_us_up(void **state)
{
    (void)state;
    struct manager m = manager_at(false);
    struct notify n = begin(&m, "1");
    for (uint64_t i = 0; i < 10000; i++)
        notify_alive(&n, NOW + i * CLOCK_MS);
    notify_status(&n, "still here");
    expect(&m, "WATCHDOG=1\n");
    notify_close(&n);
    manager_end(&m);
}

static void nobody_to_tell(void **state)
{
    (void)state;
    struct notify n;
    static const struct notify_wanted nobody[] = {{NULL, "1000000", NULL}, {"", NULL, NULL}};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(notify_init(&n, &nobody[i], NOW), 0);
        assert_int_equal(n.fd, -1);
        notify_ready(&n, "x");
        notify_alive(&n, NOW);
        notify_close(&n);
    }
}

static void the_manager_may_be_gone(void **state)
{
    (void)state;
    struct manager m = manager_at(false);
    struct notify n = begin(&m, NULL);
    manager_end(&m);
    notify_ready(&n, "x");
    notify_close(&n);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    struct notify n;
    char lengthy[200] = "/";
    memset(lengthy + 1, 'x', sizeof(lengthy) - 2);
    const struct notify_wanted wrong[] = {
        {"relative", NULL, NULL}, {"vsock:2:1", NULL, NULL}, {"@", NULL, NULL},
        {lengthy, NULL, NULL},    {"/x", "0", NULL},         {"/x", "soon", NULL},
        {"/x", "1", "-1"},        {"/x", "1", "us"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        assert_int_equal(notify_init(&n, &wrong[i], NOW), ERR_SYNTAX);
        assert_int_equal(n.fd, -1);
        notify_ready(&n, "x");
        notify_alive(&n, NOW);
        notify_close(&n);
    }
}

static void the_environment_says_who_is_to_be_told(void **state)
{
    (void)state;
    struct manager m = manager_at(true);
    struct notify n;
    setenv("NOTIFY_SOCKET", m.name, 1);
    setenv("WATCHDOG_USEC", "2000000", 1);
    assert_int_equal(notify_init_environment(&n, NOW), 0);
    notify_ready(&n, NULL);
    expect(&m, "READY=1\n");
    notify_alive(&n, NOW);
    expect(&m, "WATCHDOG=1\n");
    notify_close(&n);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    manager_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_socket_with_a_path),
        cmocka_unit_test(an_abstract_socket),
        cmocka_unit_test(the_watchdog_hears_us_at_half_its_interval),
        cmocka_unit_test(the_watchdog_may_be_for_another_process),
        cmocka_unit_test(a_status_is_one_line),
        cmocka_unit_test(a_full_socket_does_not_hold_us_up),
        cmocka_unit_test(nobody_to_tell),
        cmocka_unit_test(the_manager_may_be_gone),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(the_environment_says_who_is_to_be_told),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
