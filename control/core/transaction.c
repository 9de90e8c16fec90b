#include "control/core/transaction.h"

void transaction_free(struct transaction *t)
{
    buffer_free(&t->row);
    buffer_free(&t->body);
}

void transaction_add(struct transaction *t, const struct ipc_item *item)
{
    if (ipc_item_encode(&t->row, item) < 0)
        t->row.failed = true;
}

void transaction_ack(struct transaction *t, uint64_t connection, uint64_t input)
{
    transaction_add(t, &(struct ipc_item){.type = IPC_ack, .u.ack = {connection, input}});
}

static void send_all(struct transaction *t, const uint64_t *connections, size_t count,
                     uint64_t replace_key, struct bytes body)
{
    if (count == 0)
        return;
    struct ipc_item item = {.type = IPC_send};
    item.u.send.to = (struct ipc_connections){connections, count};
    item.u.send.replace_key = replace_key;
    item.u.send.body = body;
    transaction_add(t, &item);
}

void transaction_send(struct transaction *t, uint64_t connection, struct bytes body)
{
    send_all(t, &connection, 1, TRANSACTION_KEEP_ALL, body);
}

void transaction_say_all(struct transaction *t, const uint64_t *connections, size_t count,
                         uint64_t replace_key, const struct signal *message)
{
    buffer_clear(&t->body);
    if (signal_write(message, &t->body) < 0) {
        t->row.failed = true;
        return;
    }
    send_all(t, connections, count, replace_key, buffer_view(&t->body));
}

void transaction_say(struct transaction *t, uint64_t connection, const struct signal *message)
{
    transaction_say_all(t, &connection, 1, TRANSACTION_KEEP_ALL, message);
}

void transaction_close(struct transaction *t, uint64_t connection, const char *reason,
                       bool after_sent)
{
    struct ipc_item item = {.type = IPC_close};
    item.u.close.connection = connection;
    item.u.close.after_sent = after_sent;
    item.u.close.reason = bytes_of_string(reason);
    transaction_add(t, &item);
}

void transaction_record_put(struct transaction *t, const char *key, uint64_t owner,
                            struct bytes value)
{
    struct ipc_item item = {.type = IPC_record_put};
    item.u.record_put.key = bytes_of_string(key);
    item.u.record_put.owner = owner;
    item.u.record_put.value = value;
    transaction_add(t, &item);
}

void transaction_record_delete(struct transaction *t, const char *key)
{
    struct ipc_item item = {.type = IPC_record_delete};
    item.u.record_delete.key = bytes_of_string(key);
    transaction_add(t, &item);
}
