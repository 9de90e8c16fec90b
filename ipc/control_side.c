#include "ipc/control_side.h"

#include <stdlib.h>

#include "common/error.h"
#include "ipc/frame.h"
#include "ipc/gap.h"
#include "ipc/outbox.h"

#define REPLY_WAIT_NS 1000000000u /* then a request is repeated; the answer is the same */

struct ipc_control_side {
    struct ipc_control_callbacks callbacks;
    void *context;
    enum ipc_control_state state;
    uint64_t epoch;       /* of this adoption; 0: the next request begins a new one */
    uint64_t epoch_floor; /* what a new epoch must exceed */
    uint64_t data_epoch;
    uint64_t cursor; /* of the slice that is wanted */
    bool asked;      /* a request is on its way */
    uint64_t asked_at;
    unsigned foreign_version; /* that a publication was in; 0: none */
    uint64_t foreign_at;
    struct ipc_note_entry report;
    bool has_report;
    uint64_t received; /* the last input */
    bool input_gap;    /* an input beyond the next one was sent */
    uint64_t sent;     /* the last command */
    struct outbox outbox;
    struct gap gap; /* what the data plane reports of the commands */
    int lost_error; /* `lost` is to be called with the next tick */
    bool heard;     /* something of the data plane since the last tick */
    bool is_silent;
    uint64_t heard_at;
    uint64_t now;           /* of the last tick; 0: there was none */
    struct buffer scratch;  /* a message that we make */
    struct ipc_items items; /* of the message that we read */
    struct ipc_control_counters counters;
};

int ipc_control_side_init(struct ipc_control_side **out,
                          const struct ipc_control_callbacks *callbacks, void *context)
{
    struct ipc_control_side *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return ERR_MEMORY;
    c->callbacks = *callbacks;
    c->context = context;
    *out = c;
    return 0;
}

void ipc_control_side_free(struct ipc_control_side *c)
{
    if (c == NULL)
        return;
    outbox_clear(&c->outbox);
    buffer_free(&c->scratch);
    ipc_items_free(&c->items);
    free(c);
}

void ipc_control_side_report(struct ipc_control_side *c, const struct ipc_note_entry *entry)
{
    c->report = *entry;
    c->has_report = true;
}

/* Begins a message to the data plane that we have adopted, in the scratch buffer. */
static struct buffer *begin(struct ipc_control_side *c, enum ipc_kind kind, uint64_t sequence)
{
    buffer_clear(&c->scratch);
    ipc_frame_put(&c->scratch,
                  &(struct ipc_frame){
                      .kind = kind, .from = c->epoch, .to = c->data_epoch, .sequence = sequence});
    return &c->scratch;
}

static void publish_position(struct ipc_control_side *c)
{
    struct buffer *out = begin(c, IPC_KIND_position, c->sent);
    struct ipc_item ours = {.type = IPC_control_position};
    ours.u.control_position = (struct ipc_control_position){
        .live = c->state == IPC_CONTROL_LIVE, .received = c->received, .gap = c->input_gap};
    c->input_gap = false;
    if (ipc_item_encode(out, &ours) == 0 && c->epoch != 0)
        c->callbacks.publish(c->context, buffer_view(out));
}

/* ---- lives ---- */

/* Everything of this adoption is void; the next tick begins another. */
static void start_over(struct ipc_control_side *c)
{
    c->state = IPC_CONTROL_SEEKING;
    c->epoch_floor = c->epoch > c->epoch_floor ? c->epoch : c->epoch_floor;
    c->epoch = 0;
    c->data_epoch = 0;
    c->asked = false;
    c->received = 0;
    c->input_gap = false;
    c->sent = 0;
    outbox_clear(&c->outbox);
}

static int lose(struct ipc_control_side *c, int error)
{
    bool had = c->state != IPC_CONTROL_SEEKING;
    start_over(c);
    if (had)
        c->callbacks.lost(c->context, error);
    return error;
}

static void encode_request(struct ipc_control_side *c, struct buffer *out)
{
    struct ipc_item item = {.type = IPC_request, .u.request = {.cursor = c->cursor}};
    ipc_item_encode(out, &item);
    if (c->cursor != 0 || !c->has_report)
        return;
    item.type = IPC_report;
    item.u.report = (struct ipc_report){.data_epoch = c->report.data_epoch,
                                        .control_epoch = c->report.control_epoch,
                                        .connection = c->report.connection,
                                        .input = c->report.input};
    ipc_item_encode(out, &item);
}

/* Asks for the slice at the cursor; without an epoch: for the first one, in a new epoch. */
static void ask(struct ipc_control_side *c)
{
    if (c->epoch == 0) {
        uint64_t epoch = c->callbacks.new_epoch(c->context);
        c->epoch = epoch > c->epoch_floor ? epoch : c->epoch_floor + 1;
        c->cursor = 0;
    }
    struct buffer *out = begin(c, IPC_KIND_request, 0);
    encode_request(c, out);
    if (out->failed)
        return;
    c->asked = true;
    c->asked_at = c->now;
    c->callbacks.request(c->context, buffer_view(out));
}

static int mismatch(struct ipc_control_side *c, unsigned theirs)
{
    c->callbacks.version_mismatch(c->context, IPC_VERSION, theirs);
    return ERR_VERSION;
}

/*
 * Only our request tells the data plane of us, and then its reply tells us too. So a publication
 * alone makes us ask; it counts by itself when no reply came in the time that one has.
 */
static int published_mismatch(struct ipc_control_side *c, unsigned theirs)
{
    if (c->foreign_version != theirs) {
        c->foreign_version = theirs;
        c->foreign_at = c->now;
        return lose(c, ERR_VERSION);
    }
    return c->now - c->foreign_at >= REPLY_WAIT_NS ? mismatch(c, theirs) : ERR_VERSION;
}

/* ---- replies ---- */

static void install(struct ipc_control_side *c)
{
    for (size_t i = 1; i < c->items.count; i++) {
        const struct ipc_item *item = &c->items.list[i];
        if (item->type == IPC_opened || ipc_type_class(item->type) == IPC_CLASS_COMMAND)
            c->callbacks.installed(c->context, item);
        else
            c->counters.malformed++;
    }
}

/* The data plane has given us its memory; from here on it obeys this epoch alone. */
static void begin_adoption(struct ipc_control_side *c, const struct ipc_frame *frame,
                           uint64_t committed)
{
    c->state = IPC_CONTROL_ADOPTING;
    c->data_epoch = frame->from;
    c->received = frame->sequence;
    c->sent = committed;
    gap_reset(&c->gap, committed);
    c->counters.adoptions++;
    c->callbacks.adopting(c->context, c->data_epoch);
}

/* Says at once where we are: what waited in the data plane comes without a tick's delay. */
static void end_adoption(struct ipc_control_side *c)
{
    c->state = IPC_CONTROL_LIVE;
    c->has_report = false;
    c->callbacks.adopted(c->context);
    c->input_gap = true;
    publish_position(c);
}

static int take_slice(struct ipc_control_side *c, const struct ipc_frame *frame)
{
    struct ipc_slice slice = c->items.list[0].u.slice;
    if (slice.cursor != c->cursor)
        return ERR_REPEAT;
    c->asked = false;
    if (c->state == IPC_CONTROL_SEEKING)
        begin_adoption(c, frame, slice.committed);
    else if (frame->from != c->data_epoch)
        return lose(c, ERR_EPOCH);
    install(c);
    c->cursor = slice.next;
    if (slice.last)
        end_adoption(c);
    else
        ask(c);
    return 0;
}

static int take_refusal(struct ipc_control_side *c)
{
    struct ipc_refusal refusal = c->items.list[0].u.refusal;
    c->counters.requests_refused++;
    if (refusal.control_epoch > c->epoch_floor)
        c->epoch_floor = refusal.control_epoch;
    return lose(c, ERR_EPOCH);
}

static int malformed(struct ipc_control_side *c, int error)
{
    c->counters.malformed++;
    return error;
}

int ipc_control_side_reply(struct ipc_control_side *c, struct bytes reply)
{
    struct ipc_frame frame;
    if (reply.len == 0) {
        c->asked = false;
        return 0;
    }
    int rc = ipc_frame_read(&frame, reply);
    if (rc == ERR_VERSION)
        return mismatch(c, frame.version);
    if (rc == 0 && frame.kind == IPC_KIND_reply)
        rc = ipc_items_decode(&c->items, frame.row);
    if (rc != 0 || frame.kind != IPC_KIND_reply || c->items.count == 0)
        return malformed(c, rc != 0 ? rc : ERR_TYPE);
    c->heard = true;
    if (!c->asked || frame.to != c->epoch)
        return ERR_REPEAT; /* of a request that was given up */
    if (c->items.list[0].type == IPC_slice)
        return take_slice(c, &frame);
    return c->items.list[0].type == IPC_refusal ? take_refusal(c) : malformed(c, ERR_TYPE);
}

/* ---- what the data plane publishes ---- */

static int receive_input(struct ipc_control_side *c, const struct ipc_frame *frame)
{
    if (frame->sequence <= c->received) {
        c->counters.inputs_repeated++;
        return ERR_REPEAT;
    }
    if (frame->sequence > c->received + 1) {
        c->counters.inputs_beyond_gap++;
        c->input_gap = true;
        return ERR_GAP;
    }
    int rc = ipc_items_decode(&c->items, frame->row);
    if (rc == 0 &&
        (c->items.count != 1 || ipc_type_class(c->items.list[0].type) != IPC_CLASS_INPUT))
        rc = ERR_TYPE;
    if (rc != 0)
        return malformed(c, rc);
    c->received = frame->sequence;
    c->input_gap = false;
    c->counters.inputs++;
    c->callbacks.input(c->context, &c->items.list[0]);
    return 0;
}

static int receive_notice(struct ipc_control_side *c, const struct ipc_frame *frame)
{
    int rc = ipc_items_decode(&c->items, frame->row);
    if (rc != 0)
        return malformed(c, rc);
    for (size_t i = 0; i < c->items.count; i++) {
        const struct ipc_item *item = &c->items.list[i];
        if (ipc_type_class(item->type) != IPC_CLASS_NOTICE)
            return malformed(c, ERR_TYPE);
        c->counters.notices++;
        c->callbacks.notice(c->context, item);
    }
    return 0;
}

static void resend_commands(struct ipc_control_side *c, uint64_t committed)
{
    size_t count = 0;
    size_t bytes = 0;
    struct outbox_entry *e = outbox_after(&c->outbox, committed);
    while (e != NULL && count < GAP_RESEND_MESSAGES && bytes < GAP_RESEND_BYTES) {
        c->callbacks.publish(c->context, (struct bytes){e->frame, e->size});
        count++;
        bytes += e->size;
        e = e->next;
    }
    c->counters.commands_resent += count;
}

static int receive_position(struct ipc_control_side *c, const struct ipc_frame *frame)
{
    int rc = ipc_items_decode(&c->items, frame->row);
    if (rc == 0 && (c->items.count != 1 || c->items.list[0].type != IPC_data_position))
        rc = ERR_TYPE;
    if (rc != 0)
        return malformed(c, rc);
    const struct ipc_data_position *theirs = &c->items.list[0].u.data_position;
    if (theirs->committed > c->sent)
        return malformed(c, ERR_RANGE);
    if (frame->sequence > c->received)
        c->input_gap = true;
    outbox_commit(&c->outbox, theirs->committed);
    if (theirs->refused != 0)
        return lose(c, theirs->refused_error > INT32_MAX ? ERR_RANGE : -(int)theirs->refused_error);
    if (gap_report(&c->gap, theirs->committed, theirs->gap, c->sent))
        resend_commands(c, theirs->committed);
    return 0;
}

/*
 * Is the message from the life that we have adopted, and for this adoption? A newer life of the
 * data plane, or one that a newer epoch than ours commands, means that our adoption is void. So
 * does any other life once ours has gone silent: the clock may have jumped back.
 */
static int check_epochs(struct ipc_control_side *c, const struct ipc_frame *frame)
{
    if (frame->from == c->data_epoch && frame->to == c->epoch)
        return 0;
    c->counters.foreign_epoch++;
    if (frame->from > c->data_epoch || (frame->from != c->data_epoch && c->is_silent))
        return lose(c, ERR_EPOCH);
    if (frame->from == c->data_epoch && frame->to > c->epoch) {
        c->epoch_floor = frame->to;
        return lose(c, ERR_EPOCH);
    }
    return ERR_EPOCH;
}

int ipc_control_side_receive(struct ipc_control_side *c, struct bytes message)
{
    struct ipc_frame frame;
    int rc = ipc_frame_read(&frame, message);
    if (rc == ERR_VERSION)
        return published_mismatch(c, frame.version);
    if (rc != 0)
        return malformed(c, rc);
    if (frame.kind != IPC_KIND_input && frame.kind != IPC_KIND_notice &&
        frame.kind != IPC_KIND_position)
        return malformed(c, ERR_TYPE);
    if (c->state != IPC_CONTROL_SEEKING)
        rc = check_epochs(c, &frame);
    if (rc != 0)
        return rc;
    c->heard = true;
    if (c->state != IPC_CONTROL_LIVE)
        return 0; /* what counts comes again after the adoption */
    if (frame.kind == IPC_KIND_input)
        return receive_input(c, &frame);
    return frame.kind == IPC_KIND_notice ? receive_notice(c, &frame) : receive_position(c, &frame);
}

/* ---- transactions ---- */

static int send_row(struct ipc_control_side *c, struct bytes row)
{
    if (row.len > IPC_ROW_MAX)
        return ERR_TOO_LARGE;
    if (c->outbox.bytes + row.len > IPC_UNCOMMITTED_MAX)
        return ERR_FULL;
    struct buffer *out = begin(c, IPC_KIND_command, c->sent + 1);
    int rc = buffer_append_bytes(out, row);
    if (rc == 0)
        rc = outbox_append(&c->outbox, c->sent + 1, buffer_view(out));
    if (rc != 0)
        return rc;
    c->sent++;
    c->counters.commands++;
    c->callbacks.publish(c->context, buffer_view(out));
    return 0;
}

int ipc_control_side_transact(struct ipc_control_side *c, struct bytes row)
{
    if (c->state != IPC_CONTROL_LIVE)
        return ERR_CLOSED;
    if (row.len == 0)
        return 0;
    int rc = send_row(c, row);
    if (rc != 0) { /* what it says is true of the caller's objects and of nothing else */
        start_over(c);
        c->lost_error = rc;
    }
    return rc;
}

/* ---- time ---- */

static void watch_silence(struct ipc_control_side *c)
{
    bool was = c->is_silent;
    if (c->heard || c->heard_at == 0)
        c->heard_at = c->now;
    c->heard = false;
    c->is_silent = c->now - c->heard_at >= IPC_SILENT_NS;
    if (c->is_silent != was && c->callbacks.silent != NULL)
        c->callbacks.silent(c->context, c->is_silent);
}

void ipc_control_side_tick(struct ipc_control_side *c, uint64_t now)
{
    c->now = now;
    watch_silence(c);
    gap_tick(&c->gap);
    if (c->lost_error != 0) {
        int error = c->lost_error;
        c->lost_error = 0;
        c->callbacks.lost(c->context, error);
    }
    if (c->state != IPC_CONTROL_LIVE && (!c->asked || now - c->asked_at >= REPLY_WAIT_NS))
        ask(c);
    publish_position(c);
}

/* ---- what can be read ---- */

enum ipc_control_state ipc_control_side_state(const struct ipc_control_side *c)
{
    return c->state;
}

uint64_t ipc_control_side_data_epoch(const struct ipc_control_side *c)
{
    return c->data_epoch;
}

uint64_t ipc_control_side_epoch(const struct ipc_control_side *c)
{
    return c->epoch;
}

size_t ipc_control_side_uncommitted(const struct ipc_control_side *c)
{
    return c->outbox.count;
}

const struct ipc_control_counters *ipc_control_side_counters(const struct ipc_control_side *c)
{
    return &c->counters;
}
