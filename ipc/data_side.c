#include "ipc/data_side.h"

#include <stdlib.h>

#include "common/error.h"
#include "ipc/frame.h"
#include "ipc/gap.h"
#include "ipc/ledger.h"

struct ipc_data_side {
    struct ipc_data_callbacks callbacks;
    void *context;
    uint64_t epoch;
    struct ledger ledger;
    uint64_t sequence;      /* of the last input */
    struct gap gap;         /* what the control plane reports of the inputs */
    uint64_t control_epoch; /* 0: none yet */
    uint64_t adopted_at;    /* the last input before that epoch's adoption */
    uint64_t committed;     /* the last command */
    bool command_gap;       /* a command beyond the next one came since */
    uint64_t refused;       /* the next command, if it can't be committed; else 0 */
    int refused_error;
    unsigned noted_version;
    struct buffer scratch;  /* a message that we make */
    struct ipc_items items; /* of the message that we read */
    struct ipc_data_counters counters;
};

int ipc_data_side_init(struct ipc_data_side **out, uint64_t epoch,
                       const struct ipc_data_callbacks *callbacks, void *context)
{
    struct ipc_data_side *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return ERR_MEMORY;
    d->callbacks = *callbacks;
    d->context = context;
    d->epoch = epoch;
    *out = d;
    return 0;
}

void ipc_data_side_free(struct ipc_data_side *d)
{
    if (d == NULL)
        return;
    ledger_free(&d->ledger);
    buffer_free(&d->scratch);
    ipc_items_free(&d->items);
    free(d);
}

/* Begins a message to the control plane that commands us, in the scratch buffer. */
static struct buffer *begin(struct ipc_data_side *d, enum ipc_kind kind, uint64_t sequence)
{
    buffer_clear(&d->scratch);
    ipc_frame_put(&d->scratch, &(struct ipc_frame){.kind = kind,
                                                   .from = d->epoch,
                                                   .to = d->control_epoch,
                                                   .sequence = sequence});
    return &d->scratch;
}

static void publish(struct ipc_data_side *d, struct bytes message)
{
    d->callbacks.publish(d->context, message);
}

/* Not saying it costs nothing but time: the next tick does it. */
static void publish_position(struct ipc_data_side *d)
{
    struct buffer *out = begin(d, IPC_KIND_position, d->sequence);
    struct ipc_item ours = {.type = IPC_data_position};
    ours.u.data_position = (struct ipc_data_position){.committed = d->committed,
                                                      .gap = d->command_gap,
                                                      .refused = d->refused,
                                                      .refused_error = (uint32_t)-d->refused_error};
    d->command_gap = false;
    if (ipc_item_encode(out, &ours) == 0)
        publish(d, buffer_view(out));
}

/* ---- inputs ---- */

/* Where an input's connection and number stand; NULL for what is no input. */
static uint64_t *input_number(struct ipc_item *item, uint64_t *connection)
{
    switch (item->type) {
#define X(name, number)                                                                            \
    case IPC_##name:                                                                               \
        *connection = item->u.name.connection;                                                     \
        return &item->u.name.input;
        IPC_INPUTS(X)
#undef X
    default:
        return NULL;
    }
}

int ipc_data_side_input(struct ipc_data_side *d, struct ipc_item *item)
{
    uint64_t connection = 0;
    uint64_t *number = input_number(item, &connection);
    if (number == NULL)
        return ERR_TYPE;
    int rc = ledger_next_number(&d->ledger, connection, number);
    struct buffer *out = begin(d, IPC_KIND_input, d->sequence + 1);
    if (rc == 0)
        rc = ipc_item_encode(out, item);
    if (rc == 0)
        rc = ledger_append(&d->ledger, connection, item->type, d->sequence + 1, buffer_view(out));
    if (rc != 0)
        return rc;
    d->sequence++;
    d->counters.inputs++;
    if (d->control_epoch != 0)
        publish(d, buffer_view(out));
    return 0;
}

void ipc_data_side_notice(struct ipc_data_side *d, struct bytes row)
{
    struct buffer *out = begin(d, IPC_KIND_notice, 0);
    if (d->control_epoch == 0 || buffer_append_bytes(out, row) != 0)
        return;
    d->counters.notices++;
    publish(d, buffer_view(out));
}

static void resend_inputs(struct ipc_data_side *d, uint64_t received)
{
    size_t count = 0;
    size_t bytes = 0;
    struct ledger_entry *e = ledger_after(&d->ledger, received);
    while (e != NULL && count < GAP_RESEND_MESSAGES && bytes < GAP_RESEND_BYTES) {
        publish(d, (struct bytes){e->frame, e->size});
        count++;
        bytes += e->size;
        e = e->next;
    }
    d->counters.inputs_resent += count;
}

/* The entry's own fields are gone with it, so they are read first. */
static void release(struct ipc_data_side *d, struct ledger_entry *e, uint64_t connection)
{
    enum ipc_type type = e->type;
    ledger_release(&d->ledger, e);
    d->callbacks.released(d->context, connection, type);
}

static void acknowledge(struct ipc_data_side *d, uint64_t connection, uint64_t up_to)
{
    struct ledger_entry *e = ledger_oldest(&d->ledger, connection, up_to);
    if (e == NULL)
        d->counters.acks_of_nothing++;
    while (e != NULL) {
        release(d, e, connection);
        e = ledger_oldest(&d->ledger, connection, up_to);
    }
}

/* ---- commands ---- */

/* An acknowledgement of what was never sent is as wrong as bytes that can't be read. */
static int check_command(const struct ipc_data_side *d)
{
    for (size_t i = 0; i < d->items.count; i++) {
        const struct ipc_item *item = &d->items.list[i];
        if (ipc_type_class(item->type) != IPC_CLASS_COMMAND)
            return ERR_TYPE;
        uint64_t last = ledger_last_number(&d->ledger, item->u.ack.connection);
        if (item->type == IPC_ack && last != 0 && item->u.ack.input > last)
            return ERR_RANGE;
    }
    return 0;
}

/* Moves the acknowledgements behind everything else. Returns how many others there are. */
static size_t acks_last(struct ipc_items *items, struct ipc_item *acks)
{
    size_t others = 0;
    size_t count = 0;
    for (size_t i = 0; i < items->count; i++) {
        if (items->list[i].type == IPC_ack)
            acks[count++] = items->list[i];
        else
            items->list[others++] = items->list[i];
    }
    for (size_t i = 0; i < count; i++)
        items->list[others + i] = acks[i];
    return others;
}

static int commit(struct ipc_data_side *d, uint64_t sequence)
{
    struct ipc_items *items = &d->items;
    struct ipc_item *acks = calloc(items->count + 1, sizeof(*acks));
    if (acks == NULL)
        return ERR_MEMORY;
    size_t total = items->count;
    items->count = acks_last(items, acks);
    free(acks);
    int rc = items->count > 0 && d->callbacks.check ? d->callbacks.check(d->context, items) : 0;
    if (rc != 0)
        return rc;
    d->committed = sequence;
    d->command_gap = false;
    d->counters.commands++;
    if (items->count > 0)
        d->callbacks.commit(d->context, items);
    for (size_t i = items->count; i < total; i++)
        acknowledge(d, items->list[i].u.ack.connection, items->list[i].u.ack.input);
    return 0;
}

static int refuse(struct ipc_data_side *d, uint64_t sequence, int error)
{
    d->counters.commands_refused_malformed++;
    d->refused = sequence;
    d->refused_error = error;
    d->callbacks.note(d->context, "command refused", error, sequence);
    publish_position(d);
    return error;
}

static int receive_command(struct ipc_data_side *d, const struct ipc_frame *frame)
{
    if (frame->to != d->epoch || frame->from != d->control_epoch) {
        d->counters.commands_refused_epoch++;
        return ERR_EPOCH;
    }
    if (frame->sequence <= d->committed) {
        d->counters.commands_repeated++;
        return ERR_REPEAT;
    }
    if (frame->sequence > d->committed + 1) {
        d->counters.commands_beyond_gap++;
        d->command_gap = true;
        return ERR_GAP;
    }
    if (frame->sequence == d->refused)
        return d->refused_error;
    int rc = ipc_items_decode(&d->items, frame->row);
    if (rc == 0)
        rc = check_command(d);
    if (rc == 0)
        rc = commit(d, frame->sequence);
    return rc == 0 || rc == ERR_MEMORY ? rc : refuse(d, frame->sequence, rc);
}

/* ---- what the control plane says of itself ---- */

static int malformed(struct ipc_data_side *d, int error)
{
    d->counters.malformed++;
    return error;
}

static int receive_position(struct ipc_data_side *d, const struct ipc_frame *frame)
{
    int rc = ipc_items_decode(&d->items, frame->row);
    if (rc == 0 && (d->items.count != 1 || d->items.list[0].type != IPC_control_position))
        rc = ERR_TYPE;
    if (rc != 0)
        return malformed(d, rc);
    const struct ipc_control_position *theirs = &d->items.list[0].u.control_position;
    if (!theirs->live)
        return 0;
    if (frame->to != d->epoch || frame->from != d->control_epoch)
        return ERR_EPOCH;
    if (frame->sequence > d->committed)
        d->command_gap = true;
    if (gap_report(&d->gap, theirs->received, theirs->gap, d->sequence))
        resend_inputs(d, theirs->received);
    return 0;
}

/* Says it once for each version: it comes again ten times a second. */
static void note_version(struct ipc_data_side *d, unsigned theirs)
{
    d->counters.commands_refused_version++;
    if (theirs == d->noted_version)
        return;
    d->noted_version = theirs;
    d->callbacks.note(d->context, "another version of the contract", ERR_VERSION, theirs);
}

int ipc_data_side_receive(struct ipc_data_side *d, struct bytes message)
{
    struct ipc_frame frame;
    int rc = ipc_frame_read(&frame, message);
    if (rc == ERR_VERSION) {
        note_version(d, frame.version);
        return rc;
    }
    if (rc != 0)
        return malformed(d, rc);
    if (frame.kind == IPC_KIND_command)
        return receive_command(d, &frame);
    if (frame.kind == IPC_KIND_position)
        return receive_position(d, &frame);
    return malformed(d, ERR_TYPE);
}

/* ---- adoption ---- */

/*
 * An input that killed the control plane again and again is dropped, and its connection goes. If it
 * is the `closed`, nothing can come after it, so all of the connection is let go.
 */
static void take_report(struct ipc_data_side *d, const struct ipc_report *report)
{
    struct ledger_entry *e = ledger_find(&d->ledger, report->connection, report->input);
    if (report->data_epoch != d->epoch || e == NULL || e->reported_by == report->control_epoch)
        return;
    e->reported_by = report->control_epoch;
    if (++e->reports < IPC_POISON_REPORTS)
        return;
    if (e->type == IPC_closed)
        acknowledge(d, report->connection, report->input);
    else
        release(d, e, report->connection);
    d->callbacks.poisoned(d->context, report->connection, report->input);
}

static void adopt(struct ipc_data_side *d, uint64_t control_epoch)
{
    d->control_epoch = control_epoch;
    d->command_gap = false;
    d->refused = 0;
    d->refused_error = 0;
    d->noted_version = 0;
    for (size_t i = 1; i < d->items.count; i++)
        take_report(d, &d->items.list[i].u.report);
    d->adopted_at = d->sequence;
    ledger_renumber(&d->ledger, d->sequence + 1, control_epoch);
    d->sequence += d->ledger.count;
    gap_reset(&d->gap, d->adopted_at);
    d->counters.snapshots++;
    d->callbacks.note(d->context, "control epoch", 0, control_epoch);
}

/* The items of a request: 0 if they are what they must be. */
static int check_request(struct ipc_data_side *d, const struct ipc_frame *frame)
{
    if (frame->kind != IPC_KIND_request)
        return ERR_TYPE;
    int rc = ipc_items_decode(&d->items, frame->row);
    if (rc != 0)
        return rc;
    if (d->items.count == 0 || d->items.list[0].type != IPC_request)
        return ERR_TYPE;
    for (size_t i = 1; i < d->items.count; i++)
        if (d->items.list[i].type != IPC_report)
            return ERR_TYPE;
    bool first = d->items.list[0].u.request.cursor == 0;
    bool ours = frame->to == d->epoch || (first && frame->to == 0);
    bool current = frame->from == d->control_epoch || (first && frame->from > d->control_epoch);
    return ours && current ? 0 : ERR_EPOCH;
}

static void put_reply(struct ipc_data_side *d, struct buffer *reply, uint64_t to,
                      const struct ipc_item *head)
{
    buffer_clear(reply);
    ipc_frame_put(
        reply, &(struct ipc_frame){
                   .kind = IPC_KIND_reply, .from = d->epoch, .to = to, .sequence = d->adopted_at});
    ipc_item_encode(reply, head);
}

static void put_refusal(struct ipc_data_side *d, struct buffer *reply, uint64_t to, int error)
{
    struct ipc_item item = {.type = IPC_refusal};
    item.u.refusal =
        (struct ipc_refusal){.error = (uint32_t)-error, .control_epoch = d->control_epoch};
    d->counters.requests_refused++;
    put_reply(d, reply, to, &item);
}

static void put_slice(struct ipc_data_side *d, struct buffer *reply, uint64_t cursor)
{
    struct ipc_item item = {.type = IPC_slice};
    struct buffer *row = &d->scratch;
    uint64_t next = cursor;
    buffer_clear(row);
    bool last = d->callbacks.snapshot(d->context, &next, row);
    item.u.slice =
        (struct ipc_slice){.cursor = cursor, .next = next, .last = last, .committed = d->committed};
    put_reply(d, reply, d->control_epoch, &item);
    buffer_append_bytes(reply, buffer_view(row));
    d->counters.slices++;
    if (row->failed || reply->failed)
        put_refusal(d, reply, d->control_epoch, ERR_MEMORY);
}

void ipc_data_side_request(struct ipc_data_side *d, struct bytes request, struct buffer *reply)
{
    struct ipc_frame frame;
    int rc = ipc_frame_read(&frame, request);
    if (rc == ERR_VERSION)
        note_version(d, frame.version);
    else if (rc == 0)
        rc = check_request(d, &frame);
    if (rc != 0) {
        put_refusal(d, reply, frame.from, rc);
        return;
    }
    uint64_t cursor = d->items.list[0].u.request.cursor;
    if (frame.from != d->control_epoch)
        adopt(d, frame.from);
    put_slice(d, reply, cursor);
}

void ipc_data_side_tick(struct ipc_data_side *d)
{
    gap_tick(&d->gap);
    publish_position(d);
}

/* ---- what can be read ---- */

size_t ipc_data_side_pending_bytes(const struct ipc_data_side *d)
{
    return d->ledger.bytes;
}

size_t ipc_data_side_pending(const struct ipc_data_side *d)
{
    return d->ledger.count;
}

uint64_t ipc_data_side_control_epoch(const struct ipc_data_side *d)
{
    return d->control_epoch;
}

const struct ipc_data_counters *ipc_data_side_counters(const struct ipc_data_side *d)
{
    return &d->counters;
}
