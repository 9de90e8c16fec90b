#include "control/core/connection.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "control/core/auth.h"
#include "control/core/peers.h"
#include "control/core/probe.h"
#include "control/core/purpose.h"
#include "control/core/record.h"
#include "control/core/rooms.h"

/* 1: links without what the peer's hello said; 2: without its start */
#define RECORD_VERSION 3

struct connection *connection_find(const struct core *c, uint64_t id)
{
    struct connection *conn = NULL;
    HASH_FIND(hh, c->connections, &id, sizeof(id), conn);
    return conn;
}

/* ---- stages ---- */

static void stage_expired(struct core *c, struct timer *timer)
{
    struct connection *conn = heap_entry(timer, struct connection, timer);
    const char *why = "no greeting in time";
    if (conn->question.id != 0)
        why = "the relay could not check it in time";
    else if (conn->stage == CONNECTION_TOKEN)
        why = "no token in time";
    connection_refuse(c, conn, &c->counters.connections_refused, why);
}

void connection_enter(struct core *c, struct connection *conn, enum connection_stage stage,
                      uint64_t limit_ns)
{
    conn->stage = stage;
    if (limit_ns == UINT64_MAX)
        timer_stop(c, &conn->timer);
    else
        timer_set(c, &conn->timer, c->now + limit_ns);
    connection_changed(c, conn);
}

uint64_t connection_stage_limit(const struct connection *conn)
{
    switch (conn->stage) {
    case CONNECTION_TOKEN:
        return CONNECTION_TOKEN_NS;
    case CONNECTION_GREETING:
        return conn->kind == CONNECTION_LINK ? CONNECTION_HELLO_NS : CONNECTION_GREETING_NS;
    case CONNECTION_LIVE:
    case CONNECTION_CLOSING:
        break;
    }
    return UINT64_MAX;
}

/* ---- record ---- */

static void write_record(struct core *c, struct deferred *work)
{
    struct connection *conn = heap_entry(work, struct connection, record);
    struct buffer value = {0};
    buffer_append_u8(&value, RECORD_VERSION);
    buffer_append_u8(&value, (uint8_t)conn->kind);
    buffer_append_u8(&value, (uint8_t)conn->stage);
    record_put_text(&value, conn->room);
    record_put_text(&value, conn->vouched);
    if (purpose_of(conn->kind)->save != NULL)
        purpose_of(conn->kind)->save(conn, &value);

    char key[RECORD_KEY_SIZE];
    record_key_u64(key, RECORD_CONNECTION, conn->id);
    if (value.failed)
        c->failed = true;
    transaction_record_put(&c->transaction, key, conn->id, buffer_view(&value));
    buffer_free(&value);
}

void connection_changed(struct core *c, struct connection *conn)
{
    if (conn->kind != CONNECTION_NONE && conn->stage != CONNECTION_CLOSING)
        deferred_add(c, &conn->record);
}

static int read_record(struct core *c, struct connection *conn, struct bytes value)
{
    struct reader r;
    reader_init(&r, value);
    unsigned version = record_get_version(&r, RECORD_VERSION);
    if (version == 0)
        return ERR_SYNTAX;
    uint8_t kind = reader_u8(&r);
    uint8_t stage = reader_u8(&r);
    conn->room = record_get_copy(&r, ROOM_NAME_MAX);
    conn->vouched = record_get_copy(&r, CONNECTION_NAME_SIZE - 1);
    if (r.failed || kind == CONNECTION_NONE || kind > CONNECTION_ROOM ||
        stage >= CONNECTION_CLOSING)
        return ERR_SYNTAX;
    conn->kind = (enum connection_kind)kind;
    conn->stage = (enum connection_stage)stage;
    if (purpose_of(conn->kind)->restore != NULL) {
        int err = purpose_of(conn->kind)->restore(c, conn, version, &r);
        if (err < 0)
            return err;
    }
    return reader_finish(&r);
}

/* ---- life ---- */

struct connection *connection_new(struct core *c, const struct ipc_opened *opened)
{
    struct connection *conn = calloc(1, sizeof(*conn));
    if (conn == NULL)
        return NULL;
    conn->id = opened->connection;
    conn->stage = CONNECTION_CLOSING;
    conn->dialed = opened->dialed;
    conn->dial = opened->dial;
    conn->has_certificate = opened->has_certificate;
    conn->certificate = opened->fingerprint;
    conn->exporter = opened->exporter;
    conn->remote = opened->remote;
    conn->local = opened->local;
    conn->timer.due = stage_expired;
    conn->record.run = write_record;
    HASH_ADD(hh, c->connections, id, sizeof(conn->id), conn);
    return conn;
}

static void drop_waiting(struct connection *conn)
{
    while (conn->waiting != NULL) {
        struct connection_waiting *next = conn->waiting->next;
        free(conn->waiting);
        conn->waiting = next;
    }
}

void connection_free(struct core *c, struct connection *conn)
{
    timer_stop(c, &conn->timer);
    deferred_cancel(c, &conn->record);
    question_forget(c, &conn->question);
    drop_waiting(conn);
    HASH_DEL(c->connections, conn);
    free(conn->greeting);
    free(conn->room);
    free(conn->vouched);
    free(conn);
}

/* An input whose question will not be answered any more, and what waited behind it. */
static void abandon_question(struct core *c, struct connection *conn)
{
    if (conn->question.id == 0)
        return;
    uint64_t input = conn->question_input;
    for (struct connection_waiting *w = conn->waiting; w != NULL; w = w->next)
        input = w->input;
    question_forget(c, &conn->question);
    drop_waiting(conn);
    transaction_ack(&c->transaction, conn->id, input);
}

static void leave_all(struct core *c, struct connection *conn, const char *reason)
{
    timer_stop(c, &conn->timer);
    deferred_cancel(c, &conn->record);
    if (conn->stage == CONNECTION_CLOSING)
        return;
    conn->stage = CONNECTION_CLOSING;
    if (purpose_of(conn->kind)->gone != NULL)
        purpose_of(conn->kind)->gone(c, conn, reason);
}

static void close_it(struct core *c, struct connection *conn, const char *reason, bool after_sent)
{
    abandon_question(c, conn);
    leave_all(c, conn, reason);
    conn->kind = CONNECTION_NONE;
    char key[RECORD_KEY_SIZE];
    record_key_u64(key, RECORD_CONNECTION, conn->id);
    transaction_record_delete(&c->transaction, key);
    transaction_close(&c->transaction, conn->id, reason, after_sent);
}

void connection_close(struct core *c, struct connection *conn, const char *reason)
{
    close_it(c, conn, reason, true);
}

void connection_end(struct core *c, struct connection *conn, const char *reason)
{
    close_it(c, conn, reason, false);
}

void connection_refuse(struct core *c, struct connection *conn, uint64_t *counter,
                       const char *reason)
{
    char address[ADDRESS_TEXT];
    address_text(&conn->remote, address);
    ++*counter;
    report_limited(c, REPORT_CONNECTION, LOG_INFO, "connection_refused",
                   LOG_U64("connection", conn->id), LOG_STR("remote", address),
                   LOG_STR("kind", purpose_of(conn->kind)->name), LOG_STR("reason", reason));
    connection_close(c, conn, reason);
}

int connection_restore(struct core *c, struct connection *conn, struct bytes value)
{
    if (conn->kind != CONNECTION_NONE)
        return ERR_DUPLICATE;
    int err = read_record(c, conn, value);
    if (err < 0)
        connection_close(c, conn,
                         err == ERR_NOT_FOUND ? "not configured any more"
                                              : "its record makes no sense");
    return err;
}

/* ---- questions ---- */

void connection_ask(struct core *c, struct connection *conn, struct core_question *question,
                    void (*answered)(struct core *, struct question *, const struct core_answer *))
{
    timer_set(c, &conn->timer, c->now + CONNECTION_ANSWER_NS);
    conn->question.answered = answered;
    conn->question.connection = conn->id;
    question_ask(c, &conn->question, question);
}

struct connection *connection_answered(struct core *c, struct question *q)
{
    struct connection *conn = heap_entry(q, struct connection, question);
    transaction_ack(&c->transaction, conn->id, conn->question_input);
    return conn;
}

bool connection_identity(const struct connection *conn, const uint8_t key[32],
                         char name[CONNECTION_NAME_SIZE])
{
    struct fingerprint_user of_key, named;
    if (fingerprint_user_of_key(key, &of_key) < 0)
        return false;
    fingerprint_user_text(&of_key, name);
    if (conn->vouched == NULL)
        return true;
    if (fingerprint_user_parse(bytes_of_string(conn->vouched), &named) == 0)
        return fingerprint_user_equal(&of_key, &named);
    memcpy(name, conn->vouched, strlen(conn->vouched) + 1);
    return true;
}

/* ---- inputs ---- */

void connection_unexpected(struct core *c, struct connection *conn, const struct signal *message)
{
    c->counters.signals_unexpected++;
    report_limited(c, REPORT_SIGNAL, LOG_DEBUG, "signal_unexpected",
                   LOG_U64("connection", conn->id), LOG_STR("kind", purpose_of(conn->kind)->name),
                   LOG_STR("variant", signal_type_name(message->type)));
}

static void report_unreadable(struct core *c, struct connection *conn,
                              const struct signal_error *error)
{
    char text[256];
    signal_error_format(error, text, sizeof(text));
    if (error->code == ERR_UNKNOWN_VARIANT)
        c->counters.signals_unknown++;
    else
        c->counters.signals_malformed++;
    report_limited(c, REPORT_SIGNAL, LOG_WARN, "signal_skipped", LOG_U64("connection", conn->id),
                   LOG_STR("kind", purpose_of(conn->kind)->name), LOG_STR("why", text));
}

/* An unknown or malformed message is skipped; the connection stays (defect 37). */
static void handle_signal(struct core *c, struct connection *conn, const struct ipc_signal *input)
{
    struct signal message;
    struct signal_error error;
    if (signal_parse(input->body, &message, &error) < 0) {
        report_unreadable(c, conn, &error);
    } else {
        c->counters.signals[message.type]++;
        if (conn->stage == CONNECTION_TOKEN)
            auth_message(c, conn, &message);
        else
            purpose_of(conn->kind)->message(c, conn, input, &message);
        signal_free(&message);
    }
    if (conn->question.id != 0)
        conn->question_input = input->input;
    else
        transaction_ack(&c->transaction, conn->id, input->input);
}

static void wait_in_line(struct core *c, struct connection *conn, const struct ipc_signal *input)
{
    struct connection_waiting *w = malloc(sizeof(*w) + input->body.len);
    if (w == NULL) {
        c->failed = true;
        return;
    }
    *w = (struct connection_waiting){
        .input = input->input, .remote = input->remote, .len = input->body.len};
    if (w->len > 0)
        memcpy(w->body, input->body.data, w->len);
    struct connection_waiting **end = &conn->waiting;
    while (*end != NULL)
        end = &(*end)->next;
    *end = w;
}

void connection_signal(struct core *c, const struct ipc_signal *input)
{
    struct connection *conn = connection_find(c, input->connection);
    if (conn != NULL && conn->question.id != 0)
        wait_in_line(c, conn, input);
    else if (conn != NULL && conn->stage != CONNECTION_CLOSING)
        handle_signal(c, conn, input);
    else
        transaction_ack(&c->transaction, input->connection, input->input);
}

void connection_resume(struct core *c, uint64_t id)
{
    struct connection *conn;
    while ((conn = connection_find(c, id)) != NULL && conn->question.id == 0 &&
           conn->waiting != NULL) {
        struct connection_waiting *w = conn->waiting;
        conn->waiting = w->next;
        struct ipc_signal input = {id, w->input, w->remote, {w->body, w->len}};
        connection_signal(c, &input);
        core_commit(c);
        free(w);
    }
}

/* What the SNI asks for (protocol.md 1.5). Names that start with `_` are ours to define. */
static enum connection_kind kind_of(const struct core *c, const struct ipc_opened *opened)
{
    struct bytes sni = opened->sni;
    if (opened->dialed && probe_target_of_dial(c, opened->dial) != NULL)
        return CONNECTION_PROBE;
    if (opened->dialed || bytes_equal_string(sni, "_federation"))
        return CONNECTION_LINK;
    if (bytes_equal_string(sni, "_signal"))
        return CONNECTION_PHONE;
    if (bytes_equal_string(sni, "_probe"))
        return CONNECTION_PROBE;
    return CONNECTION_ROOM;
}

/* `ping` and `version`: served at once, then closed. */
static bool serve_and_close(struct core *c, struct connection *conn, struct bytes sni)
{
    if (bytes_equal_string(sni, "ping")) {
        connection_close(c, conn, "ping");
        return true;
    }
    if (!bytes_equal_string(sni, "version"))
        return false;
    struct ipc_item item = {.type = IPC_send_unidirectional};
    item.u.send_unidirectional.connection = conn->id;
    item.u.send_unidirectional.body = bytes_of_string(c->settings.build);
    transaction_add(&c->transaction, &item);
    connection_close(c, conn, "version");
    return true;
}

static void start(struct core *c, struct connection *conn, const struct ipc_opened *opened)
{
    if (!opened->dialed && serve_and_close(c, conn, opened->sni))
        return;
    conn->kind = kind_of(c, opened);
    if (conn->kind == CONNECTION_ROOM) {
        char name[ROOM_NAME_SIZE];
        if (rooms_canonical(c, opened->sni, name) < 0) {
            connection_refuse(c, conn, &c->counters.connections_refused, "no such service");
            return;
        }
        conn->room = text_copy(bytes_of_string(name));
        if (conn->room == NULL)
            c->failed = true;
    }
    conn->stage = CONNECTION_GREETING;
    purpose_of(conn->kind)->opened(c, conn);
}

void connection_opened(struct core *c, const struct ipc_opened *opened)
{
    if (connection_find(c, opened->connection) == NULL) {
        struct connection *conn = connection_new(c, opened);
        if (conn == NULL) {
            c->failed = true;
            return;
        }
        conn->opened = c->now;
        start(c, conn, opened);
    }
    transaction_ack(&c->transaction, opened->connection, opened->input);
}

void connection_closed(struct core *c, const struct ipc_closed *closed)
{
    struct connection *conn = connection_find(c, closed->connection);
    if (conn != NULL) {
        abandon_question(c, conn);
        char reason[IPC_NAME_MAX + 1];
        signal_text_copy(signal_text_of_bytes(closed->reason), reason, sizeof(reason));
        conn->timed_out = -(int)closed->error == ERR_TIMEOUT;
        conn->by_peer = closed->by_peer;
        leave_all(c, conn, reason);
        connection_free(c, conn);
    } else if (closed->dialed && !probe_target_dial_failed(c, closed)) {
        peers_dial_failed(c, closed);
    }
    transaction_ack(&c->transaction, closed->connection, closed->input);
}
