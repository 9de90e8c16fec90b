#include "control/core/phone.h"

#include <stdlib.h>
#include <string.h>

#include "control/core/auth.h"
#include "control/core/call_flow.h"
#include "control/core/calls.h"
#include "control/core/purpose.h"
#include "control/core/record.h"
#include "control/core/registry.h"

static void phone_opened(struct core *c, struct connection *conn)
{
    auth_start(c, conn);
}

/* ---- registration ---- */

static void acknowledge(struct core *c, struct connection *conn, const char *error)
{
    struct signal ack = {.type = SIGNAL_REGISTER_PRESENCE_ACK};
    ack.register_presence_ack.success = error == NULL;
    ack.register_presence_ack.error = signal_text_of(error);
    ack.register_presence_ack.relay_build = signal_text_of(c->settings.build);
    transaction_say(&c->transaction, conn->id, &ack);
}

static void refuse(struct core *c, struct connection *conn, const char *why)
{
    acknowledge(c, conn, why);
    connection_refuse(c, conn, &c->counters.registrations_refused, why);
}

/* The registration that was there until now makes room. */
static void replace(struct core *c, struct phone *old, struct phone *phone, bool renewed)
{
    struct connection *connection = old->connection;
    c->counters.registrations_replaced++;
    report_limited(c, REPORT_CONNECTION, LOG_INFO, "registration_replaced",
                   LOG_STR("fingerprint", old->name), LOG_U64("connection", connection->id),
                   LOG_U64("by", phone->connection->id), LOG_BOOL("keeps_calls", renewed));
    registry_remove(c, old);
    if (renewed)
        calls_move(c, old, phone);
    connection_close(c, connection, "registered elsewhere");
}

static bool is_zero(const uint8_t key[32])
{
    static const uint8_t zeros[32];
    return memcmp(key, zeros, sizeof(zeros)) == 0;
}

static void announce(struct core *c, const struct phone *phone)
{
    static const char *const grades[] = {"none", "signed", "proven"};
    char address[ADDRESS_TEXT];
    address_text(&phone->connection->remote, address);
    c->counters.registrations++;
    report_limited(c, REPORT_CONNECTION, LOG_INFO, "phone_registered",
                   LOG_STR("fingerprint", phone->name), LOG_STR("proven", grades[phone->grade]),
                   LOG_STR("remote", address), LOG_U64("connection", phone->connection->id));
}

/* The key is known and graded: takes its place in the registry, or is refused. */
static void enter_registry(struct core *c, struct phone *phone)
{
    struct connection *conn = phone->connection;
    if (!connection_identity(conn, phone->key, phone->name)) {
        refuse(c, conn, "the token is another key's");
        return;
    }
    /* NAT probes of the original all register the zero key: nobody calls it, all may have it. */
    bool listed = !is_zero(phone->key) || conn->vouched != NULL;
    struct phone *current = listed ? registry_find(c, phone->name) : NULL;
    enum registry_verdict verdict = registry_judge(current, phone);
    if (verdict == REGISTRY_REFUSED) {
        refuse(c, conn, "registered by somebody with a better proof");
        return;
    }
    if (current == NULL && c->phone_count >= c->settings.config->relay.max_phones) {
        refuse(c, conn, "the relay is full");
        return;
    }
    if (drain_refuses_phone(c, current)) {
        connection_refuse(c, conn, &c->counters.registrations_refused, DRAIN_REASON);
        return;
    }
    phone->registered = true;
    c->phone_count++;
    connection_enter(c, conn, CONNECTION_LIVE, UINT64_MAX);
    acknowledge(c, conn, NULL);
    announce(c, phone);
    if (current != NULL)
        replace(c, current, phone, verdict == REGISTRY_RENEWED);
    if (listed)
        registry_add(c, phone);
}

static void proof_graded(struct core *c, struct question *q, const struct core_answer *answer)
{
    struct connection *conn = connection_answered(c, q);
    if (!answer->ok) {
        refuse(c, conn, "the signature is wrong");
        return;
    }
    conn->phone->grade = answer->grade;
    enter_registry(c, conn->phone);
}

static void register_presence(struct core *c, struct connection *conn,
                              const struct signal_register_presence *m)
{
    struct phone *phone = calloc(1, sizeof(*phone));
    if (phone == NULL) {
        c->failed = true;
        return;
    }
    phone->connection = conn;
    memcpy(phone->key, m->identity_pub, sizeof(phone->key));
    conn->phone = phone;
    if (m->signature.len == 0 && m->chappe_proof.len == 0) {
        enter_registry(c, phone);
        return;
    }
    struct core_question question = {.type = CORE_ASK_REGISTER};
    memcpy(question.identity_pub, m->identity_pub, sizeof(question.identity_pub));
    memcpy(question.exporter, conn->exporter.bytes, sizeof(question.exporter));
    question.signature = m->signature;
    question.proof = m->chappe_proof;
    connection_ask(c, conn, &question, proof_graded);
}

/* ---- messages of a registered phone ---- */

static void answer_ping(struct core *c, struct connection *conn, const struct signal_ping *ping)
{
    struct signal pong = {.type = SIGNAL_PONG, .pong = {ping->timestamp_ms}};
    transaction_say(&c->transaction, conn->id, &pong);
}

/* The address of the path that the request came over (defect 65). */
static void answer_reflect(struct core *c, struct connection *conn, const struct address *remote)
{
    char text[ADDRESS_TEXT];
    address_text(remote, text);
    struct signal response = {.type = SIGNAL_REFLECT_RESPONSE};
    response.reflect_response.observed_addr = signal_text_of(text);
    transaction_say(&c->transaction, conn->id, &response);
}

static void note_later(struct core *c, struct phone *phone, const struct signal *message)
{
    if (!message->later || phone->later)
        return;
    phone->later = true;
    connection_changed(c, phone->connection);
}

static void live_message(struct core *c, struct connection *conn, const struct ipc_signal *raw,
                         const struct signal *message)
{
    struct phone *phone = conn->phone;
    note_later(c, phone, message);
    switch (message->type) {
    case SIGNAL_PING:
        answer_ping(c, conn, &message->ping);
        break;
    case SIGNAL_REFLECT:
        answer_reflect(c, conn, &raw->remote);
        break;
    case SIGNAL_DIRECT_CALL_OFFER:
        call_flow_offer(c, phone, &message->direct_call_offer, raw->body);
        break;
    case SIGNAL_DIRECT_CALL_ANSWER:
        call_flow_answer(c, phone, &message->direct_call_answer, raw->body);
        break;
    case SIGNAL_HANGUP:
        call_flow_hangup(c, phone, &message->hangup, raw->body);
        break;
    case SIGNAL_MEDIA_PATH_REPORT:
        call_flow_report(c, phone, &message->media_path_report, raw->body);
        break;
    default:
        connection_unexpected(c, conn, message);
    }
}

static void phone_message(struct core *c, struct connection *conn, const struct ipc_signal *raw,
                          const struct signal *message)
{
    if (conn->stage == CONNECTION_LIVE)
        live_message(c, conn, raw, message);
    else if (message->type == SIGNAL_REGISTER_PRESENCE)
        register_presence(c, conn, &message->register_presence);
    else if (message->type != SIGNAL_AUTH_TOKEN)
        connection_unexpected(c, conn, message);
}

/* ---- end ---- */

static void phone_gone(struct core *c, struct connection *conn, const char *reason)
{
    (void)reason;
    struct phone *phone = conn->phone;
    if (phone == NULL)
        return;
    calls_phone_lost(c, phone);
    if (phone->registered)
        c->phone_count--;
    registry_remove(c, phone);
    conn->phone = NULL;
    free(phone);
}

/* ---- record ---- */

static void phone_save(const struct connection *conn, struct buffer *out)
{
    if (conn->stage != CONNECTION_LIVE)
        return;
    const struct phone *phone = conn->phone;
    record_put_text(out, phone->name);
    buffer_append(out, phone->key, sizeof(phone->key));
    buffer_append_u8(out, (uint8_t)phone->grade);
    buffer_append_u8(out, phone->listed);
    buffer_append_u8(out, phone->later);
}

static int phone_restore(struct core *c, struct connection *conn, unsigned version,
                         struct reader *r)
{
    (void)version;
    if (conn->stage != CONNECTION_LIVE)
        return 0;
    struct phone *phone = calloc(1, sizeof(*phone));
    if (phone == NULL)
        return ERR_MEMORY;
    conn->phone = phone;
    phone->connection = conn;
    phone->registered = true;
    c->phone_count++;
    record_get_text(r, phone->name, sizeof(phone->name));
    reader_copy(r, phone->key, sizeof(phone->key));
    uint8_t grade = reader_u8(r);
    bool listed = record_get_bool(r);
    phone->later = record_get_bool(r);
    if (r->failed || grade > CORE_PROVEN || (listed && registry_find(c, phone->name) != NULL))
        return ERR_SYNTAX;
    phone->grade = (enum core_grade)grade;
    if (listed)
        registry_add(c, phone);
    return 0;
}

const struct purpose purpose_phone = {"phone",    phone_opened, phone_message,
                                      phone_gone, phone_save,   phone_restore};
