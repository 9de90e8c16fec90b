#include "tests/integration/dataplane/world.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/error.h"

extern char **environ;

/* ---- the loop ---- */

void pump_control(struct world *w, uint64_t now)
{
    struct bytes message;
    if (!w->side)
        return;
    for (int i = 0; i < 100 && ipc_sockets_receive(w->sockets, &message) == 0; i++)
        ipc_control_side_receive(w->side, message);
    if (ipc_sockets_receive_snapshot(w->sockets, &message) == 0)
        ipc_control_side_reply(w->side, message);
    if (now >= w->next_tick) {
        w->next_tick = now + 100 * CLOCK_MS;
        ipc_control_side_tick(w->side, now);
    }
}

static void pump_endpoint(struct quic_endpoint *e, uint64_t now)
{
    quic_endpoint_receive(e, now);
    if (quic_endpoint_deadline(e) <= now)
        quic_endpoint_expire(e, now);
    quic_endpoint_flush(e, now);
}

void pump(struct world *w)
{
    struct pollfd fds[] = {
        {.fd = quic_endpoint_fd(w->phones), .events = POLLIN},
        {.fd = quic_endpoint_fd(w->relay), .events = POLLIN},
        {.fd = w->sockets ? ipc_sockets_fd_subscribed(w->sockets) : -1, .events = POLLIN},
        {.fd = w->sockets ? ipc_sockets_fd_snapshot(w->sockets) : -1, .events = POLLIN},
    };
    poll(fds, sizeof(fds) / sizeof(fds[0]), 5);
    uint64_t now = clock_monotonic();
    pump_endpoint(w->phones, now);
    pump_endpoint(w->relay, now);
    pump_control(w, now);
}

bool complain(const char *what, int line)
{
    printf("# line %d: waited or checked in vain: %s\n", line, what);
    return false;
}
void pump_a_while(struct world *w)
{
    uint64_t end = clock_monotonic() + 100 * CLOCK_MS;
    while (clock_monotonic() < end)
        pump(w);
}

/* ---- the process ---- */

pid_t spawn(const struct world *w)
{
    char *arguments[] = {(char *)(uintptr_t)w->program, "-c", (char *)(uintptr_t)w->config, NULL};
    pid_t pid;
    return posix_spawn(&pid, w->program, NULL, NULL, arguments, environ) == 0 ? pid : -1;
}

int end_process(struct world *w, int signal)
{
    int status = 0;
    kill(w->process, signal);
    waitpid(w->process, &status, 0);
    w->process = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static bool write_config(struct world *w)
{
    char where[ADDRESS_TEXT];
    struct quic_endpoint *e = NULL;
    /* a port that is free now */
    if (open_endpoint(&e, w, false) != 0)
        return false;
    quic_endpoint_local(e, &w->address);
    quic_endpoint_free(e);
    address_text(&w->address, where);
    snprintf(w->config, sizeof(w->config), "%s/relay.yaml", w->dir);
    FILE *f = fopen(w->config, "w");
    if (!f)
        return false;
    fprintf(f, "relay:\n  listen: \"%s\"\n  identity: %s/identity\n  runtime_dir: %s\n", where,
            w->dir, w->dir);
    return fclose(f) == 0;
}

bool world_begin(struct world *w, const char *program, const char *dir, const char *name)
{
    memset(w, 0, sizeof(*w));
    w->program = program;
    snprintf(w->dir, sizeof(w->dir), "%s/%s", dir, name);
    mkdir(w->dir, 0700);
    EXPECT(open_endpoint(&w->phones, w, false) == 0);
    EXPECT(open_endpoint(&w->relay, w, true) == 0);
    EXPECT(write_config(w));
    w->process = spawn(w);
    EXPECT(w->process > 0);
    EXPECT(control_start(w));
    WAIT(w, w->adopted);
    return true;
}

void world_end(struct world *w)
{
    if (w->process > 0)
        end_process(w, SIGKILL);
    control_kill(w);
    buffer_free(&w->published);
    if (w->phones)
        quic_endpoint_free(w->phones);
    if (w->relay)
        quic_endpoint_free(w->relay);
}

bool connect_phone(struct world *w, const char *sni, struct client **client, uint64_t *connection)
{
    *client = dial(w, w->phones, sni);
    WAIT(w, (*client)->up && find_input(w, IPC_opened, sni));
    *connection = find_input(w, IPC_opened, sni)->connection;
    EXPECT(TRANSACT(w, ack(find_input(w, IPC_opened, sni))));
    return true;
}

bool connect_relay(struct world *w, const char *sni, struct client **link, uint64_t *number)
{
    *link = dial(w, w->relay, sni);
    WAIT(w, (*link)->up && find_input(w, IPC_opened, sni));
    const struct input *opened = find_input(w, IPC_opened, sni);
    EXPECT(opened->has_certificate);
    EXPECT(fingerprint_tls_equal(&opened->fingerprint, &w->relay_fingerprint));
    *number = opened->connection;
    EXPECT(TRANSACT(w, ack(opened),
                    (struct ipc_item){.type = IPC_link_join,
                                      .u.link_join = {.connection = *number,
                                                      .link = w->relay_fingerprint,
                                                      .ping_after_ms = 500,
                                                      .dead_after_ms = 2000}}));
    return true;
}
