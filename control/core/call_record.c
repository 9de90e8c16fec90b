#include "control/core/call_record.h"

#include <stdlib.h>
#include <string.h>

#include "control/core/record.h"

#define RECORD_VERSION 3

static void put_remote(struct buffer *out, const struct call_side *side)
{
    buffer_append_u8(out, (uint8_t)side->remote_count);
    for (size_t i = 0; i < side->remote_count; i++) {
        record_put_text(out, side->remote[i].name);
        record_put_text(out, side->remote[i].alias);
        record_put_text(out, side->remote[i].label);
    }
}

static void put_side(struct buffer *out, const struct call_side *side)
{
    record_put_text(out, side->name);
    buffer_append_u64(out, side->phone == NULL ? 0 : side->phone->connection->id);
    buffer_append_u8(out, side->bound);
    record_put_tls(out, &side->relay);
    record_put_tls(out, &side->origin);
    put_remote(out, side);
}

static void put_asked(struct buffer *out, const struct call *call)
{
    buffer_append_u32(out, (uint32_t)call->asked_count);
    for (size_t i = 0; i < call->asked_count; i++) {
        const struct call_asked *asked = &call->asked[i];
        record_put_tls(out, &asked->relay);
        buffer_append_u8(out, asked->not_here);
        buffer_append_u8(out, (uint8_t)asked->way_count);
        for (size_t k = 0; k < asked->way_count; k++)
            record_put_tls(out, &asked->way[k]);
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
    put_asked(&value, call);
    buffer_append_u8(&value, call->everybody);
    buffer_append_u64(&value, call->search_until);
    buffer_append_u64(&value, call->search_next);
    buffer_append_u32(&value, call->said);
    buffer_append_u64(&value, call->ring_deadline);
    buffer_append_u64(&value, call->link_deadline);
    buffer_append_u32(&value, call->round);
    buffer_append_u8(&value, call->severed);
    record_put_body(&value, buffer_view(&call->offer));
    record_put_body(&value, buffer_view(&call->answer));

    char key[RECORD_KEY_SIZE];
    record_key(key, RECORD_CALL, call->id);
    if (value.failed)
        c->failed = true;
    transaction_record_put(&c->transaction, key, 0, buffer_view(&value));
    buffer_free(&value);
}

/* ---- reading ---- */

static void get_remote(struct reader *r, struct call_side *side, bool labelled)
{
    size_t count = reader_u8(r);
    if (count > CALL_REMOTE_MAX) {
        r->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        record_get_text(r, side->remote[i].name, sizeof(side->remote[i].name));
        record_get_text(r, side->remote[i].alias, sizeof(side->remote[i].alias));
        if (labelled)
            record_get_text(r, side->remote[i].label, sizeof(side->remote[i].label));
    }
    side->remote_count = count;
}

static int get_phone(const struct core *c, struct reader *r, struct call_side *side)
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

static int get_side(const struct core *c, struct reader *r, struct call_side *side)
{
    int err = get_phone(c, r, side);
    side->bound = record_get_bool(r);
    record_get_tls(r, &side->relay);
    record_get_tls(r, &side->origin);
    get_remote(r, side, true);
    return err;
}

static void get_way(struct reader *r, struct call_asked *asked)
{
    size_t count = reader_u8(r);
    if (r->failed || count > reader_left(r) / sizeof(*asked->way)) {
        r->failed = true;
        return;
    }
    asked->way = calloc(count + 1, sizeof(*asked->way));
    if (asked->way == NULL) {
        r->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++)
        record_get_tls(r, &asked->way[i]);
    asked->way_count = count;
}

static void get_asked(struct reader *r, struct call *call, bool ways)
{
    size_t count = reader_u32(r);
    if (r->failed || count > reader_left(r) / (sizeof(struct fingerprint_tls) + 1)) {
        r->failed = true;
        return;
    }
    call->asked = calloc(count + 1, sizeof(*call->asked));
    if (call->asked == NULL) {
        r->failed = true;
        return;
    }
    call->asked_count = count;
    for (size_t i = 0; i < count; i++) {
        record_get_tls(r, &call->asked[i].relay);
        call->asked[i].not_here = record_get_bool(r);
        if (ways)
            get_way(r, &call->asked[i]);
    }
}

static void get_deadlines(struct reader *r, struct call *call)
{
    call->ring_deadline = reader_u64(r);
    call->link_deadline = reader_u64(r);
}

static void get_bodies(struct reader *r, struct call *call)
{
    buffer_append_bytes(&call->offer, record_get_body(r));
    buffer_append_bytes(&call->answer, record_get_body(r));
}

/* Version 1 knew one relay for both sides, and asked all that were linked. */
static int get_call_1(struct core *c, struct reader *r, struct call *call)
{
    int caller = get_phone(c, r, &call->caller);
    int callee = get_phone(c, r, &call->callee);
    struct call_side *far = call->caller.phone == NULL ? &call->caller : &call->callee;
    call->rung = record_get_bool(r);
    far->bound = record_get_bool(r);
    record_get_tls(r, &far->relay);
    far->origin = far->relay;
    get_asked(r, call, false);
    call->everybody = call->asked_count > 0;
    get_deadlines(r, call);
    get_bodies(r, call);
    get_remote(r, far, false);
    return caller < 0 ? caller : callee;
}

/* Version 2 knew no other way of a call that is on. */
static int get_call_2(struct core *c, struct reader *r, struct call *call, uint8_t version)
{
    int caller = get_side(c, r, &call->caller);
    int callee = get_side(c, r, &call->callee);
    call->rung = record_get_bool(r);
    get_asked(r, call, true);
    call->everybody = record_get_bool(r);
    call->search_until = reader_u64(r);
    call->search_next = reader_u64(r);
    call->said = reader_u32(r);
    get_deadlines(r, call);
    if (version > 2) {
        call->round = reader_u32(r);
        call->severed = record_get_bool(r);
    }
    get_bodies(r, call);
    return caller < 0 ? caller : callee;
}

/* Each side must be somewhere: else the record is no call of ours. */
static bool makes_sense(const struct call *call)
{
    const struct call_side *caller = &call->caller, *callee = &call->callee;
    if (caller->phone == NULL && !caller->bound)
        return false;
    return callee->phone != NULL || callee->bound ||
           (call->state == CALL_RINGING && call->asked_count > 0);
}

static int get_call(struct core *c, struct reader *r, struct call *call, uint8_t version)
{
    uint8_t state = reader_u8(r);
    int err = version == 1 ? get_call_1(c, r, call) : get_call_2(c, r, call, version);
    if (r->failed || reader_left(r) > 0 || state > CALL_ACTIVE)
        return ERR_SYNTAX;
    call->state = (enum call_state)state;
    if (err < 0)
        return err;
    return makes_sense(call) ? 0 : ERR_SYNTAX;
}

int call_record_restore(struct core *c, struct bytes id, struct bytes value)
{
    char normal[ROOM_CALL_ID_SIZE], spelling[ROOM_CALL_ID_SIZE];
    struct reader r;
    reader_init(&r, value);
    uint8_t version = reader_u8(&r);
    if (room_call_id_normalize(id, normal) < 0 || version < 1 || version > RECORD_VERSION)
        return ERR_SYNTAX;
    record_get_text(&r, spelling, sizeof(spelling));
    uint64_t order = reader_u64(&r);
    if (r.failed || calls_find(c, normal) != NULL)
        return ERR_SYNTAX;
    struct call *call = calls_restore(c, normal, signal_text_of(spelling));
    if (call == NULL)
        return ERR_MEMORY;
    call->order = order;
    int err = get_call(c, &r, call, version);
    if (err < 0) {
        calls_free(c, call);
        return err;
    }
    call_changed(c, call);
    deferred_cancel(c, &call->record);
    return 0;
}
