#include "control/core/call_record.h"

#include <stdlib.h>
#include <string.h>

#include "control/core/record.h"

#define RECORD_VERSION 1

static void put_side(struct buffer *out, const struct call_side *side)
{
    record_put_text(out, side->name);
    buffer_append_u64(out, side->phone == NULL ? 0 : side->phone->connection->id);
}

static void put_relays(struct buffer *out, const struct call *call)
{
    buffer_append_u8(out, call->bound);
    record_put_tls(out, &call->relay);
    buffer_append_u32(out, (uint32_t)call->asked_count);
    for (size_t i = 0; i < call->asked_count; i++) {
        record_put_tls(out, &call->asked[i].relay);
        buffer_append_u8(out, call->asked[i].not_here);
    }
}

static void put_remote(struct buffer *out, const struct call *call)
{
    buffer_append_u8(out, (uint8_t)call->remote_count);
    for (size_t i = 0; i < call->remote_count; i++) {
        record_put_text(out, call->remote[i].name);
        record_put_text(out, call->remote[i].alias);
    }
}

void call_record_write(struct core *c, struct deferred *work)
{
    const struct call *call = heap_entry(work, struct call, record);
    struct buffer value = {0};
    buffer_append_u8(&value, RECORD_VERSION);
    record_put_text(&value, call->spelling);
    buffer_append_u64(&value, call->order);
    buffer_append_u8(&value, (uint8_t)call->state);
    put_side(&value, &call->caller);
    put_side(&value, &call->callee);
    buffer_append_u8(&value, call->rung);
    put_relays(&value, call);
    buffer_append_u64(&value, call->ring_deadline);
    buffer_append_u64(&value, call->link_deadline);
    record_put_body(&value, buffer_view(&call->offer));
    record_put_body(&value, buffer_view(&call->answer));
    put_remote(&value, call);

    char key[RECORD_KEY_SIZE];
    record_key(key, RECORD_CALL, call->id);
    if (value.failed)
        c->failed = true;
    transaction_record_put(&c->transaction, key, 0, buffer_view(&value));
    buffer_free(&value);
}

static int get_side(const struct core *c, struct reader *r, struct call_side *side)
{
    char name[CONNECTION_NAME_SIZE];
    record_get_text(r, name, sizeof(name));
    uint64_t id = reader_u64(r);
    memcpy(side->name, name, sizeof(side->name));
    if (r->failed || id == 0)
        return 0;
    const struct connection *conn = connection_find(c, id);
    if (conn == NULL || conn->phone == NULL)
        return ERR_NOT_FOUND;
    call_side_here(side, conn->phone);
    return 0;
}

static void get_relays(struct reader *r, struct call *call)
{
    call->bound = record_get_bool(r);
    record_get_tls(r, &call->relay);
    size_t count = reader_u32(r);
    if (r->failed || count > reader_left(r) / (sizeof(call->relay) + 1)) {
        r->failed = true;
        return;
    }
    call->asked = calloc(count + 1, sizeof(*call->asked));
    if (call->asked == NULL) {
        r->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        record_get_tls(r, &call->asked[i].relay);
        call->asked[i].not_here = record_get_bool(r);
    }
    call->asked_count = count;
}

static void get_remote(struct reader *r, struct call *call)
{
    size_t count = reader_u8(r);
    if (count > CALL_REMOTE_MAX) {
        r->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        record_get_text(r, call->remote[i].name, sizeof(call->remote[i].name));
        record_get_text(r, call->remote[i].alias, sizeof(call->remote[i].alias));
    }
    call->remote_count = count;
}

static int get_call(struct core *c, struct reader *r, struct call *call)
{
    uint8_t state = reader_u8(r);
    int caller = get_side(c, r, &call->caller);
    int callee = get_side(c, r, &call->callee);
    call->rung = record_get_bool(r);
    get_relays(r, call);
    call->ring_deadline = reader_u64(r);
    call->link_deadline = reader_u64(r);
    buffer_append_bytes(&call->offer, record_get_body(r));
    buffer_append_bytes(&call->answer, record_get_body(r));
    get_remote(r, call);
    if (r->failed || reader_left(r) > 0 || state > CALL_ACTIVE)
        return ERR_SYNTAX;
    call->state = (enum call_state)state;
    if (caller == 0 && callee == 0 && call->caller.phone == NULL && call->callee.phone == NULL)
        return ERR_SYNTAX; /* no call of ours */
    return caller < 0 ? caller : callee;
}

int call_record_restore(struct core *c, struct bytes id, struct bytes value)
{
    char normal[ROOM_CALL_ID_SIZE], spelling[ROOM_CALL_ID_SIZE];
    struct reader r;
    reader_init(&r, value);
    if (room_call_id_normalize(id, normal) < 0 || !record_get_version(&r, RECORD_VERSION))
        return ERR_SYNTAX;
    record_get_text(&r, spelling, sizeof(spelling));
    uint64_t order = reader_u64(&r);
    if (r.failed || calls_find(c, normal) != NULL)
        return ERR_SYNTAX;
    struct call *call = calls_restore(c, normal, signal_text_of(spelling));
    if (call == NULL)
        return ERR_MEMORY;
    call->order = order;
    int err = get_call(c, &r, call);
    if (err < 0) {
        calls_free(c, call);
        return err;
    }
    call_changed(c, call);
    deferred_cancel(c, &call->record);
    return 0;
}
