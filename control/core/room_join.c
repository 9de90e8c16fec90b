#include "control/core/room_join.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "control/core/auth.h"
#include "control/core/call_room.h"
#include "control/core/purpose.h"
#include "control/core/record.h"
#include "control/core/replay.h"

static void room_opened(struct core *c, struct connection *conn)
{
    auth_start(c, conn);
}

static void refuse_as(struct core *c, struct connection *conn, uint64_t *counter, const char *why)
{
    ++*counter;
    report_limited(c, REPORT_JOIN, LOG_WARN, "join_refused", LOG_U64("connection", conn->id),
                   LOG_STR("room", conn->room), LOG_STR("why", why));
    connection_close(c, conn, why);
}

static void refuse(struct core *c, struct connection *conn, const char *why)
{
    refuse_as(c, conn, &c->counters.joins_refused, why);
}

static void refuse_replay(struct core *c, struct connection *conn)
{
    refuse_as(c, conn, &c->counters.joins_replayed, "this CallOffer was seen before");
}

/* ---- the CallAnswer is there ---- */

/* Why this identity may not enter; NULL: it may. */
static const char *refusal(struct core *c, const struct connection *conn, const char *name)
{
    if (room_is_call(bytes_of_string(conn->room))) {
        const char *why = call_room_refusal(c, conn->room, name);
        if (why != NULL)
            return why;
    }
    if (c->drain.on && !room_is_call(bytes_of_string(conn->room)))
        return DRAIN_REFUSAL;
    const struct room *room = rooms_find(c, conn->room);
    if (room != NULL && room->count >= ROOM_MEMBERS_MAX)
        return "the room is full";
    if (c->session_count >= c->settings.config->relay.max_sessions)
        return "the relay is full";
    return NULL;
}

static struct member *make_member(struct core *c, const char *name, const char *alias)
{
    struct member *member = calloc(1, sizeof(*member));
    if (member == NULL) {
        c->failed = true;
        return NULL;
    }
    memcpy(member->name, name, strlen(name) + 1);
    if (alias[0] != '\0')
        member->alias = text_copy(bytes_of_string(alias));
    return member;
}

static void say_answer(struct core *c, const struct connection *conn,
                       const struct core_answer *answer)
{
    struct signal m = {.type = SIGNAL_CALL_ANSWER};
    memcpy(m.call_answer.identity_pub, c->settings.identity_pub,
           sizeof(m.call_answer.identity_pub));
    memcpy(m.call_answer.ephemeral_pub, answer->ephemeral_pub, sizeof(m.call_answer.ephemeral_pub));
    m.call_answer.signature = (struct bytes){answer->signature, sizeof(answer->signature)};
    m.call_answer.chosen_profile = signal_profile_good;
    transaction_say(&c->transaction, conn->id, &m);
}

static void enter(struct core *c, struct connection *conn, const char *name,
                  const struct core_answer *answer)
{
    if (room_is_call(bytes_of_string(conn->room)))
        call_room_replace(c, conn->room, name);
    struct room *room = rooms_open(c, conn->room);
    struct member *member = make_member(c, name, conn->greeting->alias);
    if (room == NULL || member == NULL) {
        free(member);
        return;
    }
    c->counters.joins++;
    if (conn->opened != 0)
        core_join_times_add(&c->counters.join_times, c->now - conn->opened);
    room_join(c, room, conn, member);
    say_answer(c, conn, answer);
    connection_enter(c, conn, CONNECTION_LIVE, UINT64_MAX);
    report_limited(c, REPORT_JOIN, LOG_INFO, "joined", LOG_STR("room", room->name),
                   LOG_STR("fingerprint", name), LOG_U64("connection", conn->id));
}

static void offer_verified(struct core *c, struct question *q, const struct core_answer *answer)
{
    struct connection *conn = connection_answered(c, q);
    struct room_greeting *greeting = conn->greeting;
    char name[CONNECTION_NAME_SIZE];
    if (!answer->ok) {
        refuse(c, conn, "the signature of the CallOffer is wrong");
        return;
    }
    /* Two connections may have sent the same one at the same time. */
    if (replay_seen(c, greeting->identity, greeting->ephemeral)) {
        refuse_replay(c, conn);
        return;
    }
    replay_remember(c, greeting->identity, greeting->ephemeral);
    if (!connection_identity(conn, greeting->identity, name)) {
        refuse(c, conn, "the token is another key's");
        return;
    }
    const char *why = refusal(c, conn, name);
    if (why != NULL)
        refuse(c, conn, why);
    else
        enter(c, conn, name, answer);
    free(conn->greeting);
    conn->greeting = NULL;
}

/* ---- the CallOffer comes ---- */

static struct room_greeting *keep_greeting(struct core *c, struct connection *conn,
                                           const struct signal_call_offer *m)
{
    if (conn->greeting == NULL)
        conn->greeting = calloc(1, sizeof(*conn->greeting));
    if (conn->greeting == NULL) {
        c->failed = true;
        return NULL;
    }
    struct room_greeting *greeting = conn->greeting;
    memcpy(greeting->identity, m->identity_pub, sizeof(greeting->identity));
    memcpy(greeting->ephemeral, m->ephemeral_pub, sizeof(greeting->ephemeral));
    if (!text_is_clean(signal_text_bytes(m->alias)) ||
        !signal_text_copy(m->alias, greeting->alias, sizeof(greeting->alias)))
        greeting->alias[0] = '\0';
    return greeting;
}

static void verify_offer(struct core *c, struct connection *conn, const struct signal_call_offer *m)
{
    if (m->signature.len != 64) {
        refuse(c, conn, "the signature of the CallOffer is not 64 bytes");
        return;
    }
    if (replay_seen(c, m->identity_pub, m->ephemeral_pub)) {
        refuse_replay(c, conn);
        return;
    }
    if (keep_greeting(c, conn, m) == NULL)
        return;
    struct core_question question = {.type = CORE_ASK_JOIN};
    memcpy(question.identity_pub, m->identity_pub, sizeof(question.identity_pub));
    memcpy(question.ephemeral_pub, m->ephemeral_pub, sizeof(question.ephemeral_pub));
    question.signature = m->signature;
    connection_ask(c, conn, &question, offer_verified);
}

static void room_message(struct core *c, struct connection *conn, const struct ipc_signal *raw,
                         const struct signal *message)
{
    (void)raw;
    if (conn->stage == CONNECTION_LIVE || message->type == SIGNAL_AUTH_TOKEN)
        return; /* what members say here is for nobody: the CLI says Hangup before it goes */
    if (message->type == SIGNAL_CALL_OFFER)
        verify_offer(c, conn, &message->call_offer);
    else
        connection_unexpected(c, conn, message);
}

/* ---- end and record ---- */

static void room_gone(struct core *c, struct connection *conn, const char *reason)
{
    if (conn->member == NULL)
        return;
    report_limited(c, REPORT_JOIN, LOG_INFO, "left", LOG_STR("room", conn->room),
                   LOG_STR("fingerprint", conn->member->name), LOG_U64("connection", conn->id),
                   LOG_STR("reason", reason));
    room_leave(c, conn->member);
}

static void room_save(const struct connection *conn, struct buffer *out)
{
    if (conn->stage != CONNECTION_LIVE)
        return;
    record_put_text(out, conn->member->name);
    record_put_text(out, conn->member->alias);
    buffer_append_u64(out, conn->member->order);
}

static int room_restore(struct core *c, struct connection *conn, unsigned version, struct reader *r)
{
    (void)version;
    if (conn->room == NULL)
        return ERR_SYNTAX;
    if (conn->stage != CONNECTION_LIVE)
        return 0;
    struct member *member = calloc(1, sizeof(*member));
    struct room *room = rooms_restore(c, conn->room);
    if (member == NULL || room == NULL) {
        free(member);
        return ERR_MEMORY;
    }
    member->connection = conn;
    record_get_text(r, member->name, sizeof(member->name));
    member->alias = record_get_copy(r, ROOM_ALIAS_MAX);
    member->order = reader_u64(r);
    conn->member = member;
    room_insert(c, room, member);
    return r->failed ? ERR_SYNTAX : 0;
}

const struct purpose purpose_room = {"room",    room_opened, room_message,
                                     room_gone, room_save,   room_restore};
