#include "dataplane/record.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

struct record *record_new(struct bytes key, struct bytes value)
{
    struct record *record = calloc(1, sizeof(*record) + key.len + value.len);

    if (!record)
        return NULL;
    record->key_len = (uint32_t)key.len;
    record->value_len = (uint32_t)value.len;
    if (key.len)
        memcpy(record->data, key.data, key.len);
    if (value.len)
        memcpy(record->data + key.len, value.data, value.len);
    return record;
}

struct bytes record_key(const struct record *record)
{
    return (struct bytes){record->data, record->key_len};
}

struct bytes record_value(const struct record *record)
{
    return (struct bytes){record->data + record->key_len, record->value_len};
}

uint64_t record_size(const struct record *record)
{
    return sizeof(*record) + record->key_len + record->value_len;
}

struct record *records_find(const struct records *records, struct bytes key)
{
    struct table_node *node = table_first(&records->table, table_hash(&records->table, key));

    for (; node; node = table_next(node)) {
        struct record *record = table_entry(node, struct record, node);
        if (bytes_equal(record_key(record), key))
            return record;
    }
    return NULL;
}

static void own(struct record *record, struct session *owner)
{
    record->owner = owner;
    record->next = owner->records;
    if (owner->records)
        owner->records->previous = record;
    owner->records = record;
    owner->record_bytes += record_size(record);
}

static void disown(struct record *record)
{
    if (record->previous)
        record->previous->next = record->next;
    else
        record->owner->records = record->next;
    if (record->next)
        record->next->previous = record->previous;
    record->owner->record_bytes -= record_size(record);
}

void records_put(struct records *records, struct record *record, struct session *owner)
{
    struct record *old = records_find(records, record_key(record));

    if (old)
        records_delete(records, old);
    if (table_insert(&records->table, &record->node,
                     table_hash(&records->table, record_key(record))) != ERR_OK)
        abort(); /* the caller has reserved the place */
    records->bytes += record_size(record);
    if (owner)
        own(record, owner);
}

void records_delete(struct records *records, struct record *record)
{
    if (record->owner)
        disown(record);
    records->bytes -= record_size(record);
    table_remove(&records->table, &record->node);
    free(record);
}

void records_forget_owner(struct records *records, struct session *owner)
{
    while (owner->records)
        records_delete(records, owner->records);
}
