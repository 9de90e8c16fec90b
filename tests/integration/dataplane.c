/*
 * A real chappe-data process, and around it, in one thread, everything it talks to: a control plane
 * made of the contract's other half, phones, and a peer relay. One case after the other, each with
 * a process of its own:
 *
 *   test-dataplane PATH/chappe-data DIRECTORY
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/certificate.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/keys.h"
#include "dataplane/quic/quic.h"
#include "ipc/control_side.h"
#include "ipc/sockets.h"

#define PATIENCE (30 * CLOCK_SECOND)
#define TEXT_MAX 64
#define INPUTS_MAX 1024
#define CLIENTS_MAX 16

extern char **environ;

/* What the control plane was handed. */
struct input {
    enum ipc_type type;
    uint64_t connection;
    uint64_t number;
    uint64_t dial;
    int error;
    bool has_certificate;
    struct fingerprint_tls fingerprint;
    uint8_t exporter[IPC_EXPORTER_SIZE];
    char text[TEXT_MAX]; /* the sni, the message or the reason */
};

/* One connection of the test's own. */
struct client {
    struct quic_connection *quic;
    bool up;
    struct quic_close end; /* .error is 0 while it lives */
    struct quic_peer peer;
    unsigned messages;
    unsigned datagrams;
    char message[TEXT_MAX];     /* the last one */
    uint8_t datagram[TEXT_MAX]; /* likewise */
    size_t datagram_len;
};

struct world {
    const char *program;
    char dir[256];
    char config[300];
    pid_t process;
    struct address address; /* of the data plane */

    struct ipc_sockets *sockets;
    struct ipc_control_side *side;
    bool adopted;
    unsigned installed[256]; /* by type */
    struct input inputs[INPUTS_MAX];
    size_t input_count;
    uint64_t unacknowledged; /* of the last plane_state */
    uint64_t next_tick;
    uint64_t last_epoch;

    struct quic_endpoint *phones; /* present no certificate */
    struct quic_endpoint *relay;  /* a peer relay, dials and is dialed */
    struct fingerprint_tls relay_fingerprint;
    struct client clients[CLIENTS_MAX];
    size_t client_count;
};

static void copy_text(char out[TEXT_MAX], struct bytes text)
{
    snprintf(out, TEXT_MAX, "%.*s", (int)text.len, (const char *)text.data);
}

/* ---- the test's own connections ---- */

static void on_established(void *context, struct quic_connection *quic,
                           const struct quic_peer *peer)
{
    struct world *w = context;
    struct client *c = quic_connection_user(quic);
    if (!c) { /* the data plane dialed us */
        c = &w->clients[w->client_count++ % CLIENTS_MAX];
        *c = (struct client){.quic = quic};
        quic_connection_set_user(quic, c);
    }
    c->up = true;
    c->peer = *peer;
}

static void on_message(void *context, struct quic_connection *quic, struct bytes body)
{
    struct client *c = quic_connection_user(quic);
    (void)context;
    c->messages++;
    copy_text(c->message, body);
    quic_connection_release_message(quic);
}

static void on_datagram(void *context, struct quic_connection *quic, struct bytes data)
{
    struct client *c = quic_connection_user(quic);
    (void)context;
    c->datagrams++;
    c->datagram_len = data.len < TEXT_MAX ? data.len : TEXT_MAX;
    memcpy(c->datagram, data.data, c->datagram_len);
}

static void on_closed(void *context, struct quic_connection *quic, const struct quic_close *why)
{
    struct client *c = quic_connection_user(quic);
    (void)context;
    if (!c)
        return;
    c->up = false;
    c->end = *why;
    c->quic = NULL;
}

static const struct quic_callbacks quic_callbacks = {
    .established = on_established,
    .message = on_message,
    .datagram = on_datagram,
    .closed = on_closed,
};

static int open_endpoint(struct quic_endpoint **out, struct world *w, bool with_certificate)
{
    const struct identity_seed seed = {{0x77}};
    struct keys_ed25519 key;
    struct certificate certificate;
    uint8_t private_key[CERTIFICATE_PRIVATE_KEY_SIZE];
    struct quic_config config;
    struct address local;
    quic_config_init(&config);
    config.alpn = "wzp";
    config.exporter_label = "EXPORTER-chappe-register";
    if (with_certificate) {
        if (keys_tls(&seed, &key) || certificate_make(&key, &certificate) ||
            certificate_fingerprint(&seed, &w->relay_fingerprint))
            return ERR_CRYPTO;
        certificate_private_key_der(&key, private_key);
        config.certificate_der = certificate_view(&certificate);
        config.private_key_der = (struct bytes){private_key, sizeof(private_key)};
        config.request_client_certificate = true;
    }
    address_parse_listen(BYTES_LITERAL("127.0.0.1:0"), &local);
    return quic_endpoint_init(out, &config, &local, false, &quic_callbacks, w);
}

static struct client *dial(struct world *w, struct quic_endpoint *from, const char *sni)
{
    struct client *c = &w->clients[w->client_count++ % CLIENTS_MAX];
    const struct quic_dial dial = {
        .remote = w->address, .sni = sni, .present_certificate = from == w->relay, .user = c};
    *c = (struct client){0};
    if (quic_endpoint_dial(from, &dial, clock_monotonic(), &c->quic) != 0)
        abort();
    return c;
}

static bool say(struct client *c, const char *text)
{
    struct quic_body *body = quic_body_new(bytes_of_string(text));
    int err = quic_connection_send_message(c->quic, body, 0);
    quic_body_release(body);
    return err == 0;
}

static struct bytes packet(uint8_t mark)
{
    static uint8_t bytes[20];
    bytes[3] = mark;
    bytes[19] = mark;
    return (struct bytes){bytes, sizeof(bytes)};
}

static void talk(struct world *w, struct client *c, const char *tag, uint8_t mark)
{
    struct quic_endpoint *e = c->peer.has_certificate && tag ? w->relay : w->phones;
    struct quic_payload *payload = quic_payload_new(e, packet(mark));
    quic_connection_send_datagram(c->quic, payload, (const uint8_t *)tag);
    quic_payload_release(payload);
}

static bool heard(const struct client *c, const char *tag, uint8_t mark)
{
    size_t skip = tag ? 8 : 0;
    return c->datagram_len == skip + 20 && memcmp(c->datagram, tag ? tag : "", skip) == 0 &&
           memcmp(c->datagram + skip, packet(mark).data, 20) == 0;
}

/* ---- the control plane ---- */

static void on_publish(void *context, struct bytes message)
{
    struct world *w = context;
    ipc_sockets_publish(w->sockets, message);
}

static void on_request(void *context, struct bytes message)
{
    struct world *w = context;
    if (ipc_sockets_send_snapshot(w->sockets, message) != 0)
        ipc_control_side_reply(w->side, BYTES_NONE);
}

static uint64_t on_new_epoch(void *context)
{
    struct world *w = context;
    uint64_t now = clock_wall_ms();
    w->last_epoch = now > w->last_epoch ? now : w->last_epoch + 1;
    return w->last_epoch;
}

static void on_adopting(void *context, uint64_t data_epoch)
{
    struct world *w = context;
    (void)data_epoch;
    w->adopted = false;
    w->input_count = 0;
    memset(w->installed, 0, sizeof(w->installed));
}

static void on_installed(void *context, const struct ipc_item *item)
{
    struct world *w = context;
    w->installed[item->type]++;
}

static void on_adopted(void *context)
{
    struct world *w = context;
    w->adopted = true;
}

static void on_input(void *context, const struct ipc_item *item)
{
    struct world *w = context;
    struct input *in = &w->inputs[w->input_count++ % INPUTS_MAX];
    *in = (struct input){.type = item->type};
    if (item->type == IPC_opened) {
        in->connection = item->u.opened.connection;
        in->number = item->u.opened.input;
        in->dial = item->u.opened.dial;
        in->has_certificate = item->u.opened.has_certificate;
        in->fingerprint = item->u.opened.fingerprint;
        memcpy(in->exporter, item->u.opened.exporter.bytes, sizeof(in->exporter));
        copy_text(in->text, item->u.opened.sni);
    } else if (item->type == IPC_signal) {
        in->connection = item->u.signal.connection;
        in->number = item->u.signal.input;
        copy_text(in->text, item->u.signal.body);
    } else {
        in->connection = item->u.closed.connection;
        in->number = item->u.closed.input;
        in->dial = item->u.closed.dial;
        in->error = -(int)item->u.closed.error;
        in->has_certificate = item->u.closed.has_certificate;
        in->fingerprint = item->u.closed.fingerprint;
        copy_text(in->text, item->u.closed.reason);
    }
}

static void on_notice(void *context, const struct ipc_item *item)
{
    struct world *w = context;
    w->installed[item->type]++;
    if (item->type == IPC_plane_state)
        w->unacknowledged = item->u.plane_state.unacknowledged;
}

static void on_lost(void *context, int error)
{
    (void)context;
    fprintf(stderr, "control plane: lost, %s\n", error_text(error));
}

static void on_mismatch(void *context, unsigned ours, unsigned theirs)
{
    (void)context;
    fprintf(stderr, "control plane: version %u against %u\n", ours, theirs);
    abort();
}

static const struct ipc_control_callbacks control_callbacks = {
    .publish = on_publish,
    .request = on_request,
    .new_epoch = on_new_epoch,
    .adopting = on_adopting,
    .installed = on_installed,
    .adopted = on_adopted,
    .input = on_input,
    .notice = on_notice,
    .lost = on_lost,
    .version_mismatch = on_mismatch,
};

static bool control_start(struct world *w)
{
    char why[256];
    w->adopted = false;
    if (ipc_sockets_open_control(&w->sockets, w->dir, why, sizeof(why)) != 0) {
        fprintf(stderr, "control plane: %s\n", why);
        return false;
    }
    return ipc_control_side_init(&w->side, &control_callbacks, w) == 0;
}

/* As if killed: whatever it had is gone. */
static void control_kill(struct world *w)
{
    ipc_control_side_free(w->side);
    if (w->sockets)
        ipc_sockets_close(w->sockets);
    w->side = NULL;
    w->sockets = NULL;
}

static bool transact(struct world *w, const struct ipc_item *items, size_t count)
{
    struct buffer row = {0};
    for (size_t i = 0; i < count; i++)
        ipc_item_encode(&row, &items[i]);
    int err = row.failed ? ERR_MEMORY : ipc_control_side_transact(w->side, buffer_view(&row));
    buffer_free(&row);
    return err == 0;
}
#define TRANSACT(w, ...)                                                                           \
    transact(w, (const struct ipc_item[]){__VA_ARGS__},                                            \
             sizeof((const struct ipc_item[]){__VA_ARGS__}) / sizeof(struct ipc_item))

static struct ipc_item ack(const struct input *in)
{
    return (struct ipc_item){.type = IPC_ack,
                             .u.ack = {.connection = in->connection, .input = in->number}};
}

static struct ipc_item room_put(const char *name, const struct ipc_hop *hop)
{
    return (struct ipc_item){.type = IPC_room_put,
                             .u.room_put = {.room = bytes_of_string(name),
                                            .egress = {.list = hop, .count = hop != NULL}}};
}

static struct ipc_item join(uint64_t connection, const char *room)
{
    return (struct ipc_item){.type = IPC_join,
                             .u.join = {.connection = connection, .room = bytes_of_string(room)}};
}

static struct ipc_item send_to(const uint64_t *connection, const char *text)
{
    return (struct ipc_item){
        .type = IPC_send,
        .u.send = {.to = {.list = connection, .count = 1}, .body = bytes_of_string(text)}};
}

static const struct input *find_input(const struct world *w, enum ipc_type type, const char *text)
{
    for (size_t i = 0; i < w->input_count && i < INPUTS_MAX; i++) {
        if (w->inputs[i].type == type && strcmp(w->inputs[i].text, text) == 0)
            return &w->inputs[i];
    }
    return NULL;
}

/* ---- the loop ---- */

static void pump_control(struct world *w, uint64_t now)
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

static void pump(struct world *w)
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

static bool complain(const char *what, int line)
{
    printf("# line %d: waited or checked in vain: %s\n", line, what);
    return false;
}
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return complain(#condition, __LINE__);                                                 \
    } while (0)
#define WAIT(w, condition)                                                                         \
    do {                                                                                           \
        uint64_t end_ = clock_monotonic() + PATIENCE;                                              \
        while (!(condition)) {                                                                     \
            if (clock_monotonic() > end_)                                                          \
                return complain(#condition, __LINE__);                                             \
            pump(w);                                                                               \
        }                                                                                          \
    } while (0)
/* Long enough for a packet to come that must not come. */
static void pump_a_while(struct world *w)
{
    uint64_t end = clock_monotonic() + 100 * CLOCK_MS;
    while (clock_monotonic() < end)
        pump(w);
}

/* ---- the process ---- */

static pid_t spawn(const struct world *w)
{
    char *arguments[] = {(char *)(uintptr_t)w->program, "-c", (char *)(uintptr_t)w->config, NULL};
    pid_t pid;
    return posix_spawn(&pid, w->program, NULL, NULL, arguments, environ) == 0 ? pid : -1;
}

static int end_process(struct world *w, int signal)
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

static bool world_begin(struct world *w, const char *program, const char *dir, const char *name)
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

static void world_end(struct world *w)
{
    if (w->process > 0)
        end_process(w, SIGKILL);
    control_kill(w);
    if (w->phones)
        quic_endpoint_free(w->phones);
    if (w->relay)
        quic_endpoint_free(w->relay);
}

/* A phone that is connected, known by its SNI, and acknowledged. */
static bool connect_phone(struct world *w, const char *sni, struct client **client,
                          uint64_t *connection)
{
    *client = dial(w, w->phones, sni);
    WAIT(w, (*client)->up && find_input(w, IPC_opened, sni));
    *connection = find_input(w, IPC_opened, sni)->connection;
    EXPECT(TRANSACT(w, ack(find_input(w, IPC_opened, sni))));
    return true;
}

/* ---- the cases ---- */

static bool test_messages_both_ways(struct world *w)
{
    struct client *phone;
    uint64_t number;
    EXPECT(connect_phone(w, "_signal", &phone, &number));
    const struct input *opened = find_input(w, IPC_opened, "_signal");
    EXPECT(!opened->has_certificate);
    EXPECT(memcmp(opened->exporter, phone->peer.exporter, sizeof(opened->exporter)) == 0);
    EXPECT(say(phone, "hello"));
    WAIT(w, find_input(w, IPC_signal, "hello"));
    EXPECT(TRANSACT(w, ack(find_input(w, IPC_signal, "hello")), send_to(&number, "welcome")));
    WAIT(w, phone->messages == 1);
    EXPECT(strcmp(phone->message, "welcome") == 0);
    quic_connection_close(phone->quic, "hangup", false);
    WAIT(w, find_input(w, IPC_closed, "hangup"));
    EXPECT(find_input(w, IPC_closed, "hangup")->number == 3);
    return true;
}

static bool test_a_room(struct world *w)
{
    struct client *c[3];
    uint64_t n[3];
    EXPECT(connect_phone(w, "one", &c[0], &n[0]));
    EXPECT(connect_phone(w, "two", &c[1], &n[1]));
    EXPECT(connect_phone(w, "three", &c[2], &n[2]));
    EXPECT(TRANSACT(w, room_put("room", NULL), join(n[0], "room"), join(n[1], "room"),
                    send_to(&n[0], "go")));
    WAIT(w, c[0]->messages == 1);
    talk(w, c[0], NULL, 1);
    WAIT(w, c[1]->datagrams == 1);
    EXPECT(heard(c[1], NULL, 1));
    talk(w, c[2], NULL, 2); /* no role */
    pump_a_while(w);
    EXPECT(c[0]->datagrams == 0 && c[1]->datagrams == 1 && c[2]->datagrams == 0);
    return true;
}

static bool connect_relay(struct world *w, const char *sni, struct client **link, uint64_t *number)
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

static bool test_a_link_and_its_failover(struct world *w)
{
    struct client *phone;
    struct client *link[2];
    uint64_t n;
    uint64_t l[2];
    struct ipc_hop hop = {.link = w->relay_fingerprint, .tag = "OUTBOUND"};
    struct ipc_item route = {.type = IPC_route_put,
                             .u.route_put = {.link = w->relay_fingerprint,
                                             .tag = {"INBOUND!"},
                                             .room = BYTES_LITERAL("room")}};
    EXPECT(connect_relay(w, "_federation", &link[0], &l[0]));
    EXPECT(connect_relay(w, "_federation2", &link[1], &l[1]));
    EXPECT(connect_phone(w, "phone", &phone, &n));
    EXPECT(TRANSACT(w, room_put("room", &hop), join(n, "room"), route, send_to(&n, "go")));
    WAIT(w, phone->messages == 1);
    talk(w, phone, NULL, 1);
    WAIT(w, link[0]->datagrams == 1);
    EXPECT(heard(link[0], "OUTBOUND", 1));
    talk(w, link[1], "INBOUND!", 2);
    WAIT(w, phone->datagrams == 1);
    EXPECT(heard(phone, NULL, 2));
    talk(w, link[1], "UNKNOWN!", 3);
    quic_connection_close(link[0]->quic, "gone", false);
    WAIT(w, find_input(w, IPC_closed, "gone"));
    talk(w, phone, NULL, 4);
    WAIT(w, link[1]->datagrams == 1);
    EXPECT(heard(link[1], "OUTBOUND", 4));
    EXPECT(phone->datagrams == 1);
    WAIT(w, w->installed[IPC_first_media] >= 2 && w->installed[IPC_link_state] > 0);
    return true;
}

/* Media, leaving, arriving and messages go on without a control plane; the next one hears of all.
 */
static bool test_headless(struct world *w)
{
    struct client *c[3];
    struct client *late;
    uint64_t n[3];
    EXPECT(connect_phone(w, "one", &c[0], &n[0]));
    EXPECT(connect_phone(w, "two", &c[1], &n[1]));
    EXPECT(connect_phone(w, "three", &c[2], &n[2]));
    EXPECT(TRANSACT(w, room_put("room", NULL), join(n[0], "room"), join(n[1], "room"),
                    join(n[2], "room"),
                    (struct ipc_item){.type = IPC_record_put,
                                      .u.record_put = {.key = BYTES_LITERAL("key"),
                                                       .owner = n[2],
                                                       .value = BYTES_LITERAL("value")}},
                    send_to(&n[0], "go")));
    WAIT(w, c[0]->messages == 1);
    control_kill(w);
    talk(w, c[0], NULL, 1);
    WAIT(w, c[1]->datagrams == 1 && c[2]->datagrams == 1);
    quic_connection_close(c[2]->quic, "hangup", false);
    late = dial(w, w->phones, "late");
    WAIT(w, late->up && c[2]->end.error);
    for (int i = 0; i < 10; i++) {
        char text[TEXT_MAX];
        snprintf(text, sizeof(text), "waiting %d", i);
        EXPECT(say(late, text));
    }
    talk(w, c[0], NULL, 2);
    WAIT(w, c[1]->datagrams == 2);
    pump_a_while(w);
    EXPECT(control_start(w));
    WAIT(w, w->adopted && find_input(w, IPC_signal, "waiting 9") &&
                find_input(w, IPC_closed, "hangup"));
    EXPECT(w->installed[IPC_opened] == 3 && w->installed[IPC_join] == 3);
    EXPECT(w->installed[IPC_room_put] == 1 && w->installed[IPC_record_put] == 1);
    const struct input *first = find_input(w, IPC_signal, "waiting 0");
    for (int i = 0; i < 10; i++) {
        char text[TEXT_MAX];
        snprintf(text, sizeof(text), "waiting %d", i);
        EXPECT(find_input(w, IPC_signal, text) == first + i);
        EXPECT(first[i].number == (uint64_t)i + 2);
    }
    /* what is acknowledged now is gone for the next one */
    EXPECT(TRANSACT(w, ack(find_input(w, IPC_closed, "hangup"))));
    uint64_t to = n[0];
    EXPECT(TRANSACT(w, send_to(&to, "again")));
    WAIT(w, c[0]->messages == 2);
    control_kill(w);
    EXPECT(control_start(w));
    WAIT(w, w->adopted && find_input(w, IPC_signal, "waiting 9"));
    EXPECT(w->installed[IPC_join] == 2 && w->installed[IPC_record_put] == 0);
    EXPECT(!find_input(w, IPC_closed, "hangup"));
    return true;
}

/* Credit comes back with the acknowledgement only: 100 streams, then the sender waits. */
static bool test_back_pressure(struct world *w)
{
    struct client *phone;
    uint64_t number;
    EXPECT(connect_phone(w, "_signal", &phone, &number));
    for (int i = 0; i < 150; i++) {
        char text[TEXT_MAX];
        snprintf(text, sizeof(text), "message %d", i);
        EXPECT(say(phone, text));
    }
    WAIT(w, find_input(w, IPC_signal, "message 99"));
    pump_a_while(w);
    EXPECT(!find_input(w, IPC_signal, "message 100"));
    EXPECT(TRANSACT(w, ack(find_input(w, IPC_signal, "message 99"))));
    WAIT(w, find_input(w, IPC_signal, "message 149"));
    EXPECT(TRANSACT(w, ack(find_input(w, IPC_signal, "message 149"))));
    WAIT(w, w->unacknowledged == 0 && w->installed[IPC_plane_state] > 1);
    return true;
}

static bool test_dialing(struct world *w)
{
    struct ipc_item item = {.type = IPC_dial,
                            .u.dial = {.dial = 7,
                                       .sni = BYTES_LITERAL("_federation"),
                                       .pinned = true,
                                       .pin = w->relay_fingerprint,
                                       .present_certificate = true}};
    quic_endpoint_local(w->relay, &item.u.dial.remote);
    EXPECT(TRANSACT(w, item));
    WAIT(w, find_input(w, IPC_opened, "_federation"));
    EXPECT(find_input(w, IPC_opened, "_federation")->dial == 7);
    WAIT(w, w->clients[0].up);
    EXPECT(w->clients[0].peer.has_certificate);
    item.u.dial.dial = 8;
    item.u.dial.pin.bytes[0] ^= 1;
    EXPECT(TRANSACT(w, item));
    const struct input *closed = NULL;
    WAIT(w, w->input_count == 2);
    closed = &w->inputs[1];
    EXPECT(closed->type == IPC_closed && closed->dial == 8 && closed->number == 1);
    EXPECT(closed->error == ERR_PIN && closed->has_certificate);
    EXPECT(fingerprint_tls_equal(&closed->fingerprint, &w->relay_fingerprint));
    return true;
}

static bool test_a_refused_transaction_is_told_and_changes_nothing(struct world *w)
{
    struct client *phone;
    uint64_t number;
    struct ipc_item items[64];
    static uint8_t value[IPC_VALUE_MAX];
    EXPECT(connect_phone(w, "_signal", &phone, &number));
    items[0] = room_put("room", NULL);
    for (int i = 1; i < 10; i++)
        items[i] = (struct ipc_item){.type = IPC_record_put,
                                     .u.record_put = {.key = {(const uint8_t *)"0123456789" + i, 1},
                                                      .owner = number,
                                                      .value = {value, sizeof(value)}}};
    EXPECT(transact(w, items, 8));
    EXPECT(transact(w, items, 10)); /* nine values more are over the owner's cap */
    w->adopted = false;
    WAIT(w, w->adopted); /* refused: this control plane adopts anew */
    EXPECT(w->installed[IPC_record_put] == 7);
    return true;
}

static bool test_a_clean_end(struct world *w)
{
    struct client *phone;
    uint64_t number;
    EXPECT(connect_phone(w, "_signal", &phone, &number));
    EXPECT(end_process(w, SIGTERM) == 0);
    WAIT(w, phone->end.error);
    EXPECT(phone->end.by_peer && !phone->end.reset);
    EXPECT(strcmp(phone->end.reason, "shutdown") == 0);
    return true;
}

/* Killed and started again: its connections learn by a stateless reset, its control plane adopts.
 */
static bool test_a_new_life(struct world *w)
{
    struct client *phone;
    uint64_t number;
    EXPECT(connect_phone(w, "_signal", &phone, &number));
    uint64_t before = ipc_control_side_data_epoch(w->side);
    EXPECT(end_process(w, SIGKILL) == 1000 + SIGKILL);
    w->process = spawn(w);
    EXPECT(w->process > 0);
    WAIT(w, w->adopted && ipc_control_side_data_epoch(w->side) > before);
    EXPECT(say(phone, "hello?"));
    WAIT(w, phone->end.error);
    EXPECT(phone->end.reset);
    EXPECT(w->installed[IPC_opened] == 0);
    return true;
}

static bool test_a_second_process_waits_and_gives_up(struct world *w)
{
    pid_t first = w->process;
    int status = 0;
    pid_t second = spawn(w);
    EXPECT(second > 0);
    waitpid(second, &status, 0);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    EXPECT(waitpid(first, &status, WNOHANG) == 0);
    return true;
}

static const struct test {
    const char *name;
    bool (*run)(struct world *w);
} tests[] = {
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, test_##name                                                                         \
    }
    TEST(messages_both_ways),
    TEST(a_room),
    TEST(a_link_and_its_failover),
    TEST(headless),
    TEST(back_pressure),
    TEST(dialing),
    TEST(a_refused_transaction_is_told_and_changes_nothing),
    TEST(a_clean_end),
    TEST(a_new_life),
    TEST(a_second_process_waits_and_gives_up),
};

int main(int argc, char **argv)
{
    static struct world w;
    int failures = 0;
    if (argc != 3)
        return 2;
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        bool passed = world_begin(&w, argv[1], argv[2], tests[i].name) && tests[i].run(&w);
        world_end(&w);
        printf("%s %s\n", passed ? "ok" : "not ok", tests[i].name);
        fflush(stdout);
        failures += !passed;
    }
    return failures != 0;
}
