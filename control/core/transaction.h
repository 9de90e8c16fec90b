/*
 * The transaction that is being built: a row of catalogue items, encoded as they are added. What
 * goes wrong (memory, a cap) is seen once, at the commit.
 */
#ifndef CHAPPE_CONTROL_CORE_TRANSACTION_H
#define CHAPPE_CONTROL_CORE_TRANSACTION_H

#include "common/bytes.h"
#include "common/signal.h"
#include "ipc/catalogue.h"

struct transaction {
    struct buffer row;
    struct buffer body; /* a message on its way into the row */
};

/* Replace keys of sent messages: of those with one key only the newest unsent one stays. */
enum { TRANSACTION_KEEP_ALL = 0, TRANSACTION_ROOM_UPDATE = 1 };

void transaction_free(struct transaction *t);

void transaction_add(struct transaction *t, const struct ipc_item *item);
void transaction_ack(struct transaction *t, uint64_t connection, uint64_t input);
/* A message as it came from somebody. */
void transaction_send(struct transaction *t, uint64_t connection, struct bytes body);
/* A message of our own. */
void transaction_say(struct transaction *t, uint64_t connection, const struct signal *message);
void transaction_say_all(struct transaction *t, const uint64_t *connections, size_t count,
                         uint64_t replace_key, const struct signal *message);
/* `after_sent`: what is queued goes first, if the peer takes it. */
void transaction_close(struct transaction *t, uint64_t connection, const char *reason,
                       bool after_sent);
void transaction_record_put(struct transaction *t, const char *key, uint64_t owner,
                            struct bytes value);
void transaction_record_delete(struct transaction *t, const char *key);

#endif
