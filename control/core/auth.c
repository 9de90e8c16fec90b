#include "control/core/auth.h"

#include "common/text.h"
#include "control/core/purpose.h"

void auth_start(struct core *c, struct connection *conn)
{
    if (c->settings.config->auth_url != NULL)
        connection_enter(c, conn, CONNECTION_TOKEN, CONNECTION_TOKEN_NS);
    else
        connection_enter(c, conn, CONNECTION_GREETING, CONNECTION_GREETING_NS);
}

static void refuse(struct core *c, struct connection *conn, const char *why)
{
    report_limited(c, REPORT_CONNECTION, LOG_WARN, "token_refused", LOG_U64("connection", conn->id),
                   LOG_STR("why", why));
    if (conn->kind == CONNECTION_PHONE) {
        struct signal ack = {.type = SIGNAL_REGISTER_PRESENCE_ACK};
        ack.register_presence_ack.error = SIGNAL_TEXT("token refused");
        transaction_say(&c->transaction, conn->id, &ack);
    }
    connection_refuse(c, conn, &c->counters.tokens_refused, "token refused");
}

static void token_answered(struct core *c, struct question *q, const struct core_answer *answer)
{
    struct connection *conn = connection_answered(c, q);
    if (!answer->ok || answer->fingerprint[0] == '\0') {
        refuse(c, conn, answer->ok ? "the auth service names no fingerprint" : answer->why);
        return;
    }
    c->counters.tokens_accepted++;
    conn->vouched = text_copy(bytes_of_string(answer->fingerprint));
    if (conn->vouched == NULL)
        c->failed = true;
    connection_enter(c, conn, CONNECTION_GREETING, CONNECTION_GREETING_NS);
}

void auth_message(struct core *c, struct connection *conn, const struct signal *message)
{
    if (message->type != SIGNAL_AUTH_TOKEN) {
        connection_unexpected(c, conn, message);
        return;
    }
    struct core_question question = {.type = CORE_ASK_TOKEN};
    question.token = signal_text_bytes(message->auth_token.token);
    connection_ask(c, conn, &question, token_answered);
}
