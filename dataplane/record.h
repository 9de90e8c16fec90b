/*
 * Records: opaque values that the control plane keeps here, so that its successor finds them. A
 * record may be owned by a connection and then goes with the facts of that connection.
 */
#ifndef CHAPPE_DATAPLANE_RECORD_H
#define CHAPPE_DATAPLANE_RECORD_H

#include <stdint.h>

#include "common/bytes.h"
#include "dataplane/session.h"
#include "dataplane/table.h"

#define RECORDS_BYTES_MAX (UINT64_C(512) * 1024 * 1024) /* of all records together */
#define RECORDS_OWNER_MAX (UINT64_C(2) * 1024 * 1024)   /* of those that one connection owns */

struct record {
    struct table_node node;  /* in the table of records, by key */
    struct session *owner;   /* NULL = none */
    struct record *previous; /* of the same owner */
    struct record *next;
    uint32_t key_len;
    uint32_t value_len;
    uint8_t data[]; /* the key, then the value */
};

/* Zero-initialise `bytes`, and init the table. */
struct records {
    struct table table;
    uint64_t bytes;
};

/* A record that is in no table. NULL = out of memory. */
struct record *record_new(struct bytes key, struct bytes value);
struct bytes record_key(const struct record *record);
struct bytes record_value(const struct record *record);
uint64_t record_size(const struct record *record); /* as the caps count it */

/* NULL = not there. */
struct record *records_find(const struct records *records, struct bytes key);
/*
 * Puts a record in, which is then owned here, in place of the one of the same key. `owner` may be
 * NULL. Cannot fail after table_reserve(); the caps are the caller's to check.
 */
void records_put(struct records *records, struct record *record, struct session *owner);
void records_delete(struct records *records, struct record *record);
/* Deletes what the connection owns. */
void records_forget_owner(struct records *records, struct session *owner);

#endif
