/*
 * The cases, one after the other, each with a process of its own:
 *
 *   test-dataplane PATH/chappe-data DIRECTORY
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/error.h"
#include "ipc/data_side.h"
#include "tests/integration/dataplane/world.h"

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
    EXPECT(TRANSACT(
        w, room_put("room", NULL), join(n[0], "room"), join(n[1], "room"), join(n[2], "room"),
        (struct ipc_item){.type = IPC_record_put,
                          .u.record_put = {.key = BYTES_LITERAL("key"),
                                           .owner = n[2],
                                           .value = BYTES_LITERAL("value")}},
        (struct ipc_item){
            .type = IPC_repeat,
            .u.repeat = {.connection = n[1], .interval_ms = 20, .body = BYTES_LITERAL("ping")}},
        send_to(&n[0], "go")));
    WAIT(w, c[0]->messages == 1);
    control_kill(w);
    unsigned pings = c[1]->messages;
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
    WAIT(w, c[1]->datagrams == 2 && c[1]->messages >= pings + 3);
    pump_a_while(w);
    EXPECT(control_start(w));
    WAIT(w, w->adopted && find_input(w, IPC_signal, "waiting 9") &&
                find_input(w, IPC_closed, "hangup"));
    EXPECT(w->installed[IPC_opened] == 3 && w->installed[IPC_join] == 3);
    EXPECT(w->installed[IPC_repeat] == 1);
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

static bool test_a_dial_to_nowhere(struct world *w)
{
    struct ipc_item item = {.type = IPC_dial,
                            .u.dial = {.dial = 9, .sni = BYTES_LITERAL("_federation")}};
    EXPECT(TRANSACT(w, item));
    WAIT(w, w->input_count == 1);
    EXPECT(w->inputs[0].type == IPC_closed && w->inputs[0].dial == 9 && w->inputs[0].error < 0);
    return true;
}

static bool test_refusing_new_connections(struct world *w)
{
    struct ipc_item item = {.type = IPC_refuse_new, .u.refuse_new = {.refuse = true}};
    struct client *phone;
    uint64_t number;
    EXPECT(connect_phone(w, "before", &phone, &number));
    EXPECT(TRANSACT(w, item, send_to(&number, "go")));
    WAIT(w, phone->messages == 1);
    struct client *refused = dial(w, w->phones, "meanwhile");
    WAIT(w, refused->end.error);
    item.u.refuse_new.refuse = false;
    EXPECT(TRANSACT(w, item, send_to(&number, "go")));
    WAIT(w, phone->messages == 2);
    EXPECT(connect_phone(w, "after", &phone, &number));
    EXPECT(!find_input(w, IPC_opened, "meanwhile"));
    return true;
}

/* Three control planes die of one message: it goes, and its connection with it. */
static bool test_a_poisonous_message(struct world *w)
{
    struct client *phone;
    uint64_t number;
    EXPECT(connect_phone(w, "_signal", &phone, &number));
    EXPECT(say(phone, "poison"));
    WAIT(w, find_input(w, IPC_signal, "poison"));
    for (int i = 0; i < IPC_POISON_REPORTS; i++) {
        const struct ipc_note_entry entry = {.data_epoch = ipc_control_side_data_epoch(w->side),
                                             .control_epoch = ipc_control_side_epoch(w->side),
                                             .connection = number,
                                             .input = 2};
        EXPECT(phone->up && find_input(w, IPC_signal, "poison"));
        control_kill(w);
        EXPECT(control_start(w));
        ipc_control_side_report(w->side, &entry);
        if (i < IPC_POISON_REPORTS - 1)
            WAIT(w, w->adopted && find_input(w, IPC_signal, "poison"));
    }
    WAIT(w, w->adopted && phone->end.error && find_input(w, IPC_closed, "poisonous message"));
    EXPECT(!find_input(w, IPC_signal, "poison"));
    EXPECT(phone->end.by_peer && strcmp(phone->end.reason, "poisonous message") == 0);
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

/* What no control plane says: random bytes, and every beginning of what it said last. */
static bool test_garbage_on_the_planes_sockets(struct world *w)
{
    struct client *phone;
    uint64_t number;
    uint8_t noise[300];
    EXPECT(connect_phone(w, "_signal", &phone, &number));
    srand(5);
    for (int i = 0; i < 1000; i++) {
        size_t len = (size_t)rand() % sizeof(noise);
        for (size_t k = 0; k < len; k++)
            noise[k] = (uint8_t)rand();
        ipc_sockets_publish(w->sockets, (struct bytes){noise, len});
        if (i % 100 == 0) {
            ipc_sockets_send_snapshot(w->sockets, (struct bytes){noise, len});
            pump_a_while(w);
        }
    }
    for (size_t len = 0; len < w->published.len; len++)
        ipc_sockets_publish(w->sockets, (struct bytes){w->published.data, len});
    EXPECT(TRANSACT(w, send_to(&number, "still there")));
    WAIT(w, phone->messages == 1);
    WAIT(w, w->malformed >= 1000);
    return true;
}

/* Defect 70: phones noticed the end only by their idle timeout. */
static bool test_defect_70_a_clean_end(struct world *w)
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
    (void)say(phone, "hello?"); /* unless a late acknowledgement has met the new process already */
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
    TEST(a_dial_to_nowhere),
    TEST(refusing_new_connections),
    TEST(a_poisonous_message),
    TEST(a_refused_transaction_is_told_and_changes_nothing),
    TEST(garbage_on_the_planes_sockets),
    TEST(defect_70_a_clean_end),
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
