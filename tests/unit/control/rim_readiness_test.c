#include "control/rim/readiness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "idle.h"

#define NOW IDLE_NOW

static struct idle idle;
static int manager;

static int begin(void **state)
{
    (void)state;
    if (idle_begin(&idle, "") != 0)
        return -1;
    char name[64];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int len = snprintf(name, sizeof(name), "@chappe-readiness-%ld", (long)getpid());
    memcpy(address.sun_path + 1, name + 1, (size_t)len - 1);
    setenv("NOTIFY_SOCKET", name, 1);
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    return bind(manager, (struct sockaddr *)&address,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len));
}

static int end(void **state)
{
    (void)state;
    close(manager);
    idle_end(&idle);
    return 0;
}

static void expect(const char *wanted)
{
    char text[512];
    ssize_t len = recv(manager, text, sizeof(text) - 1, 0);
    if (len < 0)
        assert_int_equal(errno, EAGAIN);
    text[len < 0 ? 0 : len] = '\0';
    assert_string_equal(text, wanted);
}

#define WHOLE "0 phones, 0 calls, 0 media sessions, 0 links"

static void ready_when_it_has_adopted(void **state)
{
    (void)state;
    struct readiness r;
    readiness_init(&r, NOW);
    readiness_tick(&r, idle.core, false, NOW + CLOCK_SECOND);
    expect("");
    readiness_tick(&r, idle.core, true, NOW + 2 * CLOCK_SECOND);
    expect("READY=1\nSTATUS=" WHOLE "\n");
    readiness_tick(&r, idle.core, true, NOW + 20 * CLOCK_SECOND);
    expect(""); /* no news */
    readiness_tick(&r, idle.core, false, NOW + 30 * CLOCK_SECOND);
    expect("STATUS=waiting for the data plane\n");
    readiness_free(&r);
}

static void ready_in_the_end_without_a_data_plane(void **state)
{
    (void)state;
    struct readiness r;
    readiness_init(&r, NOW);
    readiness_tick(&r, idle.core, false, NOW + READINESS_PATIENCE - 1);
    expect("");
    readiness_tick(&r, idle.core, false, NOW + READINESS_PATIENCE);
    expect("READY=1\nSTATUS=waiting for the data plane\n");
    readiness_tick(&r, idle.core, true, NOW + READINESS_PATIENCE + READINESS_STATUS);
    expect("STATUS=" WHOLE "\n");
    readiness_free(&r);
}

static void a_reload_is_framed(void **state)
{
    (void)state;
    struct readiness r;
    readiness_init(&r, NOW);
    readiness_reloading(&r, NOW); /* before READY it would make no sense */
    readiness_reloaded(&r);
    expect("");
    readiness_tick(&r, idle.core, true, NOW);
    expect("READY=1\nSTATUS=" WHOLE "\n");
    readiness_reloading(&r, NOW);
    expect("RELOADING=1\nMONOTONIC_USEC=100000000\n");
    readiness_reloaded(&r);
    expect("READY=1\n");
    readiness_stopping(&r, "stopping");
    expect("STOPPING=1\nSTATUS=stopping\n");
    readiness_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ready_when_it_has_adopted),
        cmocka_unit_test(ready_in_the_end_without_a_data_plane),
        cmocka_unit_test(a_reload_is_framed),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
